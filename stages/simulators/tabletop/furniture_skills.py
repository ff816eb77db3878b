"""The motions of the steps that work furniture: pull, push forward."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills import DOWN, motion, tip_at
from stages.simulators.tabletop.state import State
from stages.steps import Step

FORWARD = axis_rotation(1, -np.pi / 2) @ DOWN @ axis_rotation(2, np.pi)
"""Rotation (3, 3) of a tip that points along world X with its fingers along world Y, turned the way the arm prefers."""


def pull(state: State, thing: Thing, direction: np.ndarray, distance: float) -> Iterator[Motion]:
    """Draw what is held along a world direction (3,) by a distance [m]."""
    tip = state.tip
    tip[:3, 3] += distance * direction
    yield motion(tip, False, Step("pull", thing.name), state.position(thing))


def push_forward(
    state: State, thing: Thing, rotation: np.ndarray, start: np.ndarray, end: np.ndarray
) -> Iterator[Motion]:
    """With closed gripper of rotation (3, 3) to the start (3,), then straight through to the end (3,)."""
    step = Step("push forward", thing.name)
    yield motion(tip_at(start, rotation), False, step, state.position(thing), may_collide=False)
    yield motion(tip_at(end, rotation), False, step, state.position(thing))
