"""The vision-language backbone: a Hugging Face Qwen2.5-VL model with its tokenizer and image processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from stages.errors import UserError
from stages.planner.prompts import KEYPOINT

TINY_BASE = Path(__file__).parent / "weights" / "tiny"
"""The pre-trained base that ships with the package."""

SUPPORTED = ("qwen2_5_vl",)

_IMAGE = "<|vision_start|>{pads}<|vision_end|>"
_REQUEST = "<|im_start|>user\n{images}{request}<|im_end|>\n<|im_start|>assistant\n"
END = "<|im_end|>"


@dataclass
class Backbone:
    """A model with what turns text and images into its inputs.

    Attributes:
        model: the language model with its vision tower, possibly wrapped in PEFT adapters.
        tokenizer: its tokenizer, which knows `KEYPOINT`.
        image_processor: its image processor (the PIL one, which needs no torchvision).
        added_keypoint: whether the embedding row of `KEYPOINT` is new to the checkpoint.
    """

    model: Qwen2_5_VLForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    image_processor: Qwen2VLImageProcessorPil
    added_keypoint: bool = False

    @property
    def hidden_size(self) -> int:
        return self.model.config.text_config.hidden_size

    @property
    def pixels_per_token(self) -> int:
        """Side [px] of the image patch behind one image token."""
        return self.image_processor.patch_size * self.image_processor.merge_size

    def encode(
        self, requests: Sequence[str], answers: Sequence[str | list[int]], views: np.ndarray
    ) -> dict[str, Tensor]:
        """Model inputs of exchanges about images, padded on the right.

        Args:
            requests: B texts of the user.
            answers: B beginnings of the assistant's answers (all of them for training), as text or as token ids.
            views: (B, V, S, S, 3) uint8; V may be 0.

        Returns:
            The keyword arguments of the model, and `answer_mask` (B, L) bool: which tokens belong to the answers.
        """
        batch, count = views.shape[:2]
        images: dict[str, Tensor] = {}
        pads = torch.zeros(batch, 0, dtype=torch.long)
        if count:
            images = dict(self.image_processor(images=list(views.reshape(-1, *views.shape[2:])), return_tensors="pt"))
            merge = self.image_processor.merge_size**2
            pads = (images["image_grid_thw"].prod(dim=1) // merge).view(batch, count)
        prefixes = [
            _REQUEST.format(images="".join(_IMAGE.format(pads="<|image_pad|>" * int(n)) for n in row), request=request)
            for row, request in zip(pads, requests, strict=True)
        ]
        prefix_ids = self.tokenizer(prefixes)["input_ids"]
        answer_ids = [self.tokenizer(a)["input_ids"] if isinstance(a, str) else a for a in answers]
        length = max(len(a) + len(b) for a, b in zip(prefix_ids, answer_ids, strict=True))
        ids = torch.full((batch, length), self.tokenizer.pad_token_id)
        attention, answer_mask = torch.zeros_like(ids), torch.zeros(batch, length, dtype=torch.bool)
        for row, (prefix, answer) in enumerate(zip(prefix_ids, answer_ids, strict=True)):
            total = len(prefix) + len(answer)
            ids[row, :total] = torch.tensor(prefix + answer)
            attention[row, :total] = 1
            answer_mask[row, len(prefix) : total] = True
        return {
            "input_ids": ids,
            "attention_mask": attention,
            "mm_token_type_ids": (ids == self.image_token_id).long(),
            "answer_mask": answer_mask,
            **images,
        }

    @property
    def image_token_id(self) -> int:
        return self.model.config.image_token_id

    @property
    def keypoint_token_id(self) -> int:
        return self.tokenizer.convert_tokens_to_ids(KEYPOINT)


def load_backbone(base: str, dtype: torch.dtype = torch.float32) -> Backbone:
    """Load "tiny" or a Hugging Face name or path of the Qwen2.5-VL family.

    Raises:
        UserError: nothing is there, or the model is of another family.
    """
    source = str(TINY_BASE) if base == "tiny" else base
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"No model at '{base}' ({reason})", "Give 'tiny', a local path, or a Hugging Face name"
        ) from error
    if config.model_type not in SUPPORTED:
        raise UserError(
            f"'{base}' is a {config.model_type} model", f"Choose one of the families {', '.join(SUPPORTED)}"
        )
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(source, dtype=dtype)
    tokenizer = AutoTokenizer.from_pretrained(source)
    backbone = Backbone(model, tokenizer, Qwen2VLImageProcessorPil.from_pretrained(source))
    if tokenizer.convert_tokens_to_ids(KEYPOINT) in (None, tokenizer.unk_token_id):
        tokenizer.add_special_tokens({"additional_special_tokens": [KEYPOINT]}, replace_additional_special_tokens=False)
        if len(tokenizer) > model.get_input_embeddings().num_embeddings:
            model.resize_token_embeddings(len(tokenizer))
        backbone.added_keypoint = True
    return backbone


def image_processor_for(size: int, patch_size: int = 14, merge_size: int = 2) -> Qwen2VLImageProcessorPil:
    """The image processor of a backbone that sees square views of `size` px unscaled."""
    return Qwen2VLImageProcessorPil(
        size={"shortest_edge": size * size, "longest_edge": size * size}, patch_size=patch_size, merge_size=merge_size
    )
