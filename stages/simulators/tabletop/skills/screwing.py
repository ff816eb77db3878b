"""Turning round things in by hand: how to take hold of them so that the wrist can turn on, and the turn itself.

There are no threads: what is turned in goes straight down with the hand, as far as the hand takes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.motion import raised
from stages.simulators.tabletop.panda import BASE_POSITION
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills.hand import grasp, motion, pointing_down, tip_at
from stages.simulators.tabletop.state import State

LAST = np.deg2rad(15)
"""The turn that is left to the release [rad]."""


def grasp_to_turn(state: State, thing: Thing, place: np.ndarray, turn: float) -> Iterator[Motion]:
    """Grasp a round thing from above, at its anchor, so that half of a later turn leads to the arm's natural posture.

    Args:
        place: (3,) where it will be turned [m].
        turn: clockwise seen from above [rad].
    """
    bearing = np.arctan2(place[1] - BASE_POSITION[1], place[0] - BASE_POSITION[0])
    yield from grasp(state, thing, tip_at(state.position(thing), pointing_down(bearing + turn / 2)))


def screw_in(
    state: State,
    thing: Thing,
    target: Thing,
    turn: float,
    *,
    keypoint: np.ndarray,
    depth: float = 0.0,
    motions: int = 1,
) -> Iterator[Motion]:
    """Turn what is held clockwise, seen from above, by an angle [rad], while it goes down by a depth [m]; let go.

    The last bit of the turn belongs to the release: two steps that end in the same pose could not be told apart.
    """
    start, rotate = state.tip, Step("rotate", thing.name)
    for share in (1 - LAST / turn) * np.arange(1, motions + 1) / motions:
        yield motion(_screwed(start, share * turn, share * depth), False, rotate, state.position(thing))
    let_go = Step("release", thing.name, target.name)
    yield motion(_screwed(start, turn, depth), True, let_go, keypoint)


def _screwed(tip: np.ndarray, turn: float, depth: float) -> np.ndarray:
    pose = raised(tip, -depth)
    pose[:3, :3] = axis_rotation(2, -turn) @ tip[:3, :3]
    return pose
