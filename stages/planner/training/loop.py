"""The planner's training loop: schedule, held-out losses, checkpoints that survive being killed, curves.

Under `accelerate launch` every process draws and works through its own share of each step's samples. Losses are means
over the tokens, and over the keypoints, of the whole step, so it does not matter how many processes and parts share it.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from stages.core.errors import UserError
from stages.core.progress import Progress
from stages.planner.pointing.model import PlannerModel
from stages.planner.training.batches import Sample, encode_batch, losses
from stages.runtime.checkpoints import save_checkpoint
from stages.runtime.distributed import without_gpu
from stages.runtime.muon import Muon, takes
from stages.runtime.precision import autocast


@dataclass
class TrainingState:
    """Where a training run stands.

    Attributes:
        step: optimiser steps done.
        seconds: time spent training, in all sessions [s].
        curve: step, seconds, learning_rate, language and pointer of every step.
        validation: step, language and pointer of every look at the held-out samples.
    """

    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)

    @property
    def best(self) -> int | None:
        """Which look at the held-out samples found the lowest loss; None before the first."""
        totals = [look["language"] + look["pointer"] for look in self.validation]
        return int(np.argmin(totals)) if totals else None

    def out_of_patience(self, patience: int) -> bool:
        """Whether the last `patience` looks brought nothing better; never if it is 0."""
        return bool(patience) and self.best is not None and len(self.validation) - 1 - self.best >= patience


def train(
    model: PlannerModel,
    draw: Callable[[int], Sequence[Sample]],
    checkpoint: Path,
    progress: Progress,
    held_out: Sequence[Sample] = (),
    log: Path | None = None,
) -> TrainingState:
    """Train until a limit of `model.config` is reached, going on from `checkpoint` where one exists.

    Args:
        model: its parameters that require gradients are trained, on the device that accelerate finds.
        draw: gives the samples of a step; the same step always the same ones. A process asks only for its own.
        checkpoint: file written every `checkpoint_seconds`, whole or not at all.
        progress: called with the steps done.
        held_out: samples whose loss is looked at every `validate_every` steps, if that is not 0.
        log: folder for TensorBoard.

    Raises:
        UserError: a step has fewer samples than there are processes.
    """
    trainer = _Trainer(model, draw, checkpoint, held_out, log)
    trainer.run(progress)
    return trainer.state


@dataclass(frozen=True)
class _Part:
    """Samples that pass through the model together: its inputs, and the points (K, 3) [m] of its keypoints."""

    batch: dict[str, Tensor]
    points: Tensor

    @property
    def counts(self) -> Tensor:
        """(2,) answer tokens and keypoints."""
        asked = int(self.batch["answer_mask"].sum()) if "answer_mask" in self.batch else 0
        return torch.tensor([asked, len(self.points)])


class _Trainer:
    """One training run in one of its processes."""

    def __init__(
        self,
        model: PlannerModel,
        draw: Callable[[int], Sequence[Sample]],
        checkpoint: Path,
        held_out: Sequence[Sample],
        log: Path | None,
    ) -> None:
        self.model, self.config, self.draw, self.checkpoint = model, model.config, draw, checkpoint
        self.seed = torch.initial_seed()
        self.accelerator = Accelerator(cpu=without_gpu(), mixed_precision="no")
        self.device, self.rank = self.accelerator.device, self.accelerator.process_index
        if self.config.batch_size < self.accelerator.num_processes:
            raise UserError(
                f"vlm.batch_size is {self.config.batch_size}, to be shared among "
                f"{self.accelerator.num_processes} processes",
                "Choose a larger one, or fewer processes",
            )
        self.validates = bool(held_out) and self.config.validate_every > 0
        steps = max(1, len(held_out) // self.config.batch_size)
        self.held_out = self._share(held_out, steps * self.config.accumulate)
        if self.config.gradient_checkpointing:
            model.backbone.model.activation_checkpointing_enable()
        self.trained = [p for p in model.parameters() if p.requires_grad]
        model.to(self.device)
        self.optimisers = _optimisers(model)
        self.state, self.best = self._resumed()
        self.writer = self._writer(log) if log and self.accelerator.is_main_process else None

    def run(self, progress: Progress) -> None:
        """Train to the end, then put the best weights into the model where there is patience."""
        config, state = self.config, self.state
        saved, began = time.monotonic(), time.monotonic() - state.seconds
        self.model.train()
        with ThreadPoolExecutor(1) as loader:
            pending = loader.submit(self._draw, state.step)
            while self._done < 1 and not state.out_of_patience(config.patience):
                parts = pending.result()
                pending = loader.submit(self._draw, state.step + 1)
                point = self._optimise(parts)
                state.step += 1
                state.seconds = self._agreed(time.monotonic() - began)
                state.curve.append({"step": state.step, "seconds": state.seconds} | point)
                self._log("training", point)
                progress(state.step, config.steps, f"language {point['language']:.3f}, pointer {point['pointer']:.2f}")
                if self.validates and (state.step % config.validate_every == 0 or self._done >= 1):
                    self._validate()
                if time.monotonic() - saved > config.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        self._save()
        if self.writer:
            self.writer.close()
        self.model.load_trainable_state(self.best)
        self.model.eval()

    @property
    def _done(self) -> float:
        """Share of the steps, or of the minutes if that is larger, that is used."""
        minutes = self.state.seconds / (60 * self.config.minutes) if self.config.minutes else 0.0
        return max(self.state.step / self.config.steps, minutes)

    def _draw(self, step: int) -> list[_Part]:
        return self._share(self.draw(step), self.config.accumulate)

    def _share(self, samples: Sequence[Sample], count: int) -> list[_Part]:
        """This process's share of samples, encoded in parts of like length, so that little is padded.

        Text alone, text about views, and phrases without text each make at most `count` parts.
        """
        own = range(self.rank, len(samples), self.accelerator.num_processes)
        drawn = sorted((samples[i] for i in own), key=lambda one: len(one.request) + len(one.answer))
        groups: dict[tuple[bool, bool], list[Sample]] = {}
        for one in drawn:
            groups.setdefault((bool(one.request), bool(len(one.views))), []).append(one)
        parts = [part for _, group in sorted(groups.items()) for part in _cut(group, count)]
        return [_Part(*encode_batch(self.model, part, self.model.backbone.end)) for part in parts]

    def _optimise(self, parts: list[_Part]) -> dict[str, float]:
        """One step; gives its learning rate and losses. Everything random in it follows from seed, step and process."""
        torch.manual_seed(int(np.random.SeedSequence([self.seed, self.state.step, self.rank]).generate_state(1)[0]))
        share = _schedule(self._done, self.config.warmup_fraction)
        for optimiser, rate in zip(self.optimisers, (self.config.learning_rate, self.config.pointer_rate), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = share * rate
            optimiser.zero_grad()
        totals, sums = self._totals(parts), torch.zeros(2, device=self.device)
        for part in parts:
            shares = self._losses(part) / totals
            shares.sum().backward()
            sums += shares.detach()
        self._add_up_gradients()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        language, pointer = self.accelerator.reduce(sums).tolist()
        return {"learning_rate": share * self.config.learning_rate, "language": language, "pointer": pointer}

    def _add_up_gradients(self) -> None:
        """Sum gradients over the processes; parameters that none of them used keep none.

        `DistributedDataParallel` would leave out what the last part of a step does not use, such as the pointer where
        that part is text alone.
        """
        if self.accelerator.num_processes == 1:
            return
        used = torch.tensor([float(p.grad is not None) for p in self.trained], device=self.device)
        used = self.accelerator.reduce(used).bool().tolist()
        needed = [p for p, is_used in zip(self.trained, used, strict=True) if is_used]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in needed]
        total = self.accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]))
        for parameter, gradient in zip(needed, total.split([p.numel() for p in needed]), strict=True):
            parameter.grad = gradient.view_as(parameter)

    def _losses(self, part: _Part) -> Tensor:
        """(2,) losses summed over the answer tokens and over the keypoints of a part."""
        batch = {name: tensor.to(self.device) for name, tensor in part.batch.items()}
        with autocast(self.device, self.config.precision):
            means = losses(self.model, batch, part.points.to(self.device))
        return torch.stack(means) * part.counts.to(self.device)

    def _totals(self, parts: list[_Part]) -> Tensor:
        """(2,) answer tokens and keypoints of the parts of all processes, at least 1."""
        own = sum((part.counts for part in parts), torch.zeros(2, dtype=torch.long))
        return self.accelerator.reduce(own.to(self.device)).clamp_min(1)

    @torch.no_grad()
    def _validate(self) -> None:
        """Look at the held-out samples; keep the weights if they are the best so far and there is patience."""
        self.model.eval()
        sums = torch.zeros(2, device=self.device)
        for part in self.held_out:
            sums += self._losses(part)
        language, pointer = (self.accelerator.reduce(sums) / self._totals(self.held_out)).tolist()
        self.model.train()
        point, state = {"language": language, "pointer": pointer}, self.state
        state.validation.append({"step": state.step} | point)
        self._log("held-out", point)
        if self.config.patience and state.best == len(state.validation) - 1:
            self.best = self.model.trainable_state()

    def _agreed(self, seconds: float) -> float:
        """The main process's clock, so that all processes end with the same step [s]."""
        own = seconds if self.accelerator.is_main_process else 0.0
        return float(self.accelerator.reduce(torch.tensor(own, device=self.device)))

    def _writer(self, log: Path) -> Any:
        """What writes for TensorBoard, where nothing counts that was written after the checkpoint."""
        from torch.utils.tensorboard import SummaryWriter

        if not self.state.step:
            shutil.rmtree(log, ignore_errors=True)
        return SummaryWriter(log, purge_step=self.state.step + 1)

    def _log(self, group: str, point: dict[str, float]) -> None:
        if self.writer:
            for name, value in point.items():
                self.writer.add_scalar(f"{name}/{group}", value, self.state.step)

    def _resumed(self) -> tuple[TrainingState, dict[str, Tensor]]:
        """The state and best weights of the checkpoint, with model and optimiser set to it; new ones without."""
        if not self.checkpoint.is_file():
            return TrainingState(), {}
        content = torch.load(self.checkpoint, map_location="cpu")
        self.model.load_trainable_state(content["model"])
        for optimiser, state in zip(self.optimisers, content["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        return TrainingState(**content["state"]), content["best"]

    def _save(self) -> None:
        """Write the checkpoint."""
        if self.writer:
            self.writer.flush()
        if not self.accelerator.is_main_process:
            return
        content = {
            "model": self.model.trainable_state(),
            "best": self.best,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "state": vars(self.state),
        }
        save_checkpoint(content, self.checkpoint)


def _optimisers(model: PlannerModel) -> tuple[torch.optim.AdamW, Muon]:
    """Muon for the weights inside the pointer, AdamW for all else that is trained."""
    inside = {f"pointer.{name}" for name, value in model.pointer.named_parameters() if takes(name, value)}
    trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    others = [value for name, value in trained if name not in inside]
    adam = torch.optim.AdamW(others, lr=model.config.learning_rate, weight_decay=0.01, betas=(0.9, 0.98))
    return adam, Muon([value for name, value in trained if name in inside], model.config.pointer_rate)


def _cut(samples: Sequence[Sample], count: int) -> list[Sequence[Sample]]:
    """At most `count` parts of about the same number."""
    cuts = [len(samples) * part // count for part in range(count + 1)]
    return [samples[first:last] for first, last in pairwise(cuts) if first < last]


def _schedule(done: float, warmup: float) -> float:
    """Linear warm-up, then half a cosine, as factors of the peak learning rate."""
    if done < warmup:
        return (done + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))
