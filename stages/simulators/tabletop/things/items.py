"""Small pale things that are put away: a block, a cylinder and a moon.

Each builder adds a free thing that stands on its base at a place (3,) of the scene's frame [m] and returns it; its
anchor is where it is grasped with the fingers along Y.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing

PALE: Colour = (0.85, 0.85, 1.0)
ITEM = 0.04
"""Edge of a block; diameter and height of a cylinder [m]."""

MOON_RADIUS, MOON_WIDTH, MOON_BELLY, MOON_HEIGHT = 0.027, 0.032, 0.016, 0.034
"""Of a moon: radius of its outer arc, extent across the horns' line, thickness at the middle, height [m]."""

STATIONS, PIECES = 25, 3
"""Points along a moon's arcs; boxes that stand for it when things collide."""


def item_block(scene: Scene, place: Sequence[float]) -> Thing:
    """A cube, named "block"."""
    thing = _item(scene, "block", place, (ITEM, ITEM, ITEM))
    scene.box(thing, (ITEM, ITEM, ITEM), PALE, (0, 0, ITEM / 2))
    return thing


def item_cylinder(scene: Scene, place: Sequence[float]) -> Thing:
    """An upright cylinder, named "cylinder"."""
    thing = _item(scene, "cylinder", place, (ITEM, ITEM, ITEM))
    scene.cylinder(thing, ITEM / 2, ITEM, PALE, (0, 0, ITEM / 2))
    return thing


def item_moon(scene: Scene, place: Sequence[float]) -> Thing:
    """A crescent whose horns point along Y, named "moon"; its anchor is the middle of its belly."""
    thing = _item(scene, "moon", place, (2 * MOON_RADIUS, MOON_WIDTH, MOON_HEIGHT))
    outer, inner = _arcs()
    scene.mesh(thing, *_strip(outer, inner, MOON_HEIGHT), PALE, collide=False, density=0)
    length = (STATIONS - 1) // PIECES
    for start in range(0, STATIONS - 1, length):
        piece = slice(start, start + length + 1)
        _piece(scene, thing, outer[piece], inner[piece])
    return thing


ITEMS: dict[str, Callable[[Scene, Sequence[float]], Thing]] = {
    "block": item_block,
    "cylinder": item_cylinder,
    "moon": item_moon,
}
"""How to build what an item's name means."""


def _item(scene: Scene, name: str, place: Sequence[float], size: tuple[float, float, float]) -> Thing:
    return scene.add(name, place, free=True, size=size, anchor=(0, 0, size[2] / 2))


def _piece(scene: Scene, thing: Thing, outer: np.ndarray, inner: np.ndarray) -> None:
    """The box that stands for a part of a moon when things collide."""
    ends = (outer[[0, -1]] + inner[[0, -1]]) / 2
    along, middle = ends[1] - ends[0], (outer + inner)[len(outer) // 2] / 2
    thickness = np.linalg.norm(outer - inner, axis=1).mean()
    size = (np.linalg.norm(along), thickness, MOON_HEIGHT)
    centre = (*(ends.mean(axis=0) + middle) / 2, MOON_HEIGHT / 2)
    scene.box(thing, size, PALE, centre, rotation=axis_rotation(2, np.arctan2(along[1], along[0])), visible=False)


def _arcs() -> tuple[np.ndarray, np.ndarray]:
    """A crescent's outer and inner arc (STATIONS, 2) from horn to horn, the middle of its belly at the origin."""
    horn_y = MOON_WIDTH - MOON_RADIUS
    half = np.pi / 2 + np.arcsin(horn_y / MOON_RADIUS)
    outer = MOON_RADIUS * _arc(half)
    depth = outer[0, 1] - (MOON_BELLY - MOON_RADIUS)
    span = outer[-1, 0] - 0.001
    radius = (span**2 + depth**2) / (2 * depth)
    inner = radius * _arc(np.arctan2(span, radius - depth)) + (0, MOON_BELLY - MOON_RADIUS + radius)
    middle = np.array([0, MOON_RADIUS - MOON_BELLY / 2])
    return outer + middle, inner + middle


def _arc(half: float) -> np.ndarray:
    """(STATIONS, 2) points of the unit circle, `half` [rad] to either side of -Y, from -X to +X."""
    angles = np.linspace(-half, half, STATIONS)
    return np.stack([np.sin(angles), -np.cos(angles)], axis=1)


def _strip(outer: np.ndarray, inner: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """The closed surface of the upright body between two curves (P, 2), the outer counter-clockwise around the inner.

    Returns:
        Vertices (4 P, 3) [m], triangles (F, 3) facing outwards.
    """
    count = len(outer)
    section = np.stack([outer, inner, inner, outer])
    heights = np.repeat([[0.0], [0.0], [height], [height]], count, axis=1)
    vertices = np.concatenate([section, heights[..., None]], axis=2).reshape(-1, 3)
    here = np.arange(count - 1)
    faces = []
    for side in range(4):
        a, b = side * count + here, (side + 1) % 4 * count + here
        faces += [np.column_stack([a, b, b + 1]), np.column_stack([a, b + 1, a + 1])]
    first, last = np.arange(4) * count, np.arange(4) * count + count - 1
    ends = [first[[0, 2, 1]], first[[0, 3, 2]], last[[0, 1, 2]], last[[0, 2, 3]]]
    return vertices, np.concatenate([*faces, ends])
