"""Turning round things in by hand: how to take hold of them so that the wrist can turn on, and the turn itself.

There are no threads: what is turned in goes straight down with the hand, as far as the hand takes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.motion import raised
from stages.simulators.tabletop.panda import BASE_POSITION
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills.hand import grasp, motion, pointing_down, tip_at
from stages.simulators.tabletop.state import State
from stages.steps import Step


def grasp_to_turn(state: State, thing: Thing, place: np.ndarray, turn: float) -> Iterator[Motion]:
    """Grasp a round thing from above, at its anchor, so that half of a later turn leads to the arm's natural posture.

    Args:
        place: (3,) where it will be turned [m].
        turn: clockwise seen from above [rad].
    """
    bearing = np.arctan2(place[1] - BASE_POSITION[1], place[0] - BASE_POSITION[0])
    yield from grasp(state, thing, tip_at(state.position(thing), pointing_down(bearing + turn / 2)))


def screw_in(state: State, thing: Thing, turn: float, *, depth: float = 0.0, motions: int = 1) -> Iterator[Motion]:
    """Turn what is held clockwise, seen from above, by an angle [rad], while it goes down by a depth [m]."""
    start, step = state.tip, Step("rotate", thing.name)
    for share in np.arange(1, motions + 1) / motions:
        tip = raised(start, -share * depth)
        tip[:3, :3] = axis_rotation(2, -share * turn) @ start[:3, :3]
        yield motion(tip, False, step, state.position(thing))
