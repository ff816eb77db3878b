"""Families of vision-language models that can be the backbone: what differs between them, by Hugging Face model type.

Every family's request is the views, then the text. A checkpoint's own chat template words it where it has one; each
image placeholder in it is then expanded to the tokens that the views need.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from transformers import BaseImageProcessor, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from stages.core.errors import UserError


class Family(ABC):
    """What differs between families of backbones.

    Attributes:
        name: as people know it.
        end: text of the token that ends an answer.
        image: text of the token that stands for an image, or for a part of one.
        placeholder: text of one image in a request without a chat template.
        request: a request without a chat template, to be formatted with `images` and `request`.
        shares_images: whether the states of image tokens depend on nothing that follows them.
    """

    name: ClassVar[str]
    end: ClassVar[str]
    image: ClassVar[str]
    placeholder: ClassVar[str]
    request: ClassVar[str]
    shares_images: ClassVar[bool] = True

    def prompt(self, tokenizer: PreTrainedTokenizerBase, request: str, count: int) -> str:
        """A user's request about `count` images up to where the answer begins, with one placeholder per image."""
        if tokenizer.chat_template is None:
            return self.request.format(images=self.placeholder * count, request=request)
        content = [{"type": "image"}] * count + [{"type": "text", "text": request}]
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )

    def expanded(self, tokens: int) -> str:
        """What an image's placeholder becomes in front of the tokenizer, for an image of so many tokens."""
        return self.image * tokens

    @abstractmethod
    def tokens_per_side(self, processor: BaseImageProcessor, config: PreTrainedConfig, size: int) -> int:
        """Image tokens along a side of a square view of `size` px.

        Raises:
            UserError: views of that size cannot be shown.
        """

    @abstractmethod
    def pixels(self, processor: BaseImageProcessor, views: np.ndarray) -> dict[str, Tensor]:
        """The model's inputs for views (B, V, S, S, 3) uint8 with V > 0."""

    def token_types(self, is_image: Tensor, is_answer: Tensor) -> dict[str, Tensor]:
        """Further inputs that say what the tokens are, from two masks (B, L)."""
        return {}

    def position_ids(self, model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
        """Positions of all tokens for the language model, (B, L) or with axes in front."""
        ids = inputs["input_ids"]
        return torch.arange(ids.shape[1], device=ids.device).expand_as(ids)


class _Qwen(Family):
    """Any number of pixels, unscaled; positions of image tokens have a time, a row and a column."""

    end = "<|im_end|>"
    image = "<|image_pad|>"
    placeholder = "<|vision_start|><|image_pad|><|vision_end|>"
    request = "<|im_start|>user\n{images}{request}<|im_end|>\n<|im_start|>assistant\n"

    def __init__(self, name: str) -> None:
        self.name = name

    def tokens_per_side(self, processor: BaseImageProcessor, config: PreTrainedConfig, size: int) -> int:
        pixels = processor.patch_size * processor.merge_size
        tokens, rest = divmod(size, pixels)
        if rest:
            raise UserError(f"vlm.image_size is {size} px", f"Choose a multiple of the backbone's {pixels} px")
        return tokens

    def pixels(self, processor: BaseImageProcessor, views: np.ndarray) -> dict[str, Tensor]:
        images = list(views.reshape(-1, *views.shape[2:]))
        return dict(processor(images=images, do_resize=False, return_tensors="pt"))

    def token_types(self, is_image: Tensor, is_answer: Tensor) -> dict[str, Tensor]:
        return {"mm_token_type_ids": is_image.long()}

    def position_ids(self, model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
        names = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
        return model.model.get_rope_index(**{name: inputs[name] for name in names if name in inputs})[0]


class _SmolVlm(Family):
    """Every view scaled to the one size of the vision tower, not cut into tiles."""

    name = "SmolVLM"
    end = "<end_of_utterance>"
    image = "<image>"
    placeholder = "<image>"
    request = "<|im_start|>User:{images}{request}<end_of_utterance>\nAssistant:"
    _around = "<fake_token_around_image>"

    def expanded(self, tokens: int) -> str:
        return f"{self._around}<global-img>{self.image * tokens}{self._around}"

    def tokens_per_side(self, processor: BaseImageProcessor, config: PreTrainedConfig, size: int) -> int:
        return processor.max_image_size["longest_edge"] // config.vision_config.patch_size // config.scale_factor

    def pixels(self, processor: BaseImageProcessor, views: np.ndarray) -> dict[str, Tensor]:
        size = {"longest_edge": processor.max_image_size["longest_edge"]}
        images = [list(row) for row in views]
        return dict(processor(images=images, size=size, do_image_splitting=False, return_tensors="pt"))


class _PaliGemma(Family):
    """Every view scaled to the one size of the vision tower; all of a request attends to all of it."""

    name = "PaliGemma"
    end = "<eos>"
    image = "<image>"
    placeholder = "<image>"
    request = "{images}<bos>{request}\n"
    shares_images = False

    def prompt(self, tokenizer: PreTrainedTokenizerBase, request: str, count: int) -> str:
        return self.request.format(images=self.placeholder * count, request=request)

    def tokens_per_side(self, processor: BaseImageProcessor, config: PreTrainedConfig, size: int) -> int:
        return config.vision_config.image_size // config.vision_config.patch_size

    def pixels(self, processor: BaseImageProcessor, views: np.ndarray) -> dict[str, Tensor]:
        return dict(processor(images=list(views.reshape(-1, *views.shape[2:])), return_tensors="pt"))

    def token_types(self, is_image: Tensor, is_answer: Tensor) -> dict[str, Tensor]:
        return {"token_type_ids": is_answer.long()}

    def position_ids(self, model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
        return super().position_ids(model, inputs) + 1


FAMILIES: dict[str, Family] = {
    "qwen2_5_vl": _Qwen("Qwen2.5-VL"),
    "qwen3_vl": _Qwen("Qwen3-VL"),
    "smolvlm": _SmolVlm(),
    "idefics3": _SmolVlm(),
    "paligemma": _PaliGemma(),
}
"""The families by Hugging Face model type; the first SmolVLM has the type of Idefics3, whose architecture it is."""


def family_of(model_type: str, base: str) -> Family:
    """The family of a model type.

    Raises:
        UserError: it is none of those supported.
    """
    if model_type not in FAMILIES:
        known = dict.fromkeys(family.name for family in FAMILIES.values())
        raise UserError(f"'{base}' is a {model_type} model", f"Choose one of the families {', '.join(known)}")
    return FAMILIES[model_type]
