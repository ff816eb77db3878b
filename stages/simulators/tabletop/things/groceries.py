"""Groceries: boxes, cans and a bottle, each with the colours and the picture of its label.

A grocery stands on its base; X is the way the hand faces when it holds it, Y the way of the fingers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import extruded, turned

DENSITY = 250.0
"""[kg/m^3]"""

LABEL = 0.001
"""How far pictures stand out [m]."""

RED: Colour = (0.80, 0.10, 0.10)
CREAM: Colour = (0.97, 0.92, 0.78)
WHITE: Colour = (0.97, 0.97, 0.96)
YELLOW: Colour = (0.98, 0.80, 0.10)
BISCUIT: Colour = (0.85, 0.62, 0.30)
BROWN: Colour = (0.36, 0.20, 0.11)
DARK_BROWN: Colour = (0.20, 0.11, 0.06)
PINK: Colour = (0.97, 0.62, 0.68)
LEAF: Colour = (0.20, 0.55, 0.20)
BLUE: Colour = (0.12, 0.25, 0.60)
SKY: Colour = (0.35, 0.65, 0.85)
TIN: Colour = (0.74, 0.75, 0.77)
GOLD: Colour = (0.85, 0.68, 0.25)


@dataclass(frozen=True)
class Grocery:
    """Measures of a grocery [m].

    Attributes:
        size: (3,) along X, Y and Z.
        grip: height at which it is held.
        paint: adds the shapes.
        round: whether it can be held from all sides.
        ends: whether it is held near the end that faces the hand rather than in the middle.
    """

    name: str
    size: tuple[float, float, float]
    grip: float
    paint: Callable[[Scene, Thing, tuple[float, float, float]], None]
    round: bool = False
    ends: bool = False


def grocery(scene: Scene, kind: Grocery, x: float, y: float, yaw: float) -> Thing:
    """A grocery on the table; its frame is on its base, its anchor at the height where it is held."""
    thing = scene.add(kind.name, (x, y, 0), yaw, free=True, size=kind.size, anchor=(0, 0, kind.grip))
    kind.paint(scene, thing, kind.size)
    return thing


def _crackers(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """Red, a cream foot and three square crackers on either side."""
    _box(scene, thing, size, RED)
    _band(scene, thing, size, YELLOW, (0.0, 0.12))
    _top(scene, thing, size, CREAM, (0.55, 0.30))
    for side in (-1, 1):
        _panel(scene, thing, size, side, CREAM, (0, 0.80), (0.84, 0.24))
        for x, z, turn in ((-0.22, 0.40, 0.3), (0.22, 0.36, -0.4), (0.02, 0.58, 0.8)):
            _panel(scene, thing, size, side, BISCUIT, (x, z), (0.34, 0.26), turn=turn, raised=2 * LABEL)


def _chocolate(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """Brown, with a dark pudding on a plate."""
    _box(scene, thing, size, BROWN)
    _top(scene, thing, size, CREAM, (0.55, 0.35))
    pudding = np.array([[-0.024, 0], [0.024, 0], [0.017, 0.026], [-0.017, 0.026]])
    for side in (-1, 1):
        _panel(scene, thing, size, side, CREAM, (0, 0.80), (0.70, 0.22))
        _panel(scene, thing, size, side, WHITE, (0, 0.20), (0.80, 0.08))
        _picture(scene, thing, size, side, pudding, DARK_BROWN, (0, 0.24))


def _strawberry(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """Pink, with a strawberry and its leaf."""
    _box(scene, thing, size, PINK)
    _top(scene, thing, size, RED, (0.55, 0.35))
    berry = np.array([[0, -0.018], [0.013, -0.004], [0.016, 0.006], [0.008, 0.013], [-0.008, 0.013], [-0.016, 0.006],
                      [-0.013, -0.004]])  # fmt: skip
    leaf = np.array([[0, 0.008], [0.010, 0.012], [0.004, 0.016], [0, 0.021], [-0.004, 0.016], [-0.010, 0.012]])
    for side in (-1, 1):
        _panel(scene, thing, size, side, WHITE, (0, 0.5), (0.86, 0.86))
        for outline, colour, raised in ((berry, RED, 2 * LABEL), (leaf, LEAF, 3 * LABEL)):
            _picture(scene, thing, size, side, outline, colour, (0, 0.5), raised)


def _sugar(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """White, with a blue band and sugar cubes on it."""
    _box(scene, thing, size, WHITE)
    _band(scene, thing, size, BLUE, (0.30, 0.75))
    _band(scene, thing, size, YELLOW, (0.0, 0.10))
    _top(scene, thing, size, BLUE, (0.55, 0.35))
    for side in (-1, 1):
        for x, z in ((-0.17, 0.42), (0.17, 0.42), (0, 0.58)):
            _panel(scene, thing, size, side, WHITE, (x, z), (0.26, 0.13), raised=3 * LABEL)


def _soup(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """Red above, white below, a golden medal between; rims of tin."""
    radius, height = size[0] / 2, size[2]
    _can(scene, thing, radius, height)
    _sleeve(scene, thing, radius, WHITE, 0.004, height / 2)
    _sleeve(scene, thing, radius, RED, height / 2, height - 0.004)
    for side in (-1, 1):
        _medal(scene, thing, radius, side, GOLD, height / 2, 0.011)


def _tuna(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """Flat, with a sky blue label and a fish on the lid."""
    radius, height = size[0] / 2, size[2]
    _can(scene, thing, radius, height)
    _sleeve(scene, thing, radius, SKY, 0.004, height - 0.004)
    scene.cylinder(thing, radius - 0.005, LABEL, SKY, (0, 0, height), collide=False, density=0)
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    body = np.column_stack([0.017 * np.cos(angles), 0.009 * np.sin(angles)])
    tail = np.array([[-0.013, 0], [-0.024, 0.009], [-0.024, -0.009]])
    for outline in (body, tail):
        scene.mesh(thing, *extruded(outline, LABEL), WHITE, (0, 0, height + LABEL / 2), collide=False, density=0)


def _spam(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """A rounded tin with a blue label, a yellow band and a slice of ham; a ring to pull on its lid."""
    x, y, height = size
    scene.box(thing, size, TIN, (0, 0, height / 2), visible=False, density=DENSITY)
    for colour, grown, low, high in (
        (TIN, 0.0, 0, height),
        (BLUE, LABEL, 0.006, height - 0.006),
        (YELLOW, 2 * LABEL, height * 0.58, height * 0.80),
    ):
        outline = _rounded(x + grown, y + grown, 0.014)
        scene.mesh(thing, *extruded(outline, high - low), colour, (0, 0, low), collide=False, density=0)
    for side in (-1, 1):
        _panel(scene, thing, size, side, PINK, (0, 0.34), (0.45, 0.26), raised=2 * LABEL)
    scene.cylinder(thing, 0.010, 0.003, GOLD, (0.012, 0, height), collide=False, density=0)
    scene.box(thing, (0.016, 0.006, 0.003), GOLD, (-0.004, 0, height), collide=False, density=0)


def _coffee(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """Brown with a cream band and coffee beans, under a dark lid."""
    radius, height = size[0] / 2, size[2]
    _can(scene, thing, radius, height)
    _sleeve(scene, thing, radius, BROWN, 0.004, height - 0.014)
    _sleeve(scene, thing, radius + LABEL / 2, CREAM, height * 0.28, height * 0.66)
    scene.cylinder(thing, radius + LABEL, 0.014, DARK_BROWN, (0, 0, height - 0.0065), collide=False, density=0)
    scene.cylinder(thing, radius - 0.006, LABEL, BROWN, (0, 0, height + LABEL), collide=False, density=0)
    for angle in np.arange(8) * np.pi / 4:
        tilt = axis_rotation(2, angle) @ axis_rotation(0, 0.6)
        place = axis_rotation(2, angle) @ (radius + LABEL, 0, height * 0.47)
        scene.box(thing, (2 * LABEL, 0.008, 0.013), DARK_BROWN, place, rotation=tilt, collide=False, density=0)


def _mustard(scene: Scene, thing: Thing, size: tuple[float, float, float]) -> None:
    """A flat yellow bottle with a red label, a shoulder, a cap and its nozzle."""
    x, y, height = size
    body = 0.70 * height
    scene.box(thing, (x, y, body), YELLOW, (0, 0, body / 2), visible=False, density=DENSITY)
    scene.cylinder(thing, 0.014, 0.18 * height, YELLOW, (0, 0, body + 0.09 * height), visible=False, density=DENSITY)
    scene.mesh(thing, *extruded(_rounded(x, y, 0.018), body), YELLOW, collide=False, density=0)
    scene.mesh(thing, *extruded(_rounded(x + LABEL, y + LABEL, 0.018), 0.40 * body), RED, (0, 0, 0.22 * body),
               collide=False, density=0)  # fmt: skip
    for side in (-1, 1):
        _panel(scene, thing, size, side, WHITE, (0, 0.30), (0.50, 0.12), raised=2 * LABEL)
    shoulder = np.array([[0, 0], [y / 2, 0], [0.013, 0.10 * height], [0, 0.10 * height]])
    scene.mesh(thing, *turned(shoulder, 24), YELLOW, (0, 0, body), collide=False, density=0)
    nozzle = np.array([[0, 0], [0.013, 0], [0.013, 0.08 * height], [0.008, 0.10 * height], [0.003, 0.20 * height],
                       [0, 0.20 * height]])  # fmt: skip
    scene.mesh(thing, *turned(nozzle, 24), RED, (0, 0, 0.80 * height), collide=False, density=0)


CRACKERS_BOX = Grocery("crackers box", (0.100, 0.045, 0.130), 0.115, _crackers, ends=True)
CHOCOLATE_BOX = Grocery("chocolate jello box", (0.085, 0.035, 0.070), 0.055, _chocolate, ends=True)
STRAWBERRY_BOX = Grocery("strawberry jello box", (0.075, 0.030, 0.060), 0.046, _strawberry, ends=True)
SOUP_CAN = Grocery("soup can", (0.056, 0.056, 0.080), 0.062, _soup, round=True)
TUNA_CAN = Grocery("tuna can", (0.066, 0.066, 0.034), 0.020, _tuna, round=True)
SPAM_CAN = Grocery("spam can", (0.080, 0.045, 0.065), 0.050, _spam, ends=True)
COFFEE_CAN = Grocery("coffee can", (0.066, 0.066, 0.095), 0.075, _coffee, round=True)
MUSTARD_BOTTLE = Grocery("mustard bottle", (0.062, 0.045, 0.150), 0.098, _mustard)
SUGAR_BOX = Grocery("sugar box", (0.072, 0.036, 0.120), 0.105, _sugar, ends=True)

GROCERIES = (
    CRACKERS_BOX,
    CHOCOLATE_BOX,
    STRAWBERRY_BOX,
    SOUP_CAN,
    TUNA_CAN,
    SPAM_CAN,
    COFFEE_CAN,
    MUSTARD_BOTTLE,
    SUGAR_BOX,
)
"""In GemBench's order."""


