"""Storing groceries in the cupboard: where they stand at first, and the motions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills import DOWN, least_yaw, motion, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.things.cupboard import SHELF, Cupboard
from stages.simulators.tabletop.things.groceries import GROCERIES, Grocery, grocery
from stages.steps import Step

AREA = (0.02, 0.30, -0.36, 0.36)
"""Where the hand can take groceries from: x low, x high, y low, y high, world frame [m]."""

IN_FRONT = 0.17
"""Distance from the cupboard's front that is kept free [m]."""

LEAN = np.deg2rad(30)
"""Of the hand from straight down: so it reaches under the ceiling from outside [rad]."""

END = 0.018
"""How far from a box's near end it is held [m]."""

MARGIN = 0.006
"""How far behind the front edge of the shelf groceries are put, and how high above it they are let go [m]."""

CLEARANCE = 0.002
ENTRY = np.array([-0.14, 0.0, 0.12])
"""Where the hand is before it goes in, from where it lets go, in the cupboard's frame [m]."""

KINDS = {kind.name: kind for kind in GROCERIES}


def scatter_groceries(scene: Scene, rng: np.random.Generator, kinds: Sequence[Grocery], gap: float) -> list[Thing]:
    """Groceries in front of the cupboard, which is at the scene's base, with at least `gap` between their centres [m]."""
    to_base = np.linalg.inv(scene.base)
    places: list[np.ndarray] = []
    tries = 0
    while len(places) < len(kinds):
        tries += 1
        if tries % 400 == 0:
            places = []
        x, y = rng.uniform(AREA[0], AREA[1]), rng.uniform(AREA[2], AREA[3])
        place = (to_base @ (x, y, TABLE_HEIGHT, 1))[:2]
        if place[0] < -IN_FRONT and all(np.linalg.norm(place - other) > gap for other in places):
            places.append(place)
    return [grocery(scene, kind, *place, rng.uniform(-np.pi, np.pi)) for kind, place in zip(kinds, places, strict=True)]


def hold(state: State, thing: Thing, cupboard: Cupboard) -> np.ndarray:
    """Tip pose (4, 4) that holds a grocery where it stands: from the side that faces the robot."""
    kind = KINDS[thing.name]
    inwards = _yaw(state, cupboard.body)
    heading = inwards if kind.round else least_yaw(state, thing, np.pi)
    if not kind.round and abs(heading - 0.6 * inwards) > np.pi / 2:
        heading += np.pi * np.sign(inwards)
    back = kind.size[0] / 2 - END if kind.ends else 0.0
    position = state.matrix(thing)[:3, 3] + (-back * np.cos(heading), -back * np.sin(heading), kind.grip)
    return tip_at(position, _leaning(heading))


def slot(state: State, thing: Thing, cupboard: Cupboard) -> np.ndarray:
    """Tip pose (4, 4) that holds a grocery in its place in the cupboard."""
    kind = KINDS[thing.name]
    inside = MARGIN + (END if kind.ends else kind.size[0] / 2)
    frame = state.matrix(cupboard.body)
    position = frame[:3, :3] @ (inside, kind.slot, SHELF + CLEARANCE + kind.grip) + frame[:3, 3]
    return tip_at(position, _leaning(_yaw(state, cupboard.body)))


def store(state: State, thing: Thing, cupboard: Cupboard) -> Iterator[Motion]:
    """In front of its place and into the cupboard with the grocery that is held; there the hand opens."""
    keypoint, inside = state.position(cupboard.body), slot(state, thing, cupboard)
    before = inside.copy()
    before[:3, 3] += state.matrix(cupboard.body)[:3, :3] @ ENTRY
    yield motion(before, False, Step("move", thing.name, "into", cupboard.body.name), keypoint, may_collide=False)
    yield motion(inside, True, Step("release", thing.name, "into", cupboard.body.name), keypoint)


def stored(state: State, thing: Thing, cupboard: Cupboard) -> bool:
    """Whether a grocery is in the cupboard."""
    return state.detects(cupboard.detector, thing)


def _leaning(heading: float) -> np.ndarray:
    """(3, 3) tip rotation: down and forwards to a heading [rad], the fingers level."""
    return axis_rotation(2, heading) @ axis_rotation(1, -LEAN) @ DOWN


def _yaw(state: State, thing: Thing) -> float:
    rotation = state.matrix(thing)
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))
