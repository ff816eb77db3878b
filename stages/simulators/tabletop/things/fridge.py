"""Fridges with two doors, one above the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.simulators.tabletop.colours import DARK, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing


@dataclass(frozen=True)
class Fridge:
    """Measures [m] and colours of a fridge.

    Attributes:
        split: height of the gap between the two doors.
        hinge: +1 with the hinges on the left as seen from the robot, -1 on the right.
        opening: angle at which the upper door stands at first; the lower one is shut [rad].
        handle: "bar", round and on two posts, or "grip", a strip along the door's edge.
        shell, front, inside: of the cabinet, of the doors and of what is behind them.
        accent: of the badge, of the crisper drawer and of a bottle in the door.
    """

    width: float = 0.27
    depth: float = 0.22
    height: float = 0.42
    split: float = 0.165
    hinge: int = 1
    opening: float = np.deg2rad(40)
    handle: str = "bar"
    shell: Colour = (0.90, 0.91, 0.92)
    front: Colour = (0.97, 0.97, 0.97)
    inside: Colour = (0.80, 0.88, 0.93)
    accent: Colour = (0.16, 0.44, 0.80)


@dataclass(frozen=True)
class FridgeDoor:
    """A door, whose joint is the angle by which it is open, and its handle.

    The door's anchor is the point of its outer face where a straight push shuts it, the handle's is its middle.
    """

    body: Thing
    handle: Thing


@dataclass(frozen=True)
class FridgeParts:
    """The fridge's cabinet and its two doors."""

    cabinet: Thing
    upper: FridgeDoor
    lower: FridgeDoor


WALL = 0.02
DOOR = 0.03
"""Thickness of a fridge's walls and of its doors [m]."""

PLINTH = 0.03
"""Height of the lower door's edge above the table [m]."""

GAP = 0.003
"""Width of the gaps around a door [m]."""

BAR, BAR_OUT = 0.008, 0.040
"""Radius of a round handle, and distance of its axis from the door [m]: fingers fit behind it at a slant too."""

HANDLE_SHARE = 0.48
"""Length of a handle, as a share of its door's height; it lies towards the other door."""

HANDLE_INSET = 0.022
"""Distance of a handle from its door's free edge [m]."""

PUSH_SHARE, PUSH_HEIGHT = 0.52, 0.74
"""Where a shut door is pushed: shares of its width from the hinge, and of its height from the other door."""

WIDEST = np.deg2rad(110)
"""Where a door stops [rad]."""


def fridge(scene: Scene, measures: Fridge = Fridge()) -> FridgeParts:
    """A fridge with its upper door ajar, or shut if `opening` is 0."""
    m = measures
    cabinet = _cabinet(scene, m)
    upper = _door(scene, cabinet, m, "upper", m.split + GAP / 2, m.height, m.opening)
    lower = _door(scene, cabinet, m, "lower", PLINTH, m.split - GAP / 2, 0.0)
    for door in (upper, lower):
        for thing in (door.body, door.handle):
            scene.no_contact(cabinet, thing)
    return FridgeParts(cabinet, upper, lower)


def _cabinet(scene: Scene, m: Fridge) -> Thing:
    """The cabinet with an open front at X = 0, its two compartments apart at the split."""
    size, centre = (m.depth, m.width, m.height), (m.depth / 2, 0, m.height / 2)
    cabinet = scene.add("fridge", size=size, anchor=centre)
    for z, thickness in ((m.height - WALL / 2, WALL), (m.split, WALL), (PLINTH / 2 + 0.01, PLINTH - 0.01)):
        scene.box(cabinet, (m.depth, m.width, thickness), m.shell, (m.depth / 2, 0, z))
    upright = m.height - 0.01
    for y in (-1, 1):
        place = (m.depth / 2, y * (m.width - WALL) / 2, 0.01 + upright / 2)
        scene.box(cabinet, (m.depth, WALL, upright), m.shell, place)
        for x in (0.02, m.depth - 0.02):
            scene.box(cabinet, (0.025, 0.025, 0.01), DARK, (x, y * (m.width / 2 - 0.025), 0.005))
    scene.box(cabinet, (WALL, m.width, upright), m.shell, (m.depth - WALL / 2, 0, 0.01 + upright / 2))
    _lining(scene, cabinet, m)
    _back(scene, cabinet, m)
    return cabinet


def _lining(scene: Scene, cabinet: Thing, m: Fridge) -> None:
    """The dark seam between the doors, and what they hide: the back wall, glass shelves and drawers."""
    scene.box(cabinet, (DOOR, m.width - 0.004, GAP), DARK, (-DOOR / 2 + 0.001, 0, m.split), collide=False)
    clear, back = m.width - 2 * WALL, m.depth - WALL - 0.001
    for low, high in ((PLINTH, m.split - WALL / 2), (m.split + WALL / 2, m.height - WALL)):
        scene.box(cabinet, (0.002, clear, high - low), m.inside, (back, 0, (low + high) / 2), collide=False)
    deep = m.depth - WALL - 0.055
    for share in (0.36, 0.68):
        z = m.split + share * (m.height - m.split)
        scene.box(cabinet, (deep, clear, 0.005), (0.62, 0.80, 0.86), (back - deep / 2, 0, z), collide=False)
    for low, colour in ((m.split + WALL / 2, m.accent), (PLINTH, STEEL)):
        place = (back - deep / 2, 0, low + 0.024)
        scene.box(cabinet, (deep, clear - 0.02, 0.04), colour, place, collide=False)
    for y, colour in ((-0.05, (0.85, 0.25, 0.20)), (0.04, (0.95, 0.75, 0.20))):
        z = m.split + 0.36 * (m.height - m.split) + 0.022
        scene.box(cabinet, (0.05, 0.05, 0.04), colour, (back - deep / 2, y, z), collide=False)


