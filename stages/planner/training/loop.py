"""The planner's training loop: losses, schedule, held-out losses, checkpoints that survive being killed, curves.

Under `accelerate launch` every process draws and works through its own share of each step's samples. Losses are means
over the tokens, and over the keypoints, of the whole step, so it does not matter how many processes and parts share it.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor
from torch.nn import functional

from stages.core.errors import UserError
from stages.core.progress import Progress
from stages.planner.pointing.coordinates import spell_keypoints
from stages.planner.pointing.model import PlannerModel
from stages.planner.pointing.pointer import IGNORED, Naming, pointer_loss
from stages.planner.pointing.views import COLOURS, resized
from stages.planner.prompts import KEYPOINT, locate_answer, locate_request, pointed_phrases
from stages.runtime.checkpoints import save_checkpoint
from stages.runtime.distributed import without_gpu
from stages.runtime.muon import Muon, takes
from stages.runtime.precision import autocast

NAMING_WEIGHT = 0.3
"""Of the words for what the cells show, in the loss of the pointer."""

KINDS = 3
"""Of words for what a pixel shows: noun, part, colour."""

NO_THING = "nothing"
"""Noun of what is no thing."""

NOWHERE = np.zeros((0, 3))
"""Points of a sample without any."""


@dataclass(frozen=True)
class Sample:
    """One thing asked about one scene.

    Attributes:
        request: the user's text; empty where phrases are only to be located, for which a pointer needs no text model.
        answer: the assistant's text, with a `KEYPOINT` after every phrase that is pointed at.
        points: (K, 3) where those are, world frame [m], NaN for what is not in view; without views nothing is pointed
            at.
        views: (V, S, S, 5) uint8 of the scene, of `render_views`; V = 0 is text alone.
        labels: (V, S, S) uint8 what the pixels show, 0 = no thing; None where it is not known.
        named: for every label the words that say what it is, one of each kind, "" where it has none.
    """

    request: str
    answer: str
    points: np.ndarray
    views: np.ndarray
    labels: np.ndarray | None = None
    named: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def locating(cls, phrases: Sequence[str], points: Sequence[np.ndarray], views: np.ndarray) -> Sample:
        """Where are these things?"""
        return cls("", locate_answer(phrases), np.array(points, float).reshape(-1, 3), views)

    def spelt(self) -> Sample:
        """The same with coordinates in the answer, of which there are none without views, and nowhere pointed at."""
        if not len(self.views):
            return replace(self, answer=self.answer.replace(KEYPOINT, ""))
        request = self.request or locate_request(pointed_phrases(self.answer))
        return replace(self, request=request, answer=spell_keypoints(self.answer, self.points), points=self.points[:0])


@dataclass(frozen=True)
class LazyBatch(Sequence[Sample]):
    """The samples of one step, each drawn when it is looked at, so that processes can share a step.

    Attributes:
        draw: gives a sample, from a generator of its own.
        seeds: all of the generators' but the sample's index.
        size: how many there are.
    """

    draw: Callable[[np.random.Generator], Sample]
    seeds: tuple[int, ...]
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self.draw(np.random.default_rng([*self.seeds, index]))


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


def encode_batch(model: PlannerModel, samples: Sequence[Sample], end: str) -> tuple[dict[str, Tensor], Tensor]:
    """Model inputs of a batch of samples, and the points (K, 3) [m] of all their keypoints.

    All samples have a request or none has. A planner that writes coordinates has them in its answers, and K is 0.
    """
    if model.config.keypoints == "text":
        samples = [sample.spelt() for sample in samples]
    views = np.stack([sample.views for sample in samples])
    batch = {}
    if samples[0].request:
        answers = [sample.answer + end for sample in samples]
        batch = model.backbone.encode([sample.request for sample in samples], answers, views[..., COLOURS])
    points = torch.from_numpy(np.concatenate([sample.points.reshape(-1, 3) for sample in samples])).float()
    if len(points):
        batch |= model.pointer_inputs(views, [pointed_phrases(sample.answer) for sample in samples])
        if samples[0].labels is not None:
            batch["naming"] = _naming(model, samples)
    return batch, points


def _naming(model: PlannerModel, samples: Sequence[Sample]) -> Naming:
    """What the pixels show, in words; all samples have labels."""
    rows = max(len(sample.named) for sample in samples)
    kinds = [sorted({row[kind] for sample in samples for row in sample.named} - {""}) for kind in range(KINDS)]
    classes = torch.full((len(samples), rows, KINDS), IGNORED)
    for number, sample in enumerate(samples):
        for label, words in enumerate(sample.named):
            for kind, word in enumerate(words):
                if word:
                    classes[number, label, kind] = kinds[kind].index(word)
    labels = torch.from_numpy(resized(np.stack([s.labels for s in samples])[..., None], model.pointer_size)[..., 0])
    vectors = tuple(model.phrases(words)[0][:, 0] for words in kinds)
    return Naming(labels, classes, vectors, kinds[0].index(NO_THING))


def losses(model: PlannerModel, batch: dict[str, Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the answers' tokens, and mean loss of the pointers."""
    output = model(batch)
    nothing = points.new_zeros(())
    language = (
        functional.cross_entropy(output.token_logits.float(), output.token_labels)
        if len(output.token_labels)
        else nothing
    )
    if not output.votes:
        return language, nothing
    pointer = pointer_loss(output.votes, points).mean()
    return language, pointer if output.naming is None else pointer + NAMING_WEIGHT * output.naming


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
        # A share without pictures or keypoints leaves the vision tower or the pointer without gradients.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self.accelerator = Accelerator(cpu=without_gpu(), mixed_precision="no", kwargs_handlers=[unused])
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
        self.network, *self.optimisers = self.accelerator.prepare(model, *_optimisers(model))
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
            with nullcontext() if part is parts[-1] else self.accelerator.no_sync(self.network):
                shares = self._losses(self.network, part) / totals
                # Gradients are averaged over the processes, whose shares of the means add up.
                self.accelerator.backward(shares.sum() * self.accelerator.num_processes)
            sums += shares.detach()
        self.accelerator.clip_grad_norm_(self.trained, 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        language, pointer = self.accelerator.reduce(sums).tolist()
        return {"learning_rate": share * self.config.learning_rate, "language": language, "pointer": pointer}

    def _losses(self, network: torch.nn.Module, part: _Part) -> Tensor:
        """(2,) losses summed over the answer tokens and over the keypoints of a part."""
        batch = {name: tensor.to(self.device) for name, tensor in part.batch.items()}
        with autocast(self.device, self.config.precision):
            means = losses(network, batch, part.points.to(self.device))
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
            sums += self._losses(self.model, part)
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
