"""Settings of the planner and of its training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VlmConfig:
    """Coarse task planner.

    Attributes:
        base: "tiny" (the base that ships with the package) or a Hugging Face name or path of the Qwen2.5-VL family.
        image_size: side of a canonical view [px]; a multiple of the backbone's patch times merge size.
        views: canonical views shown, in order.
        pointer_cells: cells along a side of the pointer's heatmap of one view.
        pointer_width: channels of the pointer's cell features.
        lora_rank: rank of the adapters on every linear layer.
        lora_alpha: their scale; the update is multiplied by alpha / rank.
        learning_rate: peak rate, after a warm-up of `warmup_fraction` and before a cosine decay.
        batch_size: examples per step.
        steps: optimiser steps.
        minutes: stop after so many minutes if that comes first, the schedule shortened to fit; 0 = no limit.
        weight_objects, weight_plans, weight_trajectories: shares of the demonstrations' training examples.
        weight_auxiliary: share of examples about procedural scenes, rehearsed so that nothing general is forgotten.
        auxiliary_scenes: how many of those are rendered.
        jitter: largest random shift of the scene in the plane [m], in training.
        turn: largest random turn of the scene about the vertical [rad], in training.
        checkpoint_seconds: how often training can be resumed from.
    """

    base: str = "tiny"
    image_size: int = 112
    views: tuple[str, ...] = ("top", "front", "left")
    pointer_cells: int = 56
    pointer_width: int = 32
    lora_rank: int = 32
    lora_alpha: int = 32
    learning_rate: float = 1e-3
    warmup_fraction: float = 0.05
    batch_size: int = 16
    steps: int = 600
    minutes: float = 0.0
    weight_objects: float = 0.2
    weight_plans: float = 0.2
    weight_trajectories: float = 0.6
    weight_auxiliary: float = 0.3
    auxiliary_scenes: int = 300
    jitter: float = 0.03
    turn: float = 0.15
    checkpoint_seconds: float = 30.0
