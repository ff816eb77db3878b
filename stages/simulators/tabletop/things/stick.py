"""A cube, the stick that leans on it, and the coloured squares around it."""

from __future__ import annotations

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import PALETTE, Colour
from stages.simulators.tabletop.scene import Scene, Thing

CUBE = 0.08
LENGTH, THICKNESS = 0.36, 0.013
"""Of the stick [m]."""

FOOT = 0.25
"""Distance from the cube at which the stick stands on the table [m]: its middle lies before the cube's edge."""

HOLD = 0.03
"""Where the stick is held: this far from its raised end [m]."""

SQUARE = 0.13
SLAB = (0.10, 0.10, 0.01)
"""Detector on a square [m]."""

PALE_GRAY: Colour = (0.85, 0.85, 1.0)

LIGHT = 120.0
"""Density of cube and stick [kg/m^3]: the fingers can hold the stick straight against the cube's friction."""


def cube(scene: Scene) -> Thing:
    """The pale gray cube at the base's origin; its anchor is its centre."""
    thing = scene.add("cube", (0, 0, CUBE / 2), free=True, size=(CUBE,) * 3)
    scene.box(thing, (CUBE,) * 3, PALE_GRAY, density=LIGHT)
    return thing


def leaning_stick(scene: Scene) -> Thing:
    """The stick, leaning on the cube over base X; its own X runs to the raised end, where its anchor is."""
    slope = np.arctan2(CUBE, FOOT)
    along, up = np.array([np.cos(slope), 0, np.sin(slope)]), np.array([-np.sin(slope), 0, np.cos(slope)])
    foot = np.array([-CUBE / 2 - FOOT, 0, 0])
    thing = scene.add(
        "stick",
        foot + LENGTH / 2 * along + THICKNESS / 2 * up,
        rotation=axis_rotation(1, -slope),
        free=True,
        size=(LENGTH, THICKNESS, THICKNESS),
        anchor=(LENGTH / 2 - HOLD, 0, 0),
    )
    scene.box(thing, (LENGTH, THICKNESS, THICKNESS), PALE_GRAY, density=LIGHT)
    return thing


def coloured_square(scene: Scene, colour: str, x: float, y: float) -> tuple[Thing, str]:
    """A flat square on the table, named "<colour> square", and the detector on it; its anchor is its centre."""
    thing = scene.add(f"{colour} square", (x, y, 0.0005), kind="place", size=(SQUARE, SQUARE, 0.001))
    scene.box(thing, (SQUARE, SQUARE, 0.001), PALETTE[colour], collide=False)
    return thing, scene.box_detector(thing, SLAB, (0, 0, SLAB[2] / 2))


def stick_pose(hold: np.ndarray, yaw: float, slope: float) -> np.ndarray:
    """Pose (4, 4) of the stick whose anchor is at `hold` (3,) and whose X rises by `slope` towards `yaw` [rad]."""
    pose = np.eye(4)
    pose[:3, :3] = axis_rotation(2, yaw) @ axis_rotation(1, -slope)
    pose[:3, 3] = hold - pose[:3, :3] @ (LENGTH / 2 - HOLD, 0, 0)
    return pose
