"""Small random checkpoints of every family of backbones, on disk as their users have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForImageTextToText,
    BaseImageProcessor,
    GemmaTokenizer,
    GPT2TokenizerFast,
    Idefics3Config,
    PaliGemmaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2TokenizerFast,
    Qwen3VLConfig,
    SmolVLMConfig,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

NAMES = ("qwen2_5_vl", "qwen3_vl", "smolvlm", "idefics3", "paligemma", "paligemma2")

VIEW_SIZES = {"qwen2_5_vl": 56, "qwen3_vl": 64, "smolvlm": 48, "idefics3": 48, "paligemma": 40, "paligemma2": 40}
"""Views that have 2 x 2 image tokens [px]."""

_CORPUS = ["grasp the red ball", "lift the grasped red ball", "1. press the button", "Task: Plan the steps. Locate:"]

_QWEN_TEMPLATE = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SMOLVLM_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message.role | capitalize }}"
    "{% if message.content[0].type == 'image' %}:{% else %}: {% endif %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
_SMALL_VISION = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}


def write_checkpoint(name: str, folder: Path, seed: int = 0) -> Path:
    """Write a random checkpoint of the family called `name` in `NAMES`, from `seed`."""
    tokenizer, processor, config = {
        "qwen2_5_vl": _qwen2_5_vl,
        "qwen3_vl": _qwen3_vl,
        "smolvlm": _smolvlm,
        "idefics3": _idefics3,
        "paligemma": _paligemma,
        "paligemma2": _paligemma2,
    }[name]()
    torch.manual_seed(seed)
    AutoModelForImageTextToText.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)
    if name.startswith("qwen"):
        _as_published(folder / "preprocessor_config.json", fast=name == "qwen3_vl")
    if name in ("smolvlm", "idefics3"):
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": _SMOLVLM_TEMPLATE}))
    return folder


def _as_published(path: Path, fast: bool) -> None:
    """Word a processor's file as those of the Qwen family are: the class without its backend, sizes in old names."""
    content = json.loads(path.read_text())
    content["image_processor_type"] = "Qwen2VLImageProcessor" + ("Fast" if fast else "")
    if not fast:
        size = content.pop("size")
        content |= {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
    path.write_text(json.dumps(content))


Parts = tuple[PreTrainedTokenizerBase, BaseImageProcessor, PreTrainedConfig]


def _qwen2_5_vl() -> Parts:
    """Tied embeddings with rows to spare; window attention in the vision tower."""
    tokenizer = _qwen_tokenizer()
    text = _qwen_text(tokenizer, [2, 1, 1]) | {"tie_word_embeddings": True}
    vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "patch_size": 14}
    vision |= {"window_size": 56, "out_hidden_size": 32, "fullatt_block_indexes": [1]}
    config = Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=True, **_qwen_tokens(tokenizer)
    )
    return tokenizer, Qwen2VLImageProcessorPil(), config


