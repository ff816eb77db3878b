"""What the hand does with any thing: grasp, lift, move, release, push. Each motion is computed when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation, matrix_to_pose
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.motion import raised
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.state import State

APPROACH = 0.08
"""Distance of a pre-grasp from its grasp [m]."""

LIFT = 0.16
PRESS_ABOVE = 0.06
"""Height of the tip over a button before the press [m]."""

PRESS_DEPTH = 0.0
"""How far below a button's top the tip is sent [m]; the fingers end 9 mm beyond it, more than a button's travel."""

DOWN = axis_rotation(0, np.pi)
"""Rotation (3, 3) of a tip that points straight down with its fingers along world Y."""


def tip_at(position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(4, 4) tip pose."""
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = position
    return pose


def pointing_down(yaw: float) -> np.ndarray:
    """(3, 3) tip rotation: straight down, turned by yaw [rad] about the vertical."""
    return axis_rotation(2, yaw) @ DOWN


def least_yaw(state: State, thing: Thing, period: float) -> float:
    """Yaw in [-period/2, period/2) of a thing that looks the same to the fingers after a turn by `period` [rad]."""
    rotation = state.matrix(thing)
    yaw = np.arctan2(rotation[1, 0], rotation[0, 0])
    return float((yaw + period / 2) % period - period / 2)


def square_yaw(state: State, thing: Thing) -> float:
    """Yaw of a square thing in [-pi/4, pi/4): the turn of the hand that needs least twisting."""
    return least_yaw(state, thing, np.pi / 2)


def motion(tip: np.ndarray, gripper_open: bool, step: Step, keypoint: np.ndarray, may_collide: bool = True) -> Motion:
    """A motion to the tip pose (4, 4), after which the gripper is open or closed."""
    action = np.concatenate([matrix_to_pose(tip), [float(gripper_open), float(may_collide)]])
    return Motion(action, step, np.array(keypoint))


def backed_off(tip: np.ndarray, distance: float) -> np.ndarray:
    """The tip pose (4, 4) drawn back along its own pointing direction."""
    pose = tip.copy()
    pose[:3, 3] -= distance * tip[:3, 2]
    return pose


def grasp(state: State, thing: Thing, tip: np.ndarray, approach: float = APPROACH) -> Iterator[Motion]:
    """Open in front of the thing, go to it, close. The tip pose (4, 4) is that of the grasp."""
    step = Step("grasp", thing.name)
    yield motion(backed_off(tip, approach), True, step, state.position(thing), may_collide=False)
    yield motion(tip, False, step, state.position(thing))


def grasp_block(state: State, thing: Thing) -> Iterator[Motion]:
    """Grasp a square thing from above, at its centre."""
    tip = tip_at(state.position(thing), pointing_down(square_yaw(state, thing)))
    yield from grasp(state, thing, tip)


def lift(state: State, thing: Thing, height: float = LIFT) -> Iterator[Motion]:
    """Straight up with what is held."""
    yield motion(raised(state.tip, height), False, Step("lift", thing.name), state.position(thing))


def carried(state: State, thing: Thing, position: np.ndarray) -> np.ndarray:
    """Tip pose (4, 4) that brings what is held to where its anchor is at `position` (3,), the rotation kept."""
    tip = state.tip
    tip[:3, 3] += position - state.position(thing)
    return tip


def move(state: State, thing: Thing, target: Thing, position: np.ndarray, keypoint: np.ndarray) -> Iterator[Motion]:
    """Carry what is held until its anchor is at `position` (3,), the hand keeping its rotation."""
    tip = carried(state, thing, position)
    yield motion(tip, False, Step("move", thing.name, target.name), keypoint, may_collide=False)


def release(
    state: State,
    thing: Thing,
    target: Thing,
    position: np.ndarray,
    keypoint: np.ndarray,
    retreat: float = APPROACH,
) -> Iterator[Motion]:
    """Set what is held down with its anchor at `position` (3,) and open; go back up unless `retreat` is 0."""
    step, tip = Step("release", thing.name, target.name), carried(state, thing, position)
    yield motion(tip, True, step, keypoint)
    if retreat:
        yield motion(backed_off(tip, retreat), True, step, keypoint)


def release_here(state: State, thing: Thing, position: np.ndarray, retreat: float = APPROACH) -> Iterator[Motion]:
    """`release` at no thing that could be named: the step's keypoint is the released thing itself."""
    step, tip = Step("release", thing.name), carried(state, thing, position)
    yield motion(tip, True, step, state.position(thing))
    if retreat:
        yield motion(backed_off(tip, retreat), True, step, state.position(thing))


def push_down(state: State, thing: Thing, depth: float = PRESS_DEPTH, yaw: float = 0.0) -> Iterator[Motion]:
    """Over the thing with closed gripper, then straight down until the tip is `depth` [m] below its anchor."""
    step = Step("push", thing.name)
    above = tip_at(state.position(thing) + (0, 0, PRESS_ABOVE), pointing_down(yaw))
    yield motion(above, False, step, state.position(thing), may_collide=False)
    yield motion(raised(above, -PRESS_ABOVE - depth), False, step, state.position(thing))


def displaced(motions: Iterable[Motion], offset: Sequence[float]) -> Iterator[Motion]:
    """The motions with all their tip positions moved by `offset` (3,) in the world [m]: the right thing, missed."""
    for one in motions:
        yield replace(one, action=one.action + np.pad(np.asarray(offset, float), (0, 6)))
