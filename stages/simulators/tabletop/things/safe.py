"""Safes and what is put into them. The base frame is at the middle of the lower front edge, with X into the safe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, PALETTE, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing

SHELVES = ("bottom shelf", "middle shelf", "top shelf")

SAFE_SIZE = (0.24, 0.31, 0.42)
"""Depth, width and height of a safe [m]."""

WALL, BOARD = 0.022, 0.012
"""Thickness of a safe's walls and of the boards between its compartments [m]."""

PITCH = (SAFE_SIZE[2] - 2 * WALL + BOARD) / len(SHELVES)
"""Height from one shelf to the next [m]."""

DOOR = 0.034
DOOR_ANGLE = np.deg2rad(110)
"""Thickness of the door [m], and how far it stands open [rad]."""

DETECTOR = (0.18, 0.20, 0.01)
"""The test volume on a shelf [m]."""

NOTES = (0.125, 0.053, 0.033)
CUBE = 0.05

STEEL_GRAY: Colour = (0.8, 0.8, 0.8)
LINING: Colour = (0.34, 0.35, 0.38)
PAPER: Colour = (0.8, 0.86, 0.75)
INK: Colour = (0.36, 0.48, 0.36)
BAND: Colour = (0.93, 0.90, 0.80)


@dataclass(frozen=True)
class Shelf:
    """A compartment of a safe: its floor, anchored in the middle of its front edge, and the detector on it."""

    place: Thing
    detector: str


def safe(scene: Scene) -> dict[str, Shelf]:
    """A safe whose heavy door stands open on its right; three compartments, one above the other, are open in front."""
    depth, width, height = SAFE_SIZE
    body = scene.add("safe", size=SAFE_SIZE, anchor=(depth / 2, 0, height))
    for y in (-1, 1):
        scene.box(body, (depth, WALL, height), STEEL_GRAY, (depth / 2, y * (width - WALL) / 2, height / 2))
    inside = width - 2 * WALL
    scene.box(body, (depth, inside, WALL), STEEL_GRAY, (depth / 2, 0, height - WALL / 2))
    scene.box(body, (WALL, inside, height - WALL), STEEL_GRAY, (depth - WALL / 2, 0, (height - WALL) / 2))
    shelves = {name: _shelf(scene, body, name, WALL + level * PITCH) for level, name in enumerate(SHELVES)}
    door = _door(scene, body)
    scene.no_contact(body, door)
    return shelves


def _shelf(scene: Scene, body: Thing, name: str, floor: float) -> Shelf:
    depth, width, _ = SAFE_SIZE
    size = (depth - WALL, width - 2 * WALL, BOARD)
    place = scene.add(name, (0, 0, floor), parent=body, kind="place", size=size)
    board = WALL if floor == WALL else BOARD
    scene.box(place, (size[0], size[1], board), STEEL_GRAY, (size[0] / 2, 0, -board / 2))
    height = PITCH - BOARD
    scene.box(place, (size[0] - 0.006, size[1], 0.001), LINING, (size[0] / 2 + 0.003, 0, 0), collide=False)
    scene.box(place, (0.002, size[1], height), LINING, (size[0], 0, height / 2), collide=False)
    for y in (-1, 1):
        scene.box(
            place, (size[0] - 0.006, 0.002, height), LINING, (size[0] / 2 + 0.003, y * size[1] / 2, height / 2),
            collide=False,
        )  # fmt: skip
    middle = (size[0] / 2, 0, DETECTOR[2] / 2)
    return Shelf(place, scene.box_detector(place, DETECTOR, middle))


def _door(scene: Scene, body: Thing) -> Thing:
    """A thick door with bolts inside, a dial and a spoked handle outside.

    In its frame the hinge is at the origin and the door along Y, its inside at X = 0.
    """
    _, width, height = SAFE_SIZE
    size = (DOOR, width, height - 0.004)
    door = scene.add("safe door", (0, -width / 2, 0), DOOR_ANGLE, parent=body, kind="part", size=size)
    limits = (-DOOR_ANGLE, np.deg2rad(10))
    scene.hinge(door, (0, 0, 1), limits, damping=5.0, frictionloss=4.0, armature=0.1)
    scene.box(door, size, STEEL_GRAY, (-DOOR / 2, width / 2, height / 2))
    scene.box(door, (0.01, width - 2 * WALL - 0.02, height - 2 * WALL - 0.02), LINING, (0, width / 2, height / 2), collide=False)
    for z in np.linspace(0.2, 0.8, 3) * height:
        scene.cylinder(
            door, 0.011, 0.05, STEEL, (-DOOR / 2, width, z), rotation=axis_rotation(0, np.pi / 2), collide=False
        )
    for z in np.array([0.2, 0.8]) * height:
        scene.cylinder(door, 0.012, 0.08, DARK, (0, 0, z), collide=False)
    outwards = axis_rotation(1, np.pi / 2)
    middle = (-DOOR, width * 0.55)
    scene.cylinder(door, 0.034, 0.016, DARK, (middle[0] - 0.008, middle[1], height * 0.66), rotation=outwards, collide=False)
    scene.cylinder(door, 0.020, 0.03, STEEL, (middle[0] - 0.015, middle[1], height * 0.66), rotation=outwards, collide=False)
    scene.cylinder(door, 0.016, 0.05, STEEL, (middle[0] - 0.025, middle[1], height * 0.4), rotation=outwards, collide=False)
    for turn in np.pi * np.arange(3) / 3:
        spoke = axis_rotation(0, turn) 
        scene.box(door, (0.012, 0.014, 0.14), STEEL, (middle[0] - 0.04, middle[1], height * 0.4), rotation=spoke, collide=False)
    return door


def bank_notes(scene: Scene, x: float, y: float, yaw: float) -> Thing:
    """A bundle of bank notes that lies on top of a safe at a place of its base frame, along its own X.

    Its frame and anchor are at its centre.
    """
    length, width, height = NOTES
    thing = scene.add("bank notes", (x, y, SAFE_SIZE[2] + height / 2), yaw, free=True, size=NOTES)
    scene.box(thing, NOTES, PAPER, visible=False)
    layers = 6
    for layer in range(layers):
        colour = PAPER if layer % 2 else INK
        inset = 0.0 if layer % 2 else 0.002
        z = height * ((layer + 0.5) / layers - 0.5)
        scene.box(thing, (length - inset, width - inset, height / layers), colour, (0, 0, z), collide=False, density=0)
    scene.box(thing, (0.026, width + 0.001, height + 0.001), BAND, collide=False, density=0)
    return thing


def gray_cube(scene: Scene, x: float, y: float) -> Thing:
    """A cube that lies on top of a safe at a place of its base frame, square with it; its anchor is its centre."""
    thing = scene.add("gray cube", (x, y, SAFE_SIZE[2] + CUBE / 2), free=True, size=(CUBE,) * 3)
    scene.box(thing, (CUBE,) * 3, PALETTE["gray"])
    return thing
