"""The tiny vision-language model before training: Qwen2.5-VL's architecture, shrunk, and a tokenizer made for it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2TokenizerFast
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from stages.planner.pointing.backbone import Backbone
from stages.planner.pointing.families import FAMILIES
from stages.planner.prompts import KEYPOINT

VOCABULARY = 1280
PATCH, MERGE = 14, 2
"""Side of an image patch [px], and how many patches along a side make one image token."""

END = FAMILIES["qwen2_5_vl"].end
_PADDING = "<|endoftext|>"
_SPECIAL = (
    _PADDING, "<|im_start|>", END, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", KEYPOINT
)  # fmt: skip


def tiny_backbone(corpus: list[str], image_size: int, seed: int) -> Backbone:
    """An untrained tiny backbone whose byte-level BPE vocabulary is learnt from texts.

    Args:
        corpus: texts that the vocabulary should be short for; any other text can be written too, byte by byte.
        image_size: side of the views it sees [px].
        seed: of the weights.
    """
    tokenizer = _tokenizer(corpus)
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(_config(tokenizer))
    return Backbone(model, tokenizer, _image_processor(image_size))


def save_backbone(backbone: Backbone, folder: Path) -> None:
    """Write the three parts as Hugging Face's `from_pretrained` reads them."""
    for part in (backbone.model, backbone.tokenizer, backbone.image_processor):
        part.save_pretrained(folder)


def _image_processor(size: int) -> Qwen2VLImageProcessorPil:
    """It sees square views of `size` px unscaled."""
    area = {"shortest_edge": size * size, "longest_edge": size * size}
    return Qwen2VLImageProcessorPil(size=area, patch_size=PATCH, merge_size=MERGE)


def _tokenizer(corpus: list[str]) -> Qwen2TokenizerFast:
    trainer = ByteLevelBPETokenizer()
    trainer.train_from_iterator(corpus, vocab_size=VOCABULARY - len(_SPECIAL), min_frequency=2, show_progress=False)
    vocabulary = trainer.get_vocab()
    tokenizer = Qwen2TokenizerFast(
        vocab=vocabulary,
        merges=_merges(trainer),
        pad_token=_PADDING,
        eos_token=END,
        additional_special_tokens=list(_SPECIAL),
    )
    return tokenizer


def _merges(trainer: ByteLevelBPETokenizer) -> list[tuple[str, str]]:
    merges = json.loads(trainer.to_str())["model"]["merges"]
    return [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in merges]


def _config(tokenizer: Qwen2TokenizerFast) -> Qwen2_5_VLConfig:
    token = tokenizer.convert_tokens_to_ids
    text = {
        "vocab_size": VOCABULARY,
        "hidden_size": 192,
        "intermediate_size": 576,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "mrope_section": [8, 8, 8], "rope_theta": 10000.0},
        "bos_token_id": None,
        "eos_token_id": token(END),
        "pad_token_id": token(_PADDING),
        "tie_word_embeddings": True,
    }
    vision = {
        "depth": 3,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_heads": 4,
        "patch_size": PATCH,
        "spatial_merge_size": MERGE,
        "window_size": 112,
        "out_hidden_size": text["hidden_size"],
        "fullatt_block_indexes": [0, 1, 2],
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
