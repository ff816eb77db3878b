"""The planner's training loop: losses, schedule, checkpoints that survive being killed, and the curve."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stages.planner.model import PlannerModel
from stages.planner.pointer import pointer_loss, pointer_targets
from stages.precision import multiplies_bfloat16
from stages.progress import Progress


@dataclass(frozen=True)
class Exchange:
    """One thing asked about one scene.

    Attributes:
        request: the user's text.
        answer: the assistant's text, with a `KEYPOINT` after every phrase that is pointed at.
        points: (K, 3) where those are, world frame [m].
        views: (V, S, S, 3) uint8 canonical views of the scene.
    """

    request: str
    answer: str
    points: np.ndarray
    views: np.ndarray


@dataclass
class TrainingState:
    """Where a training run stands; everything that a resumed run needs."""

    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


def encode_batch(model: PlannerModel, exchanges: list[Exchange], end: str) -> tuple[dict[str, Tensor], Tensor]:
    """Model inputs of a batch of exchanges and the pointer targets (K, V, C, C) of all their keypoints."""
    views = np.stack([exchange.views for exchange in exchanges])
    answers = [exchange.answer + end for exchange in exchanges]
    batch = model.backbone.encode([exchange.request for exchange in exchanges], answers, views)
    batch["pixels"] = torch.from_numpy(views).permute(0, 1, 4, 2, 3).float() / 255
    points = torch.from_numpy(np.concatenate([exchange.points.reshape(-1, 3) for exchange in exchanges]))
    return batch, pointer_targets(points, model.views, model.config.pointer_cells)


def losses(model: PlannerModel, batch: dict[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the answers' tokens and of the pointers."""
    output = model(batch)
    language = functional.cross_entropy(output.token_logits.float(), output.token_labels)
    if not len(targets):
        return language, language.new_zeros(())
    return language, pointer_loss(output.heatmaps.float(), targets).mean()


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the device multiplies it in hardware."""
    return torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bfloat16(device))


def train(
    model: PlannerModel,
    draw: Callable[[int], list[Exchange]],
    checkpoint: Path,
    progress: Progress,
    end: str = "<|im_end|>",
) -> TrainingState:
    """Train until the step or time limit of `model.config`, going on from `checkpoint` where one exists.

    Args:
        model: its parameters that require gradients are trained.
        draw: gives the exchanges of a step; the same step always the same ones.
        checkpoint: file written every `checkpoint_seconds`, whole or not at all.
        progress: told of steps done.
    """
    config, device = model.config, next(model.parameters()).device
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01, betas=(0.9, 0.98))
    state = _resume(model, optimiser, checkpoint)
    model.train()
    saved = started = time.monotonic() - state.seconds
    saved += state.seconds
    with ThreadPoolExecutor(1) as loader:
        pending = loader.submit(lambda step: encode_batch(model, draw(step), end), state.step)
        while (done := _fraction(config.steps, config.minutes, state)) < 1:
            batch, targets = pending.result()
            pending = loader.submit(lambda step: encode_batch(model, draw(step), end), state.step + 1)
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * _schedule(done, config.warmup_fraction)
            batch = {name: tensor.to(device) for name, tensor in batch.items()}
            with autocast(device):
                language, pointing = losses(model, batch, targets.to(device))
            optimiser.zero_grad()
            (language + pointing).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            state.step += 1
            state.seconds = time.monotonic() - started
            point = {"step": state.step, "language": language.item(), "pointer": pointing.item()}
            state.curve.append(point)
            progress(state.step, config.steps, f"language {point['language']:.3f}, pointer {point['pointer']:.2f}")
            if time.monotonic() - saved > config.checkpoint_seconds:
                _save(model, optimiser, state, checkpoint)
                saved = time.monotonic()
    _save(model, optimiser, state, checkpoint)
    model.eval()
    return state


def _fraction(steps: int, minutes: float, state: TrainingState) -> float:
    return max(state.step / steps, state.seconds / (60 * minutes) if minutes else 0.0)


def _schedule(done: float, warmup: float) -> float:
    """Linear warm-up, then half a cosine, as factors of the peak learning rate."""
    if done < warmup:
        return (done + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def _save(model: PlannerModel, optimiser: torch.optim.Optimizer, state: TrainingState, path: Path) -> None:
    content = {"model": model.trainable_state(), "optimiser": optimiser.state_dict(), "state": vars(state)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save(content, partial)
    os.replace(partial, path)


def _resume(model: PlannerModel, optimiser: torch.optim.Optimizer, path: Path) -> TrainingState:
    if not path.is_file():
        return TrainingState()
    content = torch.load(path, map_location=next(model.parameters()).device)
    named = dict(model.named_parameters())
    for name, value in content["model"].items():
        named[name].data.copy_(value)
    optimiser.load_state_dict(content["optimiser"])
    return TrainingState(**content["state"])
