"""Storing groceries in the cupboard: where they stand at first, and the motions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import DOWN, motion, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.things.cupboard import Cupboard
from stages.simulators.tabletop.things.groceries import GROCERIES, Grocery, grocery

LOW, HIGH = (0.10, -0.42), (0.34, 0.42)
"""Corners of the area where the hand can take groceries from, world frame [m]."""

IN_FRONT = 0.14
"""Distance from the cupboard's front that is kept free [m]."""

PATIENCE = 200
"""Places tried before all are drawn anew."""

LEAN = np.deg2rad(15)
"""Of the hand from straight down, towards where it faces [rad]."""

MIDDLE = 0.6
"""Heading in which cans are grasped, as a share of the cupboard's yaw; those of boxes lie about it."""

RIGHT = np.deg2rad(65)
"""How far to the right of it boxes may be grasped; the arm turns more easily to the left [rad]."""

END = 0.018
"""How far from a box's near end it is held [m]."""

MARGIN, CLEARANCE = 0.003, 0.004
"""How far behind the cupboard's front groceries are put, and how high above its floor they are let go [m]."""

ENTRY = np.array([-0.10, 0.0, 0.15])
"""From where the hand lets go to where it is before it goes in, in the cupboard's frame [m]."""

KINDS = {kind.name: kind for kind in GROCERIES}


def scatter_groceries(
    scene: Scene,
    rng: np.random.Generator,
    kinds: Sequence[Grocery],
    gap: float,
    room: float = 0.0,
    *,
    in_order: bool = False,
) -> list[Thing]:
    """Groceries on the table in front of the cupboard, which is at the scene's base.

    Args:
        gap: least distance between the centres of two of them [m].
        room: the same between the first of them and the others, for the hand [m].
        in_order: the first of them stands nearest to the cupboard, and so on.
    """
    to_base = np.linalg.inv(scene.base)
    places: list[np.ndarray] = []
    tries = 0
    while len(places) < len(kinds):
        tries += 1
        if tries % PATIENCE == 0:
            places.clear()
        place = (to_base @ (*rng.uniform(LOW, HIGH), TABLE_HEIGHT, 1))[:2]
        apart = [np.linalg.norm(place - other) for other in places]
        if place[0] < -IN_FRONT and min(apart, default=np.inf) > gap and max(apart[:1], default=np.inf) > room:
            places.append(place)
    if in_order:
        places.sort(key=lambda place: -place[0])
    yaws = rng.uniform(-np.pi, np.pi, len(kinds))
    return [grocery(scene, kind, *place, yaw) for kind, place, yaw in zip(kinds, places, yaws, strict=True)]


def hold(state: State, thing: Thing, cupboard: Cupboard) -> np.ndarray:
    """Tip pose (4, 4) that holds a grocery where it stands, leaning over it."""
    kind, heading = KINDS[thing.name], MIDDLE * _yaw(state, cupboard.body)
    if not kind.round:
        rightmost = heading - RIGHT
        heading = rightmost + (_yaw(state, thing) - rightmost) % np.pi
    back = kind.size[0] / 2 - END if kind.ends else 0.0
    position = state.matrix(thing)[:3, 3] + (-back * np.cos(heading), -back * np.sin(heading), kind.grip)
    return tip_at(position, _leaning(heading))


def store(
    state: State,
    thing: Thing,
    cupboard: Cupboard,
    left: float = 0.0,
    *,
    above: float = CLEARANCE,
    straight: bool = False,
) -> Iterator[Motion]:
    """To the opening with the grocery that is held, then in, where the hand opens.

    Args:
        left: distance of its place from the middle of the cupboard [m].
        above: how high above the floor it is let go [m].
        straight: in at once, from where it stood.
    """
    kind, frame, keypoint = KINDS[thing.name], state.matrix(cupboard.body), state.position(cupboard.body)
    depth = MARGIN + (END if kind.ends else kind.size[0] / 2)
    rotation, inside = _leaning(_yaw(state, cupboard.body)), np.array([depth, left, above + kind.grip])
    if not straight:
        before = tip_at(frame[:3, :3] @ (inside + ENTRY) + frame[:3, 3], rotation)
        yield motion(before, False, Step("move", thing.name, cupboard.body.name), keypoint, may_collide=False)
    there = tip_at(frame[:3, :3] @ inside + frame[:3, 3], rotation)
    yield motion(there, True, Step("release", thing.name, cupboard.body.name), keypoint)


def stored(state: State, thing: Thing, cupboard: Cupboard) -> bool:
    """Whether a grocery is in the cupboard."""
    return state.detects(cupboard.detector, thing)


def _leaning(heading: float) -> np.ndarray:
    """(3, 3) tip rotation: down and forwards to a heading [rad], the fingers level."""
    return axis_rotation(2, heading) @ axis_rotation(1, -LEAN) @ DOWN


def _yaw(state: State, thing: Thing) -> float:
    rotation = state.matrix(thing)
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))
