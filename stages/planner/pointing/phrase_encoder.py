"""What words mean: vectors of the words of phrases from the frozen first layers of a pre-trained language model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stages.planner.language.model import SMOLLM2, load_language_model

LAYERS = 8
"""After so many layers of SmolLM2 words of like meaning are near each other: the cosine of "fridge" and "refrigerator"
is 0.77, of "crimson" and "red" 0.28, of "fridge" and "shoe" -0.11."""

WIDTH = 576
"""Of the vectors: SmolLM2-135M's."""

MAX_WORDS = 32

CONTEXT = "the"
"""Words are read behind this one, as the first token of a text has a state unlike all others."""


class PhraseEncoder:
    """Vectors of the words of phrases, each read on its own, and remembered.

    Args:
        model: a language model without its output layer.
        tokenizer: its tokenizer.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model, self._tokenizer = model.eval(), tokenizer
        self._vector = lru_cache(maxsize=20_000)(self._read)

    def __call__(self, phrases: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Vectors (P, T, `WIDTH`) of unit variance, padded with zeros, and numbers of words (P,), at least 1."""
        rows = [phrase.lower().split()[:MAX_WORDS] or [""] for phrase in phrases]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
        vectors = torch.zeros(len(rows), max(map(len, rows), default=1), WIDTH)
        for number, row in enumerate(rows):
            vectors[number, : len(row)] = torch.stack([self._vector(word) for word in row])
        return vectors, lengths

    def save(self, folder: Path) -> None:
        """Write model and tokenizer in 16 bits."""
        half = AutoModel.from_config(self._model.config, dtype=torch.float16)
        half.load_state_dict({"norm.weight": half.norm.weight, **self._model.state_dict()})
        half.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)

    @torch.no_grad()
    def _read(self, word: str) -> Tensor:
        """The mean state (`WIDTH`,) of a word's tokens."""
        before = len(self._tokenizer(CONTEXT)["input_ids"])
        ids = torch.tensor([self._tokenizer(f"{CONTEXT} {word}")["input_ids"]])
        states = self._model(ids).last_hidden_state[0].float()
        return functional.layer_norm(states[before:].mean(0) if ids.shape[1] > before else states[-1], (WIDTH,))


@cache
def packaged_phrase_encoder() -> PhraseEncoder:
    """The first `LAYERS` of the packaged SmolLM2.

    Raises:
        UserError: the package is not installed.
    """
    model, tokenizer = load_language_model(SMOLLM2)
    first = model.model
    first.layers, first.norm = first.layers[:LAYERS], nn.Identity()
    first.config.num_hidden_layers = LAYERS
    return PhraseEncoder(first, tokenizer)


def load_phrase_encoder(folder: Path) -> PhraseEncoder:
    """What `PhraseEncoder.save` wrote."""
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    model.norm = nn.Identity()
    return PhraseEncoder(model, AutoTokenizer.from_pretrained(folder))
