"""The motions of the steps that work furniture: pull, push, swing."""

from __future__ import annotations

from collections.abc import Iterator

import mujoco
import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills.hand import DOWN, motion, pointing_down, tip_at
from stages.simulators.tabletop.state import State

FORWARD = axis_rotation(1, -np.pi / 2) @ DOWN @ axis_rotation(2, np.pi)
"""Rotation (3, 3) of a tip that points along world X with its fingers along world Y, turned the way the arm prefers."""


def pull(
    state: State, thing: Thing, direction: np.ndarray, distance: float, *, let_go: bool = False
) -> Iterator[Motion]:
    """Draw what is held along a world direction (3,) by a distance [m]; open the gripper there if asked."""
    tip = state.tip
    tip[:3, 3] += distance * direction
    yield motion(tip, let_go, Step("pull", thing.name), state.position(thing))


def push_forward(
    state: State, thing: Thing, rotation: np.ndarray, start: np.ndarray, end: np.ndarray
) -> Iterator[Motion]:
    """With closed gripper of rotation (3, 3) to the start (3,), then straight through to the end (3,)."""
    step = Step("push", thing.name)
    yield motion(tip_at(start, rotation), False, step, state.position(thing), may_collide=False)
    yield motion(tip_at(end, rotation), False, step, state.position(thing))


def swing(
    state: State,
    step: Step,
    thing: Thing,
    moving: Thing,
    angle: float,
    *,
    stride: float,
    turn: float = 1.0,
    gripper_open: bool = False,
) -> Iterator[Motion]:
    """Take the hand along the arc of a hinge, so that it turns with what it holds or pushes.

    Args:
        step: said of every motion; its focus is `thing`.
        moving: the thing with the hinge.
        angle: about the hinge's axis, from where the hand is now [rad].
        stride: largest angle of one motion [rad]; the tip goes straight, so it leaves the arc by r (1 - cos(stride/2)).
        turn: share of the angle that the hand turns too; a round bar turns in the fingers for the rest.
        gripper_open: after every motion.
    """
    start, (pivot, axis) = state.tip, state.hinge(moving)
    count = int(np.ceil(abs(angle) / stride - 1e-9))
    for share in np.arange(1, count + 1) / count:
        tip = turned_about(start, pivot, axis, share * angle)
        tip[:3, :3] = turned_about(start, pivot, axis, turn * share * angle)[:3, :3]
        yield motion(tip, gripper_open, step, state.position(thing))


def turned_about(pose: np.ndarray, pivot: np.ndarray, axis: np.ndarray, angle: float) -> np.ndarray:
    """The pose (4, 4) turned about the axis (3,) through the pivot (3,) in the world by an angle [rad]."""
    quaternion, rotation = np.empty(4), np.empty(9)
    mujoco.mju_axisAngle2Quat(quaternion, np.asarray(axis, float), angle)
    mujoco.mju_quat2Mat(rotation, quaternion)
    rotation = rotation.reshape(3, 3)
    moved = pose.copy()
    moved[:3, :3] = rotation @ pose[:3, :3]
    moved[:3, 3] = pivot + rotation @ (pose[:3, 3] - pivot)
    return moved


def sweep(state: State, step: Step, thing: Thing, angle: float, *, stride: float) -> Iterator[Motion]:
    """Take the closed hand along the arc of the thing's hinge without turning it; see `swing`."""
    start, (pivot, axis) = state.tip, state.hinge(thing)
    count = int(np.ceil(abs(angle) / stride - 1e-9))
    for share in np.arange(1, count + 1) / count:
        place = turned_about(start, pivot, axis, share * angle)[:3, 3]
        yield motion(tip_at(place, start[:3, :3]), False, step, state.position(thing))


def pointing_down_along(state: State, thing: Thing) -> np.ndarray:
    """(3, 3) tip rotation: straight down, the fingers along the thing's level hinge, by the smaller turn."""
    _, (x, y, _) = state.hinge(thing)
    return pointing_down(np.arctan(-x / y))
