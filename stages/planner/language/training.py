"""Training of the planning model: next-token loss on plans, LoRA, a schedule that fits the minutes given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stages.core.errors import UserError
from stages.core.progress import Progress, silent
from stages.planner.language.model import SMOLLM2
from stages.planner.language.plan_text import write_plan
from stages.planner.language.planning_model import PlanningModel, is_planning_model
from stages.planner.language.text import Example
from stages.runtime.checkpoints import save_checkpoint
from stages.settings.vlm import VlmConfig

WARMUP = 0.05

PACKAGED_ADAPTER = Path(__file__).parent / "weights" / "smollm2"
"""Of `SMOLLM2`, trained for longer on training variations; its README says how."""

BETAS = (0.9, 0.97)
"""Of AdamW: squared gradients are averaged over tens of steps, as there are only hundreds."""


@dataclass(frozen=True)
class Schedule:
    """Peak learning rate, examples a step, steps at most, and minutes at most (0: no limit)."""

    learning_rate: float
    batch_size: int
    steps: int
    minutes: float


def start_language(config: VlmConfig, phrases: frozenset[str], progress: Progress = silent) -> PlanningModel:
    """The planning model before training, from the adapter that `vlm.language_adapter` names.

    Raises:
        UserError: there is no such adapter, or it belongs to another language model.
    """
    name, adapter = config.planning_model, config.language_adapter
    if adapter == "new" or (adapter == "auto" and name != SMOLLM2):
        return PlanningModel.from_base(name, config.language_rank, phrases, config.language_depth, progress)
    folder = PACKAGED_ADAPTER if adapter == "auto" else Path(adapter)
    if not is_planning_model(folder):
        raise UserError(f"no planning model is in {folder}", "Set vlm.language_adapter to auto, new or a vlm/language")
    model = PlanningModel.from_adapter(folder, progress)
    if model.name != name:
        raise UserError(f"the adapter in {folder} belongs to '{model.name}', not to '{name}'", "Set vlm.language to it")
    model.phrases = phrases
    return model


def train_language(
    model: PlanningModel,
    sampler: Callable[[np.random.Generator], Example],
    schedule: Schedule,
    seed: int,
    checkpoint: Path | None = None,
    progress: Progress = silent,
    checkpoint_seconds: float = 60.0,
) -> list[dict[str, float]]:
    """Train the adapter; resumes from the checkpoint if there is one.

    Returns:
        The curve: step, loss a token, seconds.
    """
    parameters = [parameter for parameter in model.model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=schedule.learning_rate, betas=BETAS, weight_decay=0.0)
    curve: list[dict[str, float]] = []
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        optimiser.load_state_dict(state["optimiser"])
        for parameter, value in zip(parameters, state["parameters"], strict=True):
            parameter.data.copy_(value)
        curve = state["curve"]
    before = curve[-1]["seconds"] if curve else 0.0
    start = saved = time.monotonic()
    model.model.train()
    while True:
        step, seconds = len(curve), before + time.monotonic() - start
        done = max(step / schedule.steps, seconds / 60 / schedule.minutes if schedule.minutes else 0.0)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * min(done / WARMUP + 0.02, 0.5 + 0.5 * math.cos(math.pi * done))
        rng = np.random.default_rng((seed, step))
        loss = _step(model, [sampler(rng) for _ in range(schedule.batch_size)])
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        curve.append({"step": step + 1, "loss": loss, "seconds": before + time.monotonic() - start})
        progress(int(1000 * done), 1000, f"planning model, loss {loss:.3f}")
        if checkpoint is not None and time.monotonic() - saved > checkpoint_seconds:
            saved = time.monotonic()
            _save(checkpoint, optimiser, parameters, curve)
    model.model.eval()
    return curve


def _save(path: Path, optimiser: torch.optim.Optimizer, parameters: Sequence[Tensor], curve: list) -> None:
    state = {"optimiser": optimiser.state_dict(), "parameters": [p.detach() for p in parameters], "curve": curve}
    save_checkpoint(state, path)


def _step(model: PlanningModel, examples: Sequence[Example]) -> float:
    """Gradients of the mean loss of a batch."""
    pairs = [(model.prompt(one.instruction, one.names), model.answer(write_plan(one.plan))) for one in examples]
    loss = answer_loss(model, pairs) / sum(len(answer) for _, answer in pairs)
    loss.backward()
    return float(loss.detach())


def answer_loss(model: PlanningModel, pairs: Sequence[tuple[list[int], list[int]]]) -> Tensor:
    """Summed cross-entropy of the answers' tokens.

    Examples are packed into one row: transformers lets tokens attend within their example only where positions begin
    anew. Only the states that answers are read from go through the output matrix.
    """
    device, base = model.model.device, model.model.get_base_model()
    ids = torch.tensor([token for prompt, answer in pairs for token in prompt + answer], device=device)
    lengths = [len(prompt) + len(answer) for prompt, answer in pairs]
    positions = torch.cat([torch.arange(length, device=device) for length in lengths])
    states = base.model(input_ids=ids[None], position_ids=positions[None], use_cache=False).last_hidden_state[0]
    ends = np.cumsum(lengths)
    chosen = np.concatenate([np.arange(end - len(answer), end) for end, (_, answer) in zip(ends, pairs, strict=True)])
    logits = base.lm_head(states[torch.from_numpy(chosen - 1).to(device)]).float()
    return functional.cross_entropy(logits, ids[torch.from_numpy(chosen).to(device)], reduction="sum")
