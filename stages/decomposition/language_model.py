"""A causal language model of Hugging Face that writes plans and can write nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from huggingface_hub import CacheNotFound, scan_cache_dir
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from stages.core.errors import UserError
from stages.planner.language.grammar import PlanGrammar
from stages.planner.language.plan_text import read_plan
from stages.runtime.precision import use_bfloat16
from stages.settings.loader import nearest

_LINE_TOKENS = 128
"""Tokens that a line of a plan has at most."""

_MARK = "ANSWER"


class LanguageModel:
    """Answers greedily, under the grammar of plans: the same question always has the same answer.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer; with a chat template, it is asked in turns, without one, in one text.

    Raises:
        UserError: the tokenizer has no token that ends an answer.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model, self._tokenizer = model.eval(), tokenizer
        self._end = _end_of_answer(tokenizer)
        if self._end is None:
            raise UserError(
                f"the tokenizer of '{model.name_or_path}' has no token that ends a text", "Choose another model"
            )
        model.generation_config = GenerationConfig(do_sample=False, eos_token_id=self._end, pad_token_id=self._end)

    @classmethod
    def load(cls, name: str) -> LanguageModel:
        """Load a Hugging Face name or path, onto the GPU if there is one.

        Raises:
            UserError: nothing is there, or it is no causal language model.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.bfloat16 if use_bfloat16("auto", device) else torch.float32
        try:
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".:")
            known = _models_at_hand(name)
            hint = nearest(name, known) if known else "Give a Hugging Face name or a path"
            raise UserError(f"'{name}' is no causal language model ({reason})", hint) from error
        return cls(model.to(device), tokenizer)

    @torch.inference_mode()
    def write_plan(self, turns: Sequence[str], phrases: Iterable[str], max_steps: int) -> list[str]:
        """The answer to the last of the turns, step texts.

        Args:
            turns: what user and assistant said so far, by turns; the user's is the last.
            phrases: noun phrases that there can be.
            max_steps: lines that the plan has at most.

        Raises:
            UserError: the model cannot read so long a text.
        """
        inputs = self._encode(turns)
        start = inputs["input_ids"].shape[1]
        longest = min(_LINE_TOKENS * max_steps, self._room(start))
        grammar = PlanGrammar(self._tokenizer, phrases, self._end)

        def allowed(_: int, said: torch.Tensor) -> list[int]:
            nonlocal grammar
            if len(said) > start:
                grammar = grammar.advance(int(said[-1]))
            return grammar.allowed()

        answer = self._model.generate(**inputs, max_new_tokens=longest, prefix_allowed_tokens_fn=allowed)[0, start:]
        text = self._tokenizer.decode(answer, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        lines = text.splitlines() if int(answer[-1]) == self._end else text.splitlines()[:-1]
        return [str(step) for step in read_plan("\n".join(lines[:max_steps]))]

    def _encode(self, turns: Sequence[str]) -> dict[str, torch.Tensor]:
        if self._tokenizer.chat_template:
            text = self._tokenizer.apply_chat_template(
                _messages(turns), tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            encoded = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")
        else:
            ends = ("\n", f"{self._tokenizer.eos_token}\n\n")
            text = "".join(turn + ends[number % 2] for number, turn in enumerate(turns))
            encoded = self._tokenizer(text, return_tensors="pt")
        device = self._model.device
        return {name: encoded[name].to(device) for name in ("input_ids", "attention_mask")}

    def _room(self, tokens: int) -> int:
        """How many tokens can follow a text of so many."""
        longest = getattr(self._model.config, "max_position_embeddings", None) or sys.maxsize
        if tokens + _LINE_TOKENS > longest:
            raise UserError(
                f"'{self._model.name_or_path}' reads {longest} tokens, and a question takes {tokens}",
                "Choose a model with a longer context",
            )
        return longest - tokens


def _messages(turns: Sequence[str]) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[number % 2], "content": turn} for number, turn in enumerate(turns)]


def _end_of_answer(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that ends an answer: what the chat template puts behind one, else the end of a text."""
    if tokenizer.chat_template:
        text = tokenizer.apply_chat_template(_messages(["?", _MARK]), tokenize=False)
        after = tokenizer(text.rpartition(_MARK)[2].strip(), add_special_tokens=False)["input_ids"]
        if after and after[0] in tokenizer.added_tokens_decoder:
            return after[0]
    return tokenizer.eos_token_id


def _models_at_hand(name: str) -> list[str]:
    """Models beside a path, and those downloaded before."""
    beside = [str(config.parent) for config in Path(name).parent.glob("*/config.json")]
    try:
        return beside + [repository.repo_id for repository in scan_cache_dir().repos if repository.repo_type == "model"]
    except CacheNotFound:
        return beside
