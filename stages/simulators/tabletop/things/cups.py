"""Hollow round things: cups."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.colours import PALETTE
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import turned

CUP_HEIGHT = 0.142
CUP_RADIUS = 0.047
"""Outer radius of a cup at its rim [m]."""

CUP_FOOT = 0.034
"""Outer radius at the foot: less than inside the rim, so that cups nest [m]."""

CUP_WALL = 0.004
WALL_BOXES = 16
"""Boxes that stand in a ring for the wall when things collide."""


def cup(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """An open cup, named "<colour> cup"; its frame is on its foot, its anchor its centre."""
    thing = scene.add(
        f"{colour} cup",
        (x, y, 0.0),
        yaw,
        free=True,
        size=(2 * CUP_RADIUS, 2 * CUP_RADIUS, CUP_HEIGHT),
        anchor=(0, 0, CUP_HEIGHT / 2),
    )
    scene.mesh(thing, *turned(_cup_profile()), PALETTE[colour], collide=False, density=0)
    scene.cylinder(thing, CUP_FOOT - 0.001, CUP_WALL, PALETTE[colour], (0, 0, CUP_WALL / 2), visible=False)
    _wall(scene, thing, colour)
    return thing


def rim_point(side: np.ndarray) -> np.ndarray:
    """Middle (3,) of the rim on the side of a horizontal unit vector (3,), from a standing cup's centre [m]."""
    return (CUP_RADIUS - CUP_WALL / 2) * side + (0, 0, CUP_HEIGHT / 2)


def _wall(scene: Scene, thing: Thing, colour: str) -> None:
    """A ring of upright boxes along the slanted wall."""
    slant = np.arctan2(CUP_RADIUS - CUP_FOOT, CUP_HEIGHT)
    middle = (CUP_RADIUS + CUP_FOOT) / 2 - CUP_WALL / 2
    width = 2 * (CUP_RADIUS - CUP_WALL / 2) * np.tan(np.pi / WALL_BOXES)
    for angle in 2 * np.pi * np.arange(WALL_BOXES) / WALL_BOXES:
        outward = np.array([np.cos(angle), np.sin(angle), 0.0])
        along = np.cos(slant) * np.array([0, 0, 1.0]) + np.sin(slant) * outward
        across = np.array([-np.sin(angle), np.cos(angle), 0.0])
        rotation = np.stack([np.cross(across, along), across, along], axis=1)
        position = middle * outward + (0, 0, CUP_HEIGHT / 2)
        size = (CUP_WALL, width, CUP_HEIGHT / np.cos(slant) - 0.002)
        scene.box(thing, size, PALETTE[colour], position, rotation=rotation, visible=False)


def _cup_profile() -> np.ndarray:
    """(P, 2) radius and height of the section: out along the foot, up, over the rim and down inside."""
    inside = np.array([[CUP_FOOT - CUP_WALL, CUP_WALL], [0, CUP_WALL]])
    lip = CUP_WALL / 4
    rim = [
        [CUP_RADIUS, CUP_HEIGHT - lip],
        [CUP_RADIUS - lip, CUP_HEIGHT],
        [CUP_RADIUS - CUP_WALL + lip, CUP_HEIGHT],
        [CUP_RADIUS - CUP_WALL, CUP_HEIGHT - lip],
    ]
    return np.concatenate([[[0, 0], [CUP_FOOT - 0.002, 0], [CUP_FOOT, 0.002]], rim, inside])
