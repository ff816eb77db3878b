"""Features of what the canonical views show: a U-Net over each view whose coarsest level attends across views."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

INPUTS = 9
"""Channels of a pixel: colour, position, whether anything is seen, nearness to the gripper and to where it acted."""

BLOCK = 4
"""Pixels along a side of a cell."""

FINE, MIDDLE, COARSE = 64, 96, 128
"""Channels of the three levels."""

ATTENTION_LAYERS, HEADS = 3, 4

GROUPS = 8
"""Of channels that are normalised together; statistics of batches would make samples depend on each other."""


class ViewEncoder(nn.Module):
    """Features of every cell, and those of coarser ones to attend to.

    Args:
        views: number of canonical views.
        cells: along a side of a view, a multiple of 4.
        width: channels of a cell's features.
    """

    def __init__(self, views: int, cells: int, width: int) -> None:
        super().__init__()
        self.views, coarse = views, cells // 4
        self.stem = nn.Conv2d(INPUTS, FINE, BLOCK + 2, stride=BLOCK, padding=1)
        self.down_fine = nn.Sequential(Residual(FINE), nn.GroupNorm(GROUPS, FINE), nn.ReLU())
        self.to_middle = nn.Conv2d(FINE, MIDDLE, 3, stride=2, padding=1)
        self.down_middle = nn.Sequential(DeepResidual(MIDDLE), nn.GroupNorm(GROUPS, MIDDLE), nn.ReLU())
        self.to_coarse = nn.Conv2d(MIDDLE, COARSE, 3, stride=2, padding=1)
        self.place = nn.Parameter(0.02 * torch.randn(views * coarse**2, COARSE))
        self.attention = nn.ModuleList([AttentionBlock(COARSE, HEADS) for _ in range(ATTENTION_LAYERS)])
        self.from_coarse, self.up_middle = nn.Conv2d(COARSE, 4 * MIDDLE, 1), DeepResidual(MIDDLE)
        self.from_middle, self.up_fine = nn.Conv2d(MIDDLE, 4 * FINE, 1), Residual(FINE)
        first, second = nn.Conv2d(FINE, 2 * width, 1), nn.Conv2d(2 * width, width, 1)
        self.cell = nn.Sequential(nn.GroupNorm(GROUPS, FINE), nn.ReLU(), first, nn.ReLU(), second)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features of cells (B, V * C * C, `width`) and of coarser ones (B, V * C/2 * C/2, `MIDDLE`).

        Args:
            images: (B, V, `INPUTS`, `BLOCK` * C, `BLOCK` * C).
        """
        batch = len(images)
        # Processors multiply faster with the channels last.
        fine = self.stem(images.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        fine_residual = self.down_fine[0](fine)
        middle_residual = self.down_middle[0](self.to_middle(self.down_fine[1:](fine_residual)))
        coarse = self._across_views(self.to_coarse(self.down_middle[1:](middle_residual)), batch)
        middle = self.up_middle(middle_residual + functional.pixel_shuffle(self.from_coarse(coarse), 2))
        fine = self.up_fine(fine_residual + functional.pixel_shuffle(self.from_middle(middle), 2))
        return self._by_scene(self.cell(fine), batch), self._by_scene(middle, batch)

    def _across_views(self, coarse: Tensor, batch: int) -> Tensor:
        tokens = self._by_scene(coarse, batch) + self.place
        for block in self.attention:
            tokens = block(tokens)
        return tokens.view(len(coarse), -1, COARSE).transpose(1, 2).reshape(coarse.shape)

    def _by_scene(self, features: Tensor, batch: int) -> Tensor:
        """(B, V * H * W, channels) of (B * V, channels, H, W)."""
        return features.permute(0, 2, 3, 1).reshape(batch, -1, features.shape[1])


class Residual(nn.Module):
    """One convolution beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.GroupNorm(GROUPS, width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.branch(features)


class DeepResidual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = [(nn.GroupNorm(GROUPS, width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)) for _ in range(2)]
        self.branch = nn.Sequential(*layers[0], *layers[1])

    def forward(self, features: Tensor) -> Tensor:
        return features + self.branch(features)


class AttentionBlock(nn.Module):
    """A pre-norm transformer layer; with `memory_width` it attends to a memory too."""

    def __init__(self, width: int, heads: int, memory_width: int = 0) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.projection, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        if memory_width:
            self.memory_norm, self.memory_query = nn.LayerNorm(width), nn.Linear(width, width)
            self.memory_projection, self.memory_out = nn.Linear(memory_width, 2 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor, mask: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        """(B, T, width) of the same.

        Args:
            mask: (B, 1, T, T) bool, which tokens each attends to.
            memory: (B, M, memory_width).
        """
        query, key, value = map(self._by_head, self.projection(self.norm(tokens)).chunk(3, -1))
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        tokens = tokens + self.out(attended.transpose(1, 2).flatten(2))
        if memory is not None:
            key, value = map(self._by_head, self.memory_projection(memory).chunk(2, -1))
            query = self._by_head(
                self.memory_query(self.memory_norm(tokens)).reshape(len(memory), -1, tokens.shape[-1])
            )
            attended = functional.scaled_dot_product_attention(query, key, value)
            tokens = tokens + self.memory_out(attended.transpose(1, 2).flatten(2))
        return tokens + self.perceptron(tokens)

    def _by_head(self, features: Tensor) -> Tensor:
        return features.unflatten(-1, (self.heads, -1)).transpose(1, 2)