def _back(scene: Scene, cabinet: Thing, m: Fridge) -> None:
    """The cooling coil and the compressor behind the fridge, and the caps of the hinges on its top."""
    for index in range(7):
        z = m.height * (0.30 + 0.09 * index)
        scene.box(cabinet, (0.006, m.width * 0.8, 0.007), DARK, (m.depth + 0.006, 0, z), collide=False)
    for y in (-1, 1):
        place = (m.depth + 0.003, y * m.width * 0.3, m.height * 0.57)
        scene.box(cabinet, (0.006, 0.006, m.height * 0.56), STEEL, place, collide=False)
    scene.box(cabinet, (0.012, m.width * 0.7, m.height * 0.16), DARK, (m.depth, 0, m.height * 0.13), collide=False)
    cap = (-0.002, m.hinge * (m.width / 2 - 0.02), m.height + 0.004)
    scene.box(cabinet, (0.05, 0.03, 0.008), STEEL, cap, collide=False)


def _door(scene: Scene, cabinet: Thing, m: Fridge, level: str, low: float, high: float, opening: float) -> FridgeDoor:
    """A door from one height to another; in its frame the hinge is at the origin, the door along -Y times `hinge`,
    its inside at X = 0, its lower edge at Z = 0."""
    height, away = high - low, 1 if level == "upper" else -1
    push = height * (0.5 + away * (PUSH_HEIGHT - 0.5))
    door = scene.add(
        f"{level} fridge door",
        (0, m.hinge * m.width / 2, low),
        -m.hinge * opening,
        parent=cabinet,
        kind="part",
        size=(DOOR, m.width, height),
        anchor=(-DOOR, -m.hinge * PUSH_SHARE * m.width / np.cos(opening), push),
    )
    ajar = np.rad2deg(opening)
    scene.hinge(door, (0, 0, -m.hinge), (0, WIDEST), ref=ajar, damping=0.25, frictionloss=0.05, armature=0.01)
    along, middle = -m.hinge * m.width / 2, height / 2
    scene.box(door, (DOOR - 0.004, m.width, height), m.front, (-DOOR / 2 - 0.002, along, middle))
    scene.box(door, (0.004, m.width - 0.008, height - 0.008), DARK, (-0.002, along, middle), collide=False)
    scene.box(door, (0.002, m.width - 0.03, height - 0.03), m.inside, (0.001, along, middle), collide=False)
    _racks(scene, door, m, height)
    if level == "upper":
        _bottles(scene, door, m, height)
        badge = (-DOOR - 0.001, along * 0.45, height * 0.88)
        scene.box(door, (0.002, 0.05, 0.014), m.accent, badge, collide=False)
    return FridgeDoor(door, _handle(scene, door, m, level, height))


def _racks(scene: Scene, door: Thing, m: Fridge, height: float) -> None:
    """Two racks on the inside of a door."""
    along, wide = -m.hinge * m.width / 2, m.width - 2 * WALL - 0.02
    for share in (0.10, 0.58):
        scene.box(door, (0.042, wide, 0.004), m.inside, (0.021, along, height * share), collide=False)
        scene.box(door, (0.003, wide, 0.024), m.inside, (0.042, along, height * share + 0.012), collide=False)


def _bottles(scene: Scene, door: Thing, m: Fridge, height: float) -> None:
    """Three bottles in the lower rack of a door."""
    along, white, orange = -m.hinge * m.width / 2, (0.95, 0.95, 0.95), (0.90, 0.45, 0.15)
    for y, tall, colour in ((-0.05, 0.30, m.accent), (0.0, 0.34, white), (0.05, 0.26, orange)):
        place = (0.02, along + y, height * (0.10 + tall / 2))
        scene.cylinder(door, 0.014, height * tall, colour, place, collide=False)


def _handle(scene: Scene, door: Thing, m: Fridge, level: str, height: float) -> Thing:
    length = HANDLE_SHARE * height
    z = 0.02 + length / 2 if level == "upper" else height - 0.02 - length / 2
    out = BAR_OUT if m.handle == "bar" else 0.007
    place = (-DOOR - out, -m.hinge * (m.width - HANDLE_INSET), z)
    size = (out, 2 * BAR, length)
    handle = scene.add(f"{level} fridge handle", place, parent=door, kind="part", size=size)
    if m.handle == "bar":
        scene.cylinder(handle, BAR, length, STEEL)
        for end in (-1, 1):
            scene.box(handle, (out, 0.009, 0.009), STEEL, (out / 2, 0, end * (length / 2 - 0.008)))
    else:
        scene.box(handle, (2 * out, 0.03, length), STEEL)
    return handle
