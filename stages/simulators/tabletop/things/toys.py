"""Small things of other shapes than blocks: cylinders, stars and rubber ducks.

Each builder adds a thing named "<colour> <noun>" that can be carried; its frame is on its base, and a hand that points
down with its fingers along the frame's Y can hold it at its anchor. Whatever collides is seen: convex parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, PALETTE
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import extruded, turned

CYLINDER_RADIUS, CYLINDER_HEIGHT = 0.02, 0.05

POINTS = 5
STAR_RADIUS, STAR_NOTCH, STAR_HEIGHT = 0.028, 0.0145, 0.035
"""Distance of a star's points and of its notches from its centre, and its height [m]."""

DUCK_SIZE = (0.075, 0.050, 0.055)
DUCK_BODY = (0.033, 0.025, 0.036)
"""Half length, half width and height of a duck's body [m]."""

DUCK_HEAD = 0.0165
BEAK: tuple[float, float, float] = (1.0, 0.5, 0.0)


def cylinder(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """An upright cylinder; its anchor is its centre."""
    size = (2 * CYLINDER_RADIUS, 2 * CYLINDER_RADIUS, CYLINDER_HEIGHT)
    centre = (0, 0, CYLINDER_HEIGHT / 2)
    thing = scene.add(f"{colour} cylinder", (x, y, 0), yaw, free=True, size=size, anchor=centre)
    scene.cylinder(thing, CYLINDER_RADIUS, CYLINDER_HEIGHT, PALETTE[colour], centre)
    return thing


def star(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """A flat star of five points, one of them along Y; its anchor is its centre."""
    middle = np.pi / 2 + 2 * np.pi * np.arange(POINTS) / POINTS
    half = np.pi / POINTS
    kites = [
        np.array(
            [(0, 0), _polar(STAR_NOTCH, angle - half), _polar(STAR_RADIUS, angle), _polar(STAR_NOTCH, angle + half)]
        )
        for angle in middle
    ]
    size = (*np.ptp(np.concatenate(kites), axis=0), STAR_HEIGHT)
    thing = scene.add(f"{colour} star", (x, y, 0), yaw, free=True, size=size, anchor=(0, 0, STAR_HEIGHT / 2))
    for kite in kites:
        scene.mesh(thing, *_faceted(*extruded(kite, STAR_HEIGHT)), PALETTE[colour])
    return thing


def rubber_duck(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """A duck that looks along X; its anchor is the middle of its body."""
    thing = scene.add(f"{colour} rubber duck", (x, y, 0), yaw, free=True, size=DUCK_SIZE, anchor=(0, 0, 0.018))
    own = PALETTE[colour]
    scene.mesh(thing, *_round(DUCK_BODY, [(0.72, 0), (0.93, 0.18), (1, 0.42), (0.94, 0.68), (0.66, 0.90)]), own)
    tail = _round((0.012, 0.016, 0.030), [(1, 0), (0.9, 0.3), (0.5, 0.75)])
    scene.mesh(thing, *tail, own, (-0.020, 0, 0.016), rotation=axis_rotation(1, -0.85))
    scene.mesh(thing, *_ball(DUCK_HEAD), own, (0.017, 0, DUCK_SIZE[2] - DUCK_HEAD))
    scene.mesh(thing, *_ball((0.009, 0.0085, 0.0035)), BEAK, (0.034, 0, 0.035), collide=False)
    for side in (-1, 1):
        scene.mesh(thing, *_ball(0.0042), BEAK, (0.0285, side * 0.0085, 0.0445), collide=False)
        scene.mesh(thing, *_ball(0.0022), DARK, (0.0315, side * 0.0100, 0.0450), collide=False)
    return thing


def _faceted(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same surface without shared vertices, so that its edges look sharp."""
    return vertices[faces.ravel()], np.arange(faces.size).reshape(-1, 3)


def _polar(radius: float, angle: float) -> np.ndarray:
    return radius * np.array([np.cos(angle), np.sin(angle)])


def _round(scale: Sequence[float], section: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """An upright body of round section, scaled along X, Y and Z; the section is radius and height in [0, 1]."""
    profile = np.array([(0, section[0][1]), *section, (0, 1)])
    vertices, faces = turned(profile, segments=24)
    return vertices * scale, faces


def _ball(radii: float | Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid about its centre, of few triangles."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 9)
    vertices, faces = turned(np.stack([np.cos(latitude), np.sin(latitude)], axis=1), segments=16)
    return vertices * radii, faces
