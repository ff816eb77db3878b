"""First weights of the tiny base, with which its language model copies before it has learnt anything.

Plans repeat the words of their instructions. A transformer learns to do so when it forms induction heads (Olsson et
al., arXiv 2209.11895): a head of one layer tells every token what stood before it, and a head of the next looks for
the place before which the present token stood. Such heads take a small model a large part of its training to find, so
they are written down instead (after Trockman & Kolter, arXiv 2305.09828, who start from weights of the form that
training leads to). Everything trains on from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from transformers import Qwen2_5_VLForConditionalGeneration

COPYING_HEADS = 3
"""Of each of the first two layers."""

SHARPNESS = 7.0
"""Of the look at the token before: with it, 99.6 % of the attention is there."""

NEAR_FREQUENCIES = 6
"""The highest rotary frequencies, which tell a token from its neighbours."""

FAR, FAR_ANGLE = 100, 1.3
"""Rotary frequencies that turn by less than this [rad] over so many tokens compare what tokens are, not where."""

MATCHING = 3.0
"""Gain of that comparison."""

COPYING = 6.0
"""Weight of what was copied beside a token's own embedding."""


@torch.no_grad()
def prime(model: Qwen2_5_VLForConditionalGeneration) -> None:
    """Set all weights of language model and vision tower; random numbers come from torch's generator."""
    language, vision = model.model.language_model, model.model.visual
    width = language.config.hidden_size
    _scale(vision.named_parameters(), 1 / math.sqrt(2 * vision.config.depth))
    # What layers add to a token must not drown its embedding, whose size is that of a row of the embedding matrix.
    _scale(language.layers.named_parameters(), width**-0.5 / math.sqrt(2 * language.config.num_hidden_layers))
    nn.init.normal_(language.embed_tokens.weight, std=width**-0.5)
    _write_induction(language)


def _scale(parameters: Iterable[tuple[str, nn.Parameter]], output: float) -> None:
    """Matrices that keep the size of what goes in, and change what they add to the residual stream by a factor."""
    for name, weight in parameters:
        if weight.ndim >= 2:
            adds = any(part in name for part in ("o_proj", "attn.proj", "down_proj"))
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5 * (output if adds else 1))


def _write_induction(language: nn.Module) -> None:
    """Heads of the first layer that look one token back, and of the second that look for the same token before."""
    config = language.config
    width = config.hidden_size
    head_width = width // config.num_attention_heads
    half = head_width // 2
    frequencies = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    slow = torch.nonzero(frequencies * FAR < FAR_ANGLE).flatten()
    compared = torch.cat([slow, slow + half])
    basis, places = _orthonormal(width), _orthonormal(width)
    first, second = (language.layers[number].self_attn for number in (0, 1))
    for head in range(COPYING_HEADS):
        rows = slice(head * head_width, (head + 1) * head_width)
        reads = basis[rows]
        copies = basis[(head + 1) * head_width % width :][:head_width]
        writes = places[:, rows]
        _look_back(first, rows, frequencies)
        first.v_proj.weight[rows], first.o_proj.weight[:, rows] = reads, writes * width**-0.5
        for projection, matrix in ((second.q_proj, reads), (second.k_proj, writes.T)):
            projection.weight[rows] = 0
            projection.weight[rows.start + compared] = MATCHING * matrix[: len(compared)]
        second.v_proj.weight[rows], second.o_proj.weight[:, rows] = copies, copies.T * width**-0.5 * COPYING


def _look_back(attention: nn.Module, rows: slice, frequencies: Tensor) -> None:
    """Biases whose rotary product, the sum of cos((distance - 1) frequency), is largest one token back."""
    half, near = len(frequencies), frequencies[:NEAR_FREQUENCIES]
    query, key = torch.zeros(2, 2 * half)
    query[: len(near)], query[half : half + len(near)] = near.cos(), -near.sin()
    key[: len(near)] = 1
    for projection, bias in ((attention.q_proj, query), (attention.k_proj, key)):
        projection.weight[rows] *= 0.05
        projection.bias[rows] = SHARPNESS * bias


def _orthonormal(size: int) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size))[0]
