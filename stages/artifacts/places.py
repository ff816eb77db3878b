"""How far a target is from the thing that a step means."""

from __future__ import annotations

import numpy as np

from stages.artifacts.episode import ObjectTracks
from stages.core.steps import STACK_HEIGHT, Step


def distance_to_focus(target: np.ndarray, step: Step, objects: ObjectTracks, motion: int) -> float:
    """Distance of a target (3,) from the nearest thing that the step's focus names before a motion [m]; NaN if none.

    A target lies at the thing or, where the step sets something down, above it.
    """
    named = [m for m, name in enumerate(objects.names) if name == step.focus]
    if not named:
        return np.nan
    offsets = target - objects.positions[motion, named]
    if step.target:
        offsets[:, 2] -= np.clip(offsets[:, 2], 0, STACK_HEIGHT)
    return float(np.linalg.norm(offsets, axis=1).min())
