"""The vision-language backbone: a Hugging Face model with its tokenizer and image processor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    BaseImageProcessor,
    Cache,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    ProcessorMixin,
)

from stages.core.errors import UserError
from stages.planner.pointing.families import FAMILIES, Family, family_of
from stages.planner.prompts import KEYPOINT

TINY_BASE = Path(__file__).parent / "weights" / "tiny"
"""The pre-trained base that ships with the package."""


@dataclass
class Backbone:
    """A model with what turns text and images into its inputs.

    Attributes:
        model: the language model with its vision tower, possibly with adapters in it.
        tokenizer: its tokenizer, which knows `KEYPOINT` and the checkpoint's chat template.
        image_processor: its image processor (the PIL one, which needs no torchvision).
        added_keypoint: whether the embedding row of `KEYPOINT` is new to the checkpoint.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    image_processor: BaseImageProcessor
    added_keypoint: bool = False

    @property
    def family(self) -> Family:
        return FAMILIES[self.model.config.model_type]

    @property
    def hidden_size(self) -> int:
        return self.model.config.get_text_config().hidden_size

    @property
    def end(self) -> str:
        """Text of the token that ends an answer."""
        return self.family.end

    @property
    def end_id(self) -> int:
        return self.tokenizer.convert_tokens_to_ids(self.end)

    @property
    def image_token_id(self) -> int:
        return self.model.config.image_token_id

    @property
    def keypoint_token_id(self) -> int:
        return self.tokenizer.convert_tokens_to_ids(KEYPOINT)

    @property
    def shares_images(self) -> bool:
        """Whether the states of image tokens, which come first, do not depend on the text after them."""
        return self.family.shares_images

    def tokens_per_side(self, image_size: int) -> int:
        """Image tokens along a side of a view of `image_size` px.

        Raises:
            UserError: views of that size cannot be shown.
        """
        return self.family.tokens_per_side(self.image_processor, self.model.config, image_size)

    def encode(
        self, requests: Sequence[str], answers: Sequence[str | list[int]], views: np.ndarray
    ) -> dict[str, Tensor]:
        """Model inputs of samples about images, padded on the right.

        Args:
            requests: B texts of the user.
            answers: B beginnings of the assistant's answers (all of them for training), as text or as token ids.
            views: (B, V, S, S, 3) uint8; V may be 0.

        Returns:
            The keyword arguments of the model, and `answer_mask` (B, L) bool: which tokens belong to the answers.
        """
        batch, count = views.shape[:2]
        prefixes = [self.request_ids(request, count, views.shape[2]) for request in requests]
        rows = [
            (prefix, self._ids(answer) if isinstance(answer, str) else answer)
            for prefix, answer in zip(prefixes, answers, strict=True)
        ]
        length = max(len(prefix) + len(answer) for prefix, answer in rows)
        ids = torch.full((batch, length), self.tokenizer.pad_token_id)
        attention, is_answer = torch.zeros_like(ids), torch.zeros(batch, length, dtype=torch.bool)
        for row, (prefix, answer) in enumerate(rows):
            total = len(prefix) + len(answer)
            ids[row, :total] = torch.tensor(prefix + answer)
            attention[row, :total] = 1
            is_answer[row, len(prefix) : total] = True
        return {
            "input_ids": ids,
            "attention_mask": attention,
            "answer_mask": is_answer,
            **self.family.token_types(ids == self.image_token_id, is_answer),
            **(self.family.pixels(self.image_processor, views) if count else {}),
        }

    def request_ids(self, request: str, count: int, size: int) -> list[int]:
        """Token ids of a request about `count` views of `size` px, up to where the answer begins."""
        image = self.family.expanded(self.tokens_per_side(size) ** 2) if count else ""
        prompt = self.family.prompt(self.tokenizer, self._without_control_tokens(request), count)
        return self._ids(prompt.replace(self.family.image, image, count))

    def hidden_states(
        self, inputs: dict[str, Tensor], cache: Cache | None = None, position_ids: Tensor | None = None
    ) -> Tensor:
        """Last hidden states (B, L, H) of all tokens.

        Args:
            inputs: of `encode`, without `answer_mask`; or `input_ids` (B, L) that go on from a filled cache, with
                `attention_mask` (B, cached + L).
            cache: of keys and values, gone on from and added to.
            position_ids: of `input_ids`, a part of `position_ids()`; needed to go on from a filled cache.
        """
        caching = {"past_key_values": cache, "use_cache": cache is not None}
        return self.model.model(**inputs, position_ids=position_ids, **caching).last_hidden_state

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token scores (..., vocabulary) of hidden states (..., H)."""
        logits = self.model.get_output_embeddings()(hidden)
        cap = getattr(self.model.config.get_text_config(), "final_logit_softcapping", None)
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def image_mask(self, inputs: dict[str, Tensor]) -> Tensor:
        """Which tokens (B, L) show parts of images: view by view, row by row."""
        return inputs["input_ids"] == self.image_token_id

    def position_ids(self, inputs: dict[str, Tensor]) -> Tensor:
        """Positions of all tokens for the language model, the last axis L; inputs as of `encode`."""
        return self.family.position_ids(self.model, inputs)

    def _without_control_tokens(self, text: str) -> str:
        """The text with a space inside whatever the tokenizer would read as a control token."""
        special = {str(token) for token in self.tokenizer.added_tokens_decoder.values() if token.special}
        for token in sorted(special | {self.family.image}, key=len, reverse=True):
            text = text.replace(token, f"{token[:1]} {token[1:]}")
        return text

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]


def load_backbone(base: str, dtype: torch.dtype | Literal["auto"] = torch.float32, pretrained: bool = True) -> Backbone:
    """Load "tiny" or a Hugging Face name or path of one of the `FAMILIES`.

    Args:
        base: which.
        dtype: of the weights; auto = as they were published.
        pretrained: whether the weights are read; else they are random, drawn from torch's generator.

    Raises:
        UserError: nothing is there, something of it is missing, or the model is of another family.
    """
    source = str(TINY_BASE) if base == "tiny" else base
    with _explained(base):
        config = AutoConfig.from_pretrained(source)
    family = family_of(config.model_type, base)
    with _explained(base):
        tokenizer = _load_tokenizer(source, family)
        image_processor = AutoImageProcessor.from_pretrained(source, backend="pil")
        if pretrained:
            model = AutoModelForImageTextToText.from_pretrained(source, dtype=dtype)
        else:
            model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    backbone = Backbone(model, tokenizer, image_processor)
    if KEYPOINT not in tokenizer.get_vocab():
        _add_keypoint(backbone)
    return backbone


@contextmanager
def _explained(base: str) -> Iterator[None]:
    """Say what was asked for where Hugging Face cannot read it."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"No model at '{base}' ({reason})", "Give 'tiny', a local path, or a Hugging Face name"
        ) from error


def _load_tokenizer(source: str, family: Family) -> PreTrainedTokenizerBase:
    """A checkpoint's tokenizer, adding nothing by itself, with the chat template of its processor if that has one."""
    tokenizer = AutoTokenizer.from_pretrained(source)
    tokenizer.add_bos_token = tokenizer.add_eos_token = False
    tokenizer.pad_token = tokenizer.pad_token or family.end
    template = ProcessorMixin.get_processor_dict(source)[0].get("chat_template")
    tokenizer.chat_template = template or tokenizer.chat_template
    return tokenizer


@torch.no_grad()
def _add_keypoint(backbone: Backbone) -> None:
    """Give `KEYPOINT` a row of the embedding, at first the mean of the others."""
    model, tokenizer = backbone.model, backbone.tokenizer
    tokenizer.add_tokens([KEYPOINT], special_tokens=True)
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        layer.weight[backbone.keypoint_token_id] = layer.weight[: backbone.keypoint_token_id].mean(0)
    backbone.added_keypoint = True