def _box(scene: Scene, thing: Thing, size: tuple[float, float, float], colour: Colour) -> None:
    scene.box(thing, size, colour, (0, 0, size[2] / 2), density=DENSITY)


def _band(scene: Scene, thing: Thing, size: tuple[float, float, float], colour: Colour, share: tuple) -> None:
    """A band around a box, between two shares of its height."""
    low, high = (size[2] * one for one in share)
    around = (size[0] + LABEL, size[1] + LABEL, high - low)
    scene.box(thing, around, colour, (0, 0, (low + high) / 2), collide=False, density=0)


def _top(scene: Scene, thing: Thing, size: tuple[float, float, float], colour: Colour, share: tuple) -> None:
    """A field on the top of a box, of two shares of its sides."""
    field = (size[0] * share[0], size[1] * share[1], LABEL)
    scene.box(thing, field, colour, (0, 0, size[2]), collide=False, density=0)


def _panel(
    scene: Scene,
    thing: Thing,
    size: tuple[float, float, float],
    side: int,
    colour: Colour,
    place: tuple[float, float],
    share: tuple[float, float],
    *,
    turn: float = 0.0,
    raised: float = LABEL,
) -> None:
    """A field on a wide side of a box: middle and extents as shares of the side, turned in it [rad]."""
    extents = (size[0] * share[0], 2 * raised, size[2] * share[1])
    where = (size[0] * place[0], side * size[1] / 2, size[2] * place[1])
    scene.box(thing, extents, colour, where, rotation=axis_rotation(1, turn), collide=False, density=0)