def _qwen3_vl() -> Parts:
    """An output layer of its own; views smaller than the processor would leave them; deepstack."""
    tokenizer = _qwen_tokenizer()
    text = _qwen_text(tokenizer, [2, 1, 1]) | {"head_dim": 8}
    text["rope_parameters"] |= {"mrope_interleaved": True}
    vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "patch_size": 16}
    vision |= {"out_hidden_size": 32, "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1]}
    processor = Qwen2VLImageProcessorPil(
        patch_size=16,
        size={"shortest_edge": 256**2, "longest_edge": 4096**2},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return (
        tokenizer,
        processor,
        Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False, **_qwen_tokens(tokenizer)),
    )


def _smolvlm() -> Parts:
    tokenizer = _smolvlm_tokenizer()
    config = SmolVLMConfig(**_smolvlm_settings(tokenizer))
    return tokenizer, SmolVLMImageProcessorPil(**_tiles()), config


def _idefics3() -> Parts:
    """The architecture under its first name, with an output layer of its own."""
    tokenizer = _smolvlm_tokenizer()
    config = Idefics3Config(**_smolvlm_settings(tokenizer) | {"tie_word_embeddings": False})
    return tokenizer, Idefics3ImageProcessorPil(**_tiles()), config


def _paligemma() -> Parts:
    return _paligemma_of("gemma", {})


def _paligemma2() -> Parts:
    """Scores capped, windows of attention in every other layer."""
    caps = {"final_logit_softcapping": 3.0, "attn_logit_softcapping": 5.0, "query_pre_attn_scalar": 8}
    return _paligemma_of("gemma2", caps | {"sliding_window": 16})


def _qwen_tokenizer() -> Qwen2TokenizerFast:
    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    vocabulary, merges = _byte_level()
    tokenizer = Qwen2TokenizerFast(
        vocab=vocabulary,
        merges=merges,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=special,
    )
    tokenizer.chat_template = _QWEN_TEMPLATE
    return tokenizer


def _qwen_text(tokenizer: PreTrainedTokenizerBase, sections: list[int]) -> dict:
    rope = {"rope_type": "default", "mrope_section": sections, "rope_theta": 10000.0}
    end = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return _SMALL | end | {"vocab_size": len(tokenizer) + 20, "rope_parameters": rope}


def _qwen_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    names = {"image_token_id": "image_pad", "video_token_id": "video_pad"}
    names |= {"vision_start_token_id": "vision_start", "vision_end_token_id": "vision_end"}
    return {name: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for name, token in names.items()}


def _smolvlm_tokenizer() -> GPT2TokenizerFast:
    special = ["<|im_start|>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    vocabulary, merges = _byte_level()
    return GPT2TokenizerFast(
        vocab=vocabulary,
        merges=merges,
        unk_token="<|endoftext|>",
        bos_token="<|im_start|>",
        eos_token="<end_of_utterance>",
        pad_token="<|im_end|>",
        additional_special_tokens=special,
    )


def _smolvlm_settings(tokenizer: PreTrainedTokenizerBase) -> dict:
    return {
        "text_config": _SMALL | {"model_type": "llama", "vocab_size": len(tokenizer)},
        "vision_config": _SMALL_VISION | {"image_size": 32, "patch_size": 8},
        "scale_factor": 2,
        "image_token_id": tokenizer.convert_tokens_to_ids("<image>"),
        "tie_word_embeddings": True,
    }


def _tiles() -> dict[str, dict[str, int]]:
    return {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}


def _paligemma_of(text_type: str, more: dict) -> Parts:
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "\n"]
    tokens += sorted({letter for text in _CORPUS for letter in text} - {" "}) + ["re", "red"]
    tokenizer = GemmaTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[("r", "e"), ("re", "d")],
        additional_special_tokens=["<image>"],
        add_bos_token=True,
    )
    text = _SMALL | {"model_type": text_type, "vocab_size": len(tokenizer), "head_dim": 8} | more
    config = PaliGemmaConfig(
        text_config=text,
        vision_config=_SMALL_VISION
        | {"model_type": "siglip_vision_model", "image_size": 28, "patch_size": 14, "vision_use_head": False},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
        tie_word_embeddings=True,
    )
    return tokenizer, SiglipImageProcessorPil(size={"height": 28, "width": 28}), config


def _byte_level() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level tokenizer."""
    trainer = ByteLevelBPETokenizer()
    trainer.train_from_iterator(_CORPUS, vocab_size=280, min_frequency=1, show_progress=False)
    model = json.loads(trainer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


TURNS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

SIZES = {
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 8192,
}
"""Of a small causal language model."""


def chat_tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE with a chat template, as Qwen and Llama 3 have: a word's token begins with its space."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=1500, special_tokens=special, initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
        chat_template=TURNS,
    )


def save_causal_model(folder: Path, texts: Sequence[str], layers: int = 2) -> Path:
    """A small random causal language model with a tokenizer for some texts, as a user's checkpoint would be."""
    tokenizer = chat_tokenizer(texts)
    tokenizer.save_pretrained(folder)
    sizes = SIZES | {"num_hidden_layers": layers}
    Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    return folder
