"""The step's words as vectors: a built-in table of hashed words, or a Hugging Face SigLIP text model."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import torch
from torch import Tensor, nn

from stages.core.errors import UserError

MAX_WORDS = 16
PAD = 0
GAIN = 8.0
"""Lets the words' rows, which start at zero, grow as fast as they matter."""


class WordEncoder(nn.Module):
    """One vector per word, plus its place in the sentence.

    A word is the hash of its letters, so any word has a row. Rows start at zero and only training moves them:
    a word never seen says nothing, exactly like the words dropped in training, instead of something random.
    """

    def __init__(self, width: int, buckets: int = 1024) -> None:
        super().__init__()
        self.buckets = buckets
        self.words = nn.Embedding(buckets, width, padding_idx=PAD)
        self.places = nn.Parameter(torch.randn(MAX_WORDS, width) * 0.02)
        nn.init.zeros_(self.words.weight)

    def tokenize(self, texts: list[str]) -> Tensor:
        """Word ids (B, MAX_WORDS); 0 where there is none."""
        ids = torch.zeros(len(texts), MAX_WORDS, dtype=torch.long)
        for row, text in zip(ids, texts, strict=True):
            words = re.findall(r"[a-z0-9]+", text.lower())[:MAX_WORDS]
            row[: len(words)] = torch.tensor([1 + zlib.crc32(w.encode()) % (self.buckets - 1) for w in words])
        return ids

    def drop(self, ids: Tensor, share: float, generator: torch.Generator) -> Tensor:
        """The same ids with a share of the words forgotten."""
        return ids.masked_fill(torch.rand(ids.shape, generator=generator) < share, PAD)

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors (B, MAX_WORDS, width)."""
        return GAIN * self.words(ids) + self.places


class SiglipTextEncoder(nn.Module):
    """The token states of a SigLIP text model, frozen, projected to the transformer's width."""

    def __init__(self, model: nn.Module, tokenizer: object, width: int) -> None:
        super().__init__()
        self.model = model.requires_grad_(False)
        self.tokenizer = tokenizer
        self.length = model.config.max_position_embeddings
        self.project = nn.Linear(model.config.hidden_size, width)

    def tokenize(self, texts: list[str]) -> Tensor:
        """Token ids (B, L), padded to the model's full length as SigLIP was trained."""
        options = {"padding": "max_length", "max_length": self.length, "truncation": True, "return_tensors": "pt"}
        return self.tokenizer(texts, **options)["input_ids"]

    def drop(self, ids: Tensor, share: float, generator: torch.Generator) -> Tensor:
        """The same ids with a share of the tokens padded."""
        return ids.masked_fill(torch.rand(ids.shape, generator=generator) < share, self.tokenizer.pad_token_id)

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors (B, L, width)."""
        with torch.no_grad():
            states = self.model(input_ids=ids).last_hidden_state
        return self.project(states)


def load_text_encoder(name: str, width: int, weights: bool = True) -> nn.Module:
    """The text encoder called `name`: "words", or a Hugging Face name or path of a SigLIP (text) model.

    Args:
        weights: False builds the architecture alone, for weights that are loaded afterwards.

    Raises:
        UserError: no such model, or one of another family.
    """
    if name == "words":
        return WordEncoder(width)
    from transformers import AutoConfig, AutoTokenizer, SiglipTextConfig, SiglipTextModel

    hint = "Use words, or a name or path of a SigLIP model"
    try:
        config = AutoConfig.from_pretrained(name)
        config = getattr(config, "text_config", config)
        if not isinstance(config, SiglipTextConfig):
            raise UserError(f"'{name}' is a {config.model_type} model", hint)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise UserError(f"No text model at '{name}'", hint) from error
    model = SiglipTextModel.from_pretrained(name) if weights else SiglipTextModel(config)
    return SiglipTextEncoder(model, tokenizer, width)


def save_text_encoder(encoder: nn.Module, folder: Path) -> None:
    """Write what `load_text_encoder` needs besides weights; nothing for the built-in one."""
    if isinstance(encoder, SiglipTextEncoder):
        encoder.model.config.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
