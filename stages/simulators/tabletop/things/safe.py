"""Safes and what is put into them. As of all furniture, the front faces the robot; the base frame is at the middle of
the lower front edge, with X into the safe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, PALETTE, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing

SHELVES = ("bottom shelf", "middle shelf", "top shelf")

SAFE_SIZE = (0.24, 0.28, 0.42)
"""Depth, width and height of a safe [m]."""

WALL, BOARD = 0.022, 0.012
"""Thickness of a safe's walls and of the boards between its compartments [m]."""

PITCH = (SAFE_SIZE[2] - 2 * WALL + BOARD) / len(SHELVES)
"""Height from one shelf to the next [m]."""

DOOR = 0.034
DOOR_ANGLE = np.deg2rad(100)
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
    """A shelf of a safe, anchored at the middle of its front edge, and the detector on it."""

    place: Thing
    detector: str


def safe(scene: Scene) -> dict[str, Shelf]:
    """A safe with three compartments, one above the other; its heavy door stands open on its right."""
    depth, width, height = SAFE_SIZE
    inside = width - 2 * WALL
    body = scene.add("safe", size=SAFE_SIZE, anchor=(depth / 2, 0, height))
    for y in (-1, 1):
        scene.box(body, (depth, WALL, height), STEEL_GRAY, (depth / 2, y * (width - WALL) / 2, height / 2))
    scene.box(body, (depth, inside, WALL), STEEL_GRAY, (depth / 2, 0, height - WALL / 2))
    scene.box(body, (WALL, inside, height - WALL), STEEL_GRAY, (depth - WALL / 2, 0, (height - WALL) / 2))
    boards = (WALL, BOARD, BOARD)
    shelves = {}
    for level, (name, board) in enumerate(zip(SHELVES, boards, strict=True)):
        shelves[name] = _shelf(scene, body, name, WALL + level * PITCH, board)
    scene.no_contact(body, _door(scene, body))
    return shelves


def _shelf(scene: Scene, body: Thing, name: str, height: float, board: float) -> Shelf:
    """A board whose upper face is at a height, with the dark lining of the compartment over it."""
    depth, width = SAFE_SIZE[0] - WALL, SAFE_SIZE[1] - 2 * WALL
    place = scene.add(name, (0, 0, height), parent=body, kind="place", size=(depth, width, board))
    scene.box(place, (depth, width, board), STEEL_GRAY, (depth / 2, 0, -board / 2))
    room, middle = PITCH - BOARD, depth / 2 + 0.003
    scene.box(place, (depth - 0.006, width, 0.001), LINING, (middle, 0, 0), collide=False)
    scene.box(place, (0.002, width, room), LINING, (depth, 0, room / 2), collide=False)
    for y in (-width / 2, width / 2):
        scene.box(place, (depth - 0.006, 0.002, room), LINING, (middle, y, room / 2), collide=False)
    return Shelf(place, scene.box_detector(place, DETECTOR, (depth / 2, 0, DETECTOR[2] / 2)))


def _door(scene: Scene, body: Thing) -> Thing:
    """The thick door with its bolts; in its frame the hinge is at the origin, the door along Y, its inside at X = 0."""
    _, width, height = SAFE_SIZE
    size = (DOOR, width, height - 0.004)
    door = scene.add("safe door", (0, -width / 2, 0), DOOR_ANGLE, parent=body, kind="part", size=size)
    limits = (-DOOR_ANGLE, np.deg2rad(10))
    scene.hinge(door, (0, 0, 1), limits, damping=5.0, frictionloss=4.0, armature=0.1)
    scene.box(door, size, STEEL_GRAY, (-DOOR / 2, width / 2, height / 2))
    panel = (0.01, width - 2 * WALL - 0.02, height - 2 * WALL - 0.02)
    scene.box(door, panel, LINING, (0, width / 2, height / 2), collide=False)
    across = axis_rotation(0, np.pi / 2)
    for share in (0.2, 0.5, 0.8):
        scene.cylinder(door, 0.011, 0.05, STEEL, (-DOOR / 2, width, share * height), rotation=across, collide=False)
    for share in (0.2, 0.8):
        scene.cylinder(door, 0.012, 0.08, DARK, (0, 0, share * height), collide=False)
    _dial_and_handle(scene, door, 0.55 * width, 0.66 * height, 0.4 * height)
    return door


def _dial_and_handle(scene: Scene, door: Thing, y: float, dial: float, handle: float) -> None:
    """The combination dial and the spoked handle on the outer face, at their heights."""
    outwards = axis_rotation(1, np.pi / 2)
    for radius, length, colour, z in (
        (0.034, 0.016, DARK, dial),
        (0.020, 0.030, STEEL, dial),
        (0.016, 0.050, STEEL, handle),
    ):
        place = (-DOOR - length / 2, y, z)
        scene.cylinder(door, radius, length, colour, place, rotation=outwards, collide=False)
    for turn in np.pi * np.arange(3) / 3:
        spoke = axis_rotation(0, turn)
        scene.box(door, (0.012, 0.014, 0.14), STEEL, (-DOOR - 0.04, y, handle), rotation=spoke, collide=False)


def bank_notes(scene: Scene, x: float, y: float, yaw: float) -> Thing:
    """A banded bundle of bank notes on top of a safe, long along its own X, at a place of the safe's frame.

    Its anchor is its centre.
    """
    length, width, height = NOTES
    thing = scene.add("bank notes", (x, y, SAFE_SIZE[2] + height / 2), yaw, free=True, size=NOTES)
    scene.box(thing, NOTES, PAPER, visible=False)
    looks = {"collide": False, "density": 0}
    layers = 6
    for layer in range(layers):
        colour, inset = (PAPER, 0.0) if layer % 2 else (INK, 0.002)
        size = (length - inset, width - inset, height / layers)
        scene.box(thing, size, colour, (0, 0, height * ((layer + 0.5) / layers - 0.5)), **looks)
    scene.box(thing, (length - 0.012, width - 0.012, 0.001), INK, (0, 0, height / 2), **looks)
    scene.box(thing, (length - 0.020, width - 0.020, 0.0014), PAPER, (0, 0, height / 2), **looks)
    scene.cylinder(thing, 0.012, 0.0018, INK, (0.032, 0, height / 2), **looks)
    scene.box(thing, (0.026, width + 0.001, height + 0.003), BAND, **looks)
    return thing


def gray_cube(scene: Scene, x: float, y: float) -> Thing:
    """A cube on top of a safe, square with it, at a place of the safe's frame; its anchor is its centre."""
    thing = scene.add("gray cube", (x, y, SAFE_SIZE[2] + CUBE / 2), free=True, size=(CUBE,) * 3)
    scene.box(thing, (CUBE,) * 3, PALETTE["gray"])
    return thing
