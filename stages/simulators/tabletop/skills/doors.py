"""The motions that work a door by its lever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.skills.furniture import FORWARD, swing, turned_about
from stages.simulators.tabletop.skills.hand import APPROACH, grasp, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.things.door import DoorParts

UPRIGHT = FORWARD @ axis_rotation(2, -np.pi / 2)
"""Rotation (3, 3) of a tip that points along world X with one finger above the other."""

STRIDE = np.deg2rad(17)
"""Largest angle of a door in one motion [rad]."""


def grasp_lever(state: State, door: DoorParts, heading: float = 0.0, approach: float = APPROACH) -> Iterator[Motion]:
    """Grasp a level lever from above and below.

    Args:
        heading: of the hand, from square to the door towards square to its frame [rad].
        approach: distance from which the hand comes [m].
    """
    _, axis = state.hinge(door.leaf)
    turn = turned_about(np.eye(4), np.zeros(3), axis, -heading)[:3, :3]
    tip = tip_at(state.position(door.handle), turn @ state.matrix(door.leaf)[:3, :3] @ UPRIGHT)
    yield from grasp(state, door.handle, tip, approach)


def turn_lever(state: State, door: DoorParts, angle: float) -> Iterator[Motion]:
    """Turn the hand about the lever's axis [rad], the lever down with a positive angle."""
    handle = door.handle
    yield from swing(state, Step("rotate", handle.name), handle, handle, angle, stride=abs(angle))


def swing_door(state: State, door: DoorParts, action: str, angle: float) -> Iterator[Motion]:
    """Push or pull the door by its lever through an angle [rad], open with a positive one.

    The tip follows the lever's arc; the hand keeps its heading and turns on the lever, so that it stays clear of the
    frame.
    """
    heading = state.tip_pose[3:]
    for one in swing(state, Step(action, door.handle.name), door.handle, door.leaf, angle, stride=STRIDE):
        yield replace(one, action=np.concatenate([one.action[:3], heading, one.action[7:]]))
