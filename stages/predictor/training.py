"""Training of the fine-grained predictor: budgeted in steps or minutes, and continued exactly where it was cut off."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor, nn

from stages.predictor.data import PredictorSampler
from stages.predictor.decoding import Targets, losses
from stages.predictor.transformer import Inputs, MultiViewTransformer
from stages.runtime.checkpoints import save_checkpoint
from stages.runtime.muon import Muon, takes
from stages.runtime.precision import multiplies_large_bfloat16, use_bfloat16
from stages.settings.fine import FineConfig

FEWEST_ROWS = 4
"""Muon turns a matrix of fewer rows as far as a large one, too far for what gives a coordinate."""

AHEAD = 3
"""Batches drawn while the network is busy with another."""

LOG_EVERY = 10

Curves = dict[str, list[float]]


class Trainer:
    """Optimises a network on a sampler's batches and keeps an average of its weights.

    Attributes:
        step: optimiser steps done.
        seconds: time spent training, in all sessions [s].
        curves: values every `LOG_EVERY` steps and at the end: step, seconds, rate, loss and its parts.
    """

    def __init__(self, network: MultiViewTransformer, sampler: PredictorSampler, config: FineConfig) -> None:
        self.network = network
        self.sampler = sampler
        self.config = config
        self.device = next(network.parameters()).device
        self.trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self.average = {name: p.detach().clone() for name, p in self.trained.items()}
        self.optimizers = _optimizers(self.trained, config)
        large = config.precision == "auto" and multiplies_large_bfloat16(self.device)
        self.bfloat16 = large or use_bfloat16(config.precision, self.device)
        self.step = 0
        self.seconds = 0.0
        self.curves: Curves = {}

    @property
    def done(self) -> float:
        """Share of the budget that is used, in [0, 1]."""
        steps = self.step / self.config.steps
        minutes = self.seconds / 60 / self.config.minutes if self.config.minutes else 0.0
        return min(1.0, max(steps, minutes))

    def train(self, checkpoint: Path, report: Callable[[Trainer], None]) -> None:
        """Go on until the budget is used; write checkpoints on the way; report after every logged step."""
        self.network.train()
        saved = began = time.monotonic()
        before = self.seconds
        batches = prefetch(self.sampler, self.step)
        for inputs, targets in batches:
            if self.done >= 1:
                break
            values = self._optimise(inputs, targets)
            self.seconds = before + time.monotonic() - began
            if self.step % LOG_EVERY == 0 or self.done >= 1:
                self._log(values)
                report(self)
            if time.monotonic() - saved > self.config.checkpoint_seconds:
                self.save(checkpoint)
                saved = time.monotonic()
        batches.close()
        self.save(checkpoint)

    def _optimise(self, inputs: Inputs, targets: Targets) -> dict[str, Tensor]:
        """One step; returns the losses."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * self._schedule()
        targets = Targets(*(value.to(self.device) for value in vars(targets).values()))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            outputs = self.network(inputs.to(self.device))
        parts = losses(outputs, targets)
        loss = torch.stack(list(parts.values())).sum()
        self.network.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.trained.values()), 1 - decay)
        return {"loss": loss.detach()} | {name: value.detach() for name, value in parts.items()}

    def _schedule(self) -> float:
        """Share of the peak learning rates: linear warm-up, then half a cosine over the budget."""
        warm = min(1.0, (self.step + 1) / max(1, self.config.warmup))
        return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.done)))

    def _log(self, values: dict[str, Tensor]) -> None:
        row = {"step": self.step, "seconds": self.seconds, "rate": self.optimizers[0].param_groups[0]["lr"]}
        for name, value in (row | {name: float(value) for name, value in values.items()}).items():
            self.curves.setdefault(name, []).append(value)

    def use_average(self) -> None:
        """Put the averaged weights into the network; training must not go on afterwards."""
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(self.average[name])

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        state = {
            "trained": dict(self.trained),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "random": torch.get_rng_state(),
            "progress": {"step": self.step, "seconds": self.seconds, "curves": self.curves},
        }
        save_checkpoint(state, path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(state["trained"][name])
        self.average = state["average"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            peaks = [group["peak"] for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["peak"] = peak
        torch.set_rng_state(state["random"].cpu())
        for name, value in state["progress"].items():
            setattr(self, name, value)


def prefetch(sampler: PredictorSampler, first: int) -> Iterator[tuple[Inputs, Targets]]:
    """Batches from number `first` on, drawn by another thread while the caller computes."""
    with ThreadPoolExecutor(1) as pool:
        pending = [pool.submit(sampler.batch, first + i) for i in range(AHEAD)]
        try:
            while True:
                ready = pending.pop(0).result()
                first += 1
                pending.append(pool.submit(sampler.batch, first + AHEAD - 1))
                yield ready
        finally:
            for future in pending:
                future.cancel()


def _optimizers(parameters: dict[str, nn.Parameter], config: FineConfig) -> tuple[torch.optim.AdamW, Muon]:
    """Muon for the matrices of our own layers but those that give coordinates; AdamW for these, vectors, words, and
    pre-trained encoders.

    Vectors (biases, norms) and tables of words do not decay. Each group knows its "peak" learning rate.
    """
    own = {n: p for n, p in parameters.items() if not n.startswith(("pretrained.", "text.", "views"))}
    inside = {n: p for n, p in own.items() if takes(n, p) and len(p) >= FEWEST_ROWS}
    others = {name: parameter for name, parameter in parameters.items() if name not in inside}
    decayed = [p for name, p in others.items() if p.ndim > 1 and "words" not in name]
    spared = [p for name, p in others.items() if p.ndim <= 1 or "words" in name]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": spared, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
    muon = Muon(inside.values(), lr=config.matrix_rate)
    for optimizer in (adam, muon):
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return adam, muon
