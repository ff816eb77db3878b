"""Flat crescents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing

RADIUS, WIDTH, BELLY, HEIGHT = 0.031, 0.037, 0.0185, 0.039
"""Radius of the outer arc, extent across the horns' line, thickness at the middle, height [m]."""

STATIONS, PIECES = 25, 3
"""Points along the arcs; boxes that stand for a moon when things collide."""


def moon(
    scene: Scene, name: str, colour: Colour, place: Sequence[float], yaw: float = 0.0, scale: float = 1.0
) -> Thing:
    """A crescent that can be carried, standing on its base at a place (3,) of the scene's frame [m].

    Its horns point along its Y; its anchor is the middle of its belly, where fingers along Y hold it.
    """
    height = scale * HEIGHT
    size = (2 * scale * RADIUS, scale * WIDTH, height)
    thing = scene.add(name, place, yaw, free=True, size=size, anchor=(0, 0, height / 2))
    outer, inner = (scale * arc for arc in _arcs())
    scene.mesh(thing, *_strip(outer, inner, height), colour, collide=False, density=0)
    length = (STATIONS - 1) // PIECES
    for start in range(0, STATIONS - 1, length):
        piece = slice(start, start + length + 1)
        _piece(scene, thing, outer[piece], inner[piece], height)
    return thing


def _piece(scene: Scene, thing: Thing, outer: np.ndarray, inner: np.ndarray, height: float) -> None:
    """The box that stands for a part of a moon when things collide."""
    ends = (outer[[0, -1]] + inner[[0, -1]]) / 2
    along, middle = ends[1] - ends[0], (outer + inner)[len(outer) // 2] / 2
    thickness = np.linalg.norm(outer - inner, axis=1).mean()
    size = (np.linalg.norm(along), thickness, height)
    centre = (*(ends.mean(axis=0) + middle) / 2, height / 2)
    scene.box(thing, size, (1, 1, 1), centre, rotation=axis_rotation(2, np.arctan2(along[1], along[0])), visible=False)


def _arcs() -> tuple[np.ndarray, np.ndarray]:
    """A crescent's outer and inner arc (STATIONS, 2) from horn to horn, the middle of its belly at the origin."""
    horn_y = WIDTH - RADIUS
    half = np.pi / 2 + np.arcsin(horn_y / RADIUS)
    outer = RADIUS * _arc(half)
    depth = outer[0, 1] - (BELLY - RADIUS)
    span = outer[-1, 0] - 0.001
    radius = (span**2 + depth**2) / (2 * depth)
    inner = radius * _arc(np.arctan2(span, radius - depth)) + (0, BELLY - RADIUS + radius)
    middle = np.array([0, RADIUS - BELLY / 2])
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
