"""Shoes, and the box that a pair comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.box import BOTTOM, Box
from stages.simulators.tabletop.things.meshes import extruded

SHOE_BOX = Box(
    width=0.28,
    depth=0.19,
    height=0.082,
    edge=0.27,
    rim=0.020,
    walls=(0.87, 0.42, 0.14),
    lid=(0.93, 0.52, 0.20),
    grip=(0.50, 0.20, 0.06),
    inside=(0.92, 0.88, 0.80),
)
"""A flat orange carton."""

SPACING = 0.104
"""Distance between the middles of the two shoes in their box [m]: room for a finger between them."""

ANKLE = 0.03
"""How far behind the middle of a shoe it is held [m]."""

HOLD = 0.050
"""Height above the ground at which it is held [m]: the hand stays above the walls of the box."""

UPPER = (
    (-0.066, 0.012, 0.021),
    (-0.060, 0.019, 0.027),
    (-0.042, 0.0235, 0.031),
    (-0.016, 0.0225, 0.038),
    (0.008, 0.0210, 0.052),
    (0.026, 0.0205, 0.060),
    (0.054, 0.0195, 0.060),
    (0.064, 0.0150, 0.058),
)
"""Sections of the upper from toe to heel: place along the shoe, half width and height above the ground [m]."""


@dataclass(frozen=True)
class Shoe:
    """Measures [m] and colours of a shoe; X runs from the toe to the heel."""

    length: float = 0.14
    width: float = 0.046
    sole: float = 0.012
    upper: Colour = (0.10, 0.30, 0.62)
    rubber: Colour = (0.95, 0.95, 0.93)
    laces: Colour = (0.98, 0.85, 0.20)


def pair_of_shoes(scene: Scene, box: Box, measures: Shoe = Shoe()) -> list[Thing]:
    """Two shoes in a box at the origin, side by side with the toes towards the front."""
    return [shoe(scene, measures, (box.depth / 2, side * SPACING / 2, BOTTOM + 0.001)) for side in (1, -1)]


def shoe(scene: Scene, m: Shoe, position: tuple[float, float, float]) -> Thing:
    """A shoe that can be carried, named "shoe"; its frame is at the middle of its sole, its anchor at the ankle."""
    height = UPPER[-2][2]
    thing = scene.add("shoe", position, free=True, size=(m.length, m.width, height), anchor=(ANKLE, 0, HOLD))
    outline = _sole_outline(m)
    scene.mesh(thing, *extruded(outline, m.sole), m.rubber, collide=False, density=0)
    scene.mesh(thing, *_lofted(UPPER, m.sole - 0.001), m.upper, collide=False, density=0)
    cap = [(x - 0.001, half + 0.0006, top + 0.0006) for x, half, top in UPPER[:3]]
    scene.mesh(thing, *_lofted(cap, m.sole - 0.001), m.rubber, collide=False, density=0)
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    opening = np.column_stack([0.020 * np.cos(angles), 0.013 * np.sin(angles)])
    scene.mesh(thing, *extruded(opening, 0.001), DARK, (0.042, 0, height), collide=False, density=0)
    _laces(scene, thing, m)
    _solid(scene, thing, m, height)
    return thing


def _sole_outline(m: Shoe) -> np.ndarray:
    """(P, 2) outline seen from above: wide at the ball of the foot, narrow in the middle, round at both ends."""
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    x = m.length / 2 * np.cos(angles)
    waist = 1 - 0.14 * np.exp(-(((x - 0.012) / 0.025) ** 2))
    return np.column_stack([x, m.width / 2 * waist * np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** 0.6])


def _laces(scene: Scene, thing: Thing, m: Shoe) -> None:
    """Laces across the instep."""
    for (x, half, top), (next_x, next_half, next_top) in zip(UPPER[2:4], UPPER[3:5], strict=True):
        slope = np.arctan2(next_top - top, next_x - x)
        rotation = axis_rotation(1, -slope)
        for share in (0.35, 0.8):
            place = (x + share * (next_x - x), 0, top + share * (next_top - top))
            width = 1.2 * (half + share * (next_half - half))
            scene.box(thing, (0.004, width, 0.004), m.laces, place, rotation=rotation, collide=False, density=0)


def _solid(scene: Scene, thing: Thing, m: Shoe, height: float) -> None:
    """What collides: the sole, the toe and the upright sides of the ankle."""
    hidden = {"visible": False}
    scene.box(thing, (m.length * 0.94, m.width * 0.9, m.sole), m.upper, (0, 0, m.sole / 2), **hidden)
    ankle, toe = height - m.sole, 0.018
    scene.box(thing, (0.056, 0.041, ankle), m.upper, (ANKLE + 0.002, 0, m.sole + ankle / 2), **hidden)
    scene.box(thing, (0.056, 0.040, toe), m.upper, (-0.030, 0, m.sole + toe / 2), **hidden)


def _lofted(sections: Sequence[tuple[float, float, float]], low: float) -> tuple[np.ndarray, np.ndarray]:
    """The closed surface over arched sections (x, half width, height) that stand on the height `low` [m]."""
    angles = np.linspace(0, np.pi, 9)
    arch = np.column_stack([np.cos(angles), np.sin(angles) ** 0.7])
    loops = [
        np.column_stack([np.full(len(arch), x), half * arch[:, 0], low + (top - low) * arch[:, 1]])
        for x, half, top in sections
    ]
    count, points = len(loops), len(arch)
    index = np.arange(count * points).reshape(count, points)
    here, there = index[:-1], index[1:]
    quads = here, there, np.roll(there, -1, axis=1), np.roll(here, -1, axis=1)
    a, b, c, d = (corner.ravel() for corner in quads)
    sides = np.concatenate([np.column_stack([a, c, b]), np.column_stack([a, d, c])])
    fan = np.arange(1, points - 1)
    toe = np.column_stack([np.zeros_like(fan), fan + 1, fan])
    heel = index[-1, 0] + np.column_stack([np.zeros_like(fan), fan, fan + 1])
    return np.concatenate(loops), np.concatenate([sides, toe, heel])
