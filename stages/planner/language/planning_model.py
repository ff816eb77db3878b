"""The planning model: instruction and what is in view -> plan. A causal language model with a LoRA adapter."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedTokenizerBase

from stages.core.errors import UserError
from stages.core.instruction import read_instruction
from stages.core.progress import Progress, silent
from stages.core.steps import Step
from stages.planner.bases import base_digest, check_base, resolved
from stages.planner.language.beam_search import BEAMS, CausalDecoder, Decoder, beam_search
from stages.planner.language.grammar import PlanGrammar, copied_phrases
from stages.planner.language.model import load_language_model
from stages.planner.language.plan_text import read_plan
from stages.planner.prompts import plan_request

_META, _ADAPTER, _BASE = "planning.json", "adapter", "base"


class PlanningModel:
    """Writes plans.

    Args:
        name: of the base model, as of `load_language_model`.
        model: the base, or with an adapter.
        tokenizer: of the base.
        phrases: noun phrases of training plans.
    """

    def __init__(
        self,
        name: str,
        model: torch.nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        phrases: frozenset[str] = frozenset(),
    ) -> None:
        self.name, self.model, self.tokenizer, self.phrases = name, model, tokenizer, phrases

    @classmethod
    def from_base(
        cls, name: str, rank: int, phrases: frozenset[str], depth: float = 1.0, progress: Progress = silent
    ) -> PlanningModel:
        """A base with a new adapter on every linear layer of its upper transformer layers, a share `depth` of them."""
        name = resolved(name)
        model, tokenizer = load_language_model(name, progress=progress)
        count = model.config.num_hidden_layers
        below = "|".join(map(str, range(round(count * (1 - depth)))))
        config = LoraConfig(
            r=rank,
            lora_alpha=rank,
            target_modules="all-linear",
            exclude_modules=rf".*\.layers\.({below})\..*" if below else None,
            task_type="CAUSAL_LM",
        )
        return cls(name, get_peft_model(model, config), tokenizer, phrases)

    @classmethod
    def from_adapter(cls, folder: Path, progress: Progress = silent) -> PlanningModel:
        """What `save_pretrained` wrote, its adapter to be trained further.

        Raises:
            UserError: the base is not there, or is another one.
        """
        meta = json.loads((folder / _META).read_text())
        name = str(folder / _BASE) if (folder / _BASE).is_dir() else meta["language"]
        check_base(name, meta.get("base_digest"), folder)
        base, tokenizer = load_language_model(name, progress=progress)
        model = PeftModel.from_pretrained(base, folder / _ADAPTER, is_trainable=True)
        return cls(meta["language"], model, tokenizer, frozenset(meta["phrases"]))

    @classmethod
    def from_pretrained(cls, folder: Path, device: str | torch.device = "cpu") -> PlanningModel:
        """What `save_pretrained` wrote, the adapter merged into the weights.

        Raises:
            UserError: the base is not there, or is another one.
        """
        loaded = cls.from_adapter(folder)
        loaded.model = loaded.model.merge_and_unload().eval().to(device)
        return loaded

    def save_pretrained(self, folder: Path) -> None:
        """Write the adapter, and what else is needed to load it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder / _ADAPTER, save_embedding_layers=False)
        meta = {"language": self.name, "base_digest": base_digest(self.name), "phrases": sorted(self.phrases)}
        (folder / _META).write_text(json.dumps(meta, indent=1))

    def prompt(self, instruction: str, names: Sequence[str]) -> list[int]:
        """Token ids of the request; nothing in the instruction is read as a control token."""
        before, _, after = plan_request(instruction, names).partition(":")
        return [*self.tokenizer(f"{before}:")["input_ids"], *self._plain(f"{after}\n")]

    def answer(self, text: str) -> list[int]:
        """Token ids of a plan's text with the end."""
        return [*self._plain(text), self.tokenizer.eos_token_id]

    def _plain(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    @torch.inference_mode()
    def plan(
        self, instruction: str, names: Sequence[str] = (), *, beams: int = BEAMS, constrained: bool = True
    ) -> tuple[list[Step], np.ndarray]:
        """The plan of an instruction.

        Args:
            names: of what is in view; none if that is not known.
            constrained: whether lines are steps, and noun phrases those of the instruction and of what is in view or of
                training plans if that is not known; else lines that are no steps are left out.

        Returns:
            The steps, and log-probabilities of the choices.

        Raises:
            UserError: the instruction is empty or too long.
        """
        instruction = read_instruction(instruction)
        phrases = copied_phrases(instruction, names, self.phrases) if constrained else None
        prompt, end = self.prompt(instruction, names), self.tokenizer.eos_token_id
        return write_constrained(CausalDecoder(self.model), self.tokenizer, prompt, phrases, end, beams)


def write_constrained(
    decoder: Decoder,
    tokenizer: PreTrainedTokenizerBase,
    prompt: Sequence[int],
    phrases: frozenset[str] | None,
    end: int,
    beams: int,
) -> tuple[list[Step], np.ndarray]:
    """The plan that a decoder writes.

    Args:
        prompt: token ids that it has not read.
        phrases: noun phrases that there can be; None = free decoding, without lines that are no steps.
        end: id of the token that ends an answer.

    Returns:
        The steps, and log-probabilities of the choices.
    """
    grammar = PlanGrammar(tokenizer, phrases, end) if phrases is not None else None
    tokens, choices = beam_search(decoder, prompt, grammar, end, beams)
    text = tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
    return (read_plan(text) if grammar else readable_plan(text)), choices


def copy_with_base(source: Path, target: Path) -> None:
    """Copy what `PlanningModel.save_pretrained` wrote together with its base, so that the copy needs nothing else.

    Raises:
        UserError: the base is not there, or is another one.
    """
    shutil.copytree(source, target)
    if (source / _BASE).is_dir():
        return
    meta = json.loads((source / _META).read_text())
    check_base(meta["language"], meta.get("base_digest"), source)
    model, tokenizer = load_language_model(meta["language"], "auto")
    model.save_pretrained(target / _BASE)
    tokenizer.save_pretrained(target / _BASE)
    (target / _META).write_text(json.dumps(meta | {"base_digest": base_digest(str(target / _BASE))}, indent=1))


def is_planning_model(folder: Path) -> bool:
    """Whether `PlanningModel.save_pretrained` wrote it."""
    return (folder / _META).is_file()


def readable_plan(text: str) -> list[Step]:
    """The steps of a text, without lines that are none."""
    steps: list[str] = []
    for line in text.splitlines():
        try:
            read_plan("\n".join([*steps, line]))
        except UserError:
            continue
        steps.append(line)
    return read_plan("\n".join(steps))