def _picture(
    scene: Scene,
    thing: Thing,
    size: tuple[float, float, float],
    side: int,
    outline: np.ndarray,
    colour: Colour,
    place: tuple[float, float],
    raised: float = LABEL,
) -> None:
    """A shape of outline (P, 2) [m] on a wide side of a box, its origin at a place given as shares of the side."""
    where = (size[0] * place[0], side * size[1] / 2 + raised, size[2] * place[1])
    rotation = axis_rotation(0, np.pi / 2)
    scene.mesh(thing, *extruded(outline, 2 * raised), colour, where, rotation=rotation, collide=False, density=0)


def _can(scene: Scene, thing: Thing, radius: float, height: float) -> None:
    scene.cylinder(thing, radius, height, TIN, (0, 0, height / 2), density=DENSITY)


def _sleeve(scene: Scene, thing: Thing, radius: float, colour: Colour, low: float, high: float) -> None:
    """A label around a can."""
    place = (0, 0, (low + high) / 2)
    scene.cylinder(thing, radius + LABEL / 2, high - low, colour, place, collide=False, density=0)


def _medal(scene: Scene, thing: Thing, radius: float, side: int, colour: Colour, z: float, size: float) -> None:
    place = (0, side * (radius - 0.001), z)
    rotation = axis_rotation(0, np.pi / 2)
    scene.cylinder(thing, size, 0.005, colour, place, rotation=rotation, collide=False, density=0)


def _rounded(x: float, y: float, radius: float) -> np.ndarray:
    """(P, 2) outline of a rectangle with round corners [m]."""
    quarter = np.linspace(0, np.pi / 2, 5)
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    return np.concatenate(
        [
            np.column_stack(
                [
                    sx * (x / 2 - radius) + radius * np.cos(quarter + number * np.pi / 2),
                    sy * (y / 2 - radius) + radius * np.sin(quarter + number * np.pi / 2),
                ]
            )
            for number, (sx, sy) in enumerate(corners)
        ]
    )
