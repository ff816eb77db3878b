"""Groceries: boxes, cans and a bottle, each with the colours and the picture of its label.

A grocery stands on its base. The hand that holds it faces along its X or against it, the fingers are on either side.
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

PULL = np.array([[0, 0], [0.009, 0], [0.009, 0.002], [0, 0.002]])
MEDAL = np.array([[0, 0], [0.011, 0], [0.011, 0.005], [0, 0.005]])
"""Sections of the pull on a tin's lid and of the medal on a can [m]."""

SEGMENTS = 24
"""Of round surfaces."""

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
        paint: adds its shapes.
        round: whether it can be held from all sides.
        ends: whether it is held near the end that the hand comes from, rather than in the middle.
    """

    name: str
    size: tuple[float, float, float]
    grip: float
    paint: Callable[[Scene, Thing], None]
    round: bool = False
    ends: bool = False


def grocery(scene: Scene, kind: Grocery, x: float, y: float, yaw: float) -> Thing:
    """A grocery on the table; its frame is on its base, its anchor at the height where it is held."""
    thing = scene.add(kind.name, (x, y, 0), yaw, free=True, size=kind.size, anchor=(0, 0, kind.grip))
    kind.paint(scene, thing)
    return thing


def _crackers(scene: Scene, thing: Thing) -> None:
    """Red, a cream foot and three square crackers on either side."""
    _box(scene, thing, RED)
    _band(scene, thing, YELLOW, (0.0, 0.12))
    _top(scene, thing, CREAM, (0.55, 0.30))
    for side in (-1, 1):
        _panel(scene, thing, side, CREAM, (0, 0.80), (0.84, 0.24))
        for x, z, turn in ((-0.22, 0.40, 0.3), (0.22, 0.36, -0.4), (0.02, 0.58, 0.8)):
            _panel(scene, thing, side, BISCUIT, (x, z), (0.34, 0.26), turn=turn, raised=2 * LABEL)


def _chocolate(scene: Scene, thing: Thing) -> None:
    """Brown, with a dark pudding on a plate."""
    _box(scene, thing, BROWN)
    _top(scene, thing, CREAM, (0.55, 0.35))
    pudding = np.array([[-0.024, 0], [0.024, 0], [0.017, 0.026], [-0.017, 0.026]])
    for side in (-1, 1):
        _panel(scene, thing, side, CREAM, (0, 0.80), (0.70, 0.22))
        _panel(scene, thing, side, WHITE, (0, 0.20), (0.80, 0.08))
        _picture(scene, thing, side, pudding, DARK_BROWN, (0, 0.24))


def _strawberry(scene: Scene, thing: Thing) -> None:
    """Pink, with a strawberry and its leaf."""
    _box(scene, thing, PINK)
    _top(scene, thing, RED, (0.55, 0.35))
    berry = np.array([[0, -0.018], [0.013, -0.004], [0.016, 0.006], [0.008, 0.013], [-0.008, 0.013], [-0.016, 0.006],
                      [-0.013, -0.004]])  # fmt: skip
    leaf = np.array([[0, 0.008], [0.010, 0.012], [0.004, 0.016], [0, 0.021], [-0.004, 0.016], [-0.010, 0.012]])
    for side in (-1, 1):
        _panel(scene, thing, side, WHITE, (0, 0.5), (0.86, 0.86))
        for outline, colour, raised in ((berry, RED, 2 * LABEL), (leaf, LEAF, 3 * LABEL)):
            _picture(scene, thing, side, outline, colour, (0, 0.5), raised)


def _sugar(scene: Scene, thing: Thing) -> None:
    """White, with a blue band and sugar cubes on it."""
    _box(scene, thing, WHITE)
    _band(scene, thing, BLUE, (0.30, 0.75))
    _band(scene, thing, YELLOW, (0.0, 0.10))
    _top(scene, thing, BLUE, (0.55, 0.35))
    for side in (-1, 1):
        for x, z in ((-0.17, 0.42), (0.17, 0.42), (0, 0.58)):
            _panel(scene, thing, side, WHITE, (x, z), (0.26, 0.13), raised=3 * LABEL)


def _soup(scene: Scene, thing: Thing) -> None:
    """Red above, white below, golden medals between; rims of tin."""
    radius, height = thing.size[0] / 2, thing.size[2]
    _can(scene, thing, radius, height)
    _layer(scene, thing, radius + LABEL, WHITE, 0.004, height / 2)
    _layer(scene, thing, radius + LABEL, RED, height / 2, height - 0.004)
    for side in (-1, 1):
        place, rotation = (0, side * radius + 0.0025, height / 2), axis_rotation(0, np.pi / 2)
        scene.mesh(thing, *turned(MEDAL, SEGMENTS), GOLD, place, rotation=rotation, collide=False, density=0)


def _tuna(scene: Scene, thing: Thing) -> None:
    """Flat, with a sky blue label and a fish on the lid."""
    radius, height = thing.size[0] / 2, thing.size[2]
    _can(scene, thing, radius, height)
    _layer(scene, thing, radius + LABEL, SKY, 0.004, height - 0.004)
    _layer(scene, thing, radius - 0.005, SKY, height, height + LABEL)
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    body = np.column_stack([0.017 * np.cos(angles), 0.009 * np.sin(angles)])
    tail = np.array([[-0.013, 0], [-0.024, 0.009], [-0.024, -0.009]])
    for outline in (body, tail):
        scene.mesh(thing, *extruded(outline, LABEL), WHITE, (0, 0, height + LABEL), collide=False, density=0)


def _spam(scene: Scene, thing: Thing) -> None:
    """A rounded tin with a blue label, a yellow band and a slice of ham; a ring to pull on its lid."""
    x, y, height = thing.size
    scene.box(thing, thing.size, TIN, (0, 0, height / 2), visible=False, density=DENSITY)
    for colour, grown, low, high in (
        (TIN, 0.0, 0, height),
        (BLUE, LABEL, 0.006, height - 0.006),
        (YELLOW, 2 * LABEL, height * 0.58, height * 0.80),
    ):
        outline = _rounded(x + grown, y + grown, 0.014)
        scene.mesh(thing, *extruded(outline, high - low), colour, (0, 0, low), collide=False, density=0)
    for side in (-1, 1):
        _panel(scene, thing, side, PINK, (0, 0.34), (0.45, 0.26), raised=2 * LABEL)
    scene.mesh(thing, *turned(PULL, 16), GOLD, (0.012, 0, height), collide=False, density=0)
    scene.box(thing, (0.016, 0.006, 0.003), GOLD, (-0.004, 0, height), collide=False, density=0)


def _coffee(scene: Scene, thing: Thing) -> None:
    """Brown with a cream band and coffee beans, under a dark lid."""
    radius, height = thing.size[0] / 2, thing.size[2]
    _can(scene, thing, radius, height)
    _layer(scene, thing, radius + LABEL, BROWN, 0.004, height - 0.014)
    _layer(scene, thing, radius + 2 * LABEL, CREAM, height * 0.28, height * 0.66)
    _layer(scene, thing, radius + 2 * LABEL, DARK_BROWN, height - 0.014, height + LABEL)
    _layer(scene, thing, radius - 0.006, BROWN, height, height + 2 * LABEL)
    for angle in np.arange(8) * np.pi / 4:
        tilt = axis_rotation(2, angle) @ axis_rotation(0, 0.6)
        place = axis_rotation(2, angle) @ (radius + 2 * LABEL, 0, height * 0.47)
        scene.box(thing, (2 * LABEL, 0.008, 0.013), DARK_BROWN, place, rotation=tilt, collide=False, density=0)


def _mustard(scene: Scene, thing: Thing) -> None:
    """A flat yellow bottle with a red label, a shoulder, a cap and its nozzle."""
    x, y, height = thing.size
    body = 0.70 * height
    scene.box(thing, (x, y, body), YELLOW, (0, 0, body / 2), visible=False, density=DENSITY)
    scene.cylinder(thing, 0.014, 0.18 * height, YELLOW, (0, 0, body + 0.09 * height), visible=False, density=DENSITY)
    scene.mesh(thing, *extruded(_rounded(x, y, 0.018), body), YELLOW, collide=False, density=0)
    scene.mesh(thing, *extruded(_rounded(x + LABEL, y + LABEL, 0.018), 0.40 * body), RED, (0, 0, 0.22 * body),
               collide=False, density=0)  # fmt: skip
    for side in (-1, 1):
        _panel(scene, thing, side, WHITE, (0, 0.30), (0.50, 0.12), raised=2 * LABEL)
    shoulder = np.array([[0, 0], [y / 2, 0], [0.013, 0.10 * height], [0, 0.10 * height]])
    scene.mesh(thing, *turned(shoulder, SEGMENTS), YELLOW, (0, 0, body), collide=False, density=0)
    nozzle = np.array([[0, 0], [0.013, 0], [0.013, 0.08 * height], [0.008, 0.10 * height], [0.003, 0.20 * height],
                       [0, 0.20 * height]])  # fmt: skip
    scene.mesh(thing, *turned(nozzle, SEGMENTS), RED, (0, 0, 0.80 * height), collide=False, density=0)


CRACKERS_BOX = Grocery("crackers box", (0.100, 0.045, 0.130), 0.115, _crackers, ends=True)
CHOCOLATE_BOX = Grocery("chocolate jello box", (0.085, 0.035, 0.070), 0.055, _chocolate, ends=True)
STRAWBERRY_BOX = Grocery("strawberry jello box", (0.075, 0.030, 0.060), 0.046, _strawberry, ends=True)
SOUP_CAN = Grocery("soup can", (0.056, 0.056, 0.080), 0.066, _soup, round=True)
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


def _box(scene: Scene, thing: Thing, colour: Colour) -> None:
    scene.box(thing, thing.size, colour, (0, 0, thing.size[2] / 2), density=DENSITY)


def _band(scene: Scene, thing: Thing, colour: Colour, share: tuple[float, float]) -> None:
    """A band around a box, between two shares of its height."""
    low, high = (thing.size[2] * one for one in share)
    around = (thing.size[0] + LABEL, thing.size[1] + LABEL, high - low)
    scene.box(thing, around, colour, (0, 0, (low + high) / 2), collide=False, density=0)


def _top(scene: Scene, thing: Thing, colour: Colour, share: tuple[float, float]) -> None:
    """A field on the top of a box, of two shares of its sides."""
    field = (thing.size[0] * share[0], thing.size[1] * share[1], LABEL)
    scene.box(thing, field, colour, (0, 0, thing.size[2]), collide=False, density=0)


def _panel(
    scene: Scene,
    thing: Thing,
    side: int,
    colour: Colour,
    place: tuple[float, float],
    share: tuple[float, float],
    *,
    turn: float = 0.0,
    raised: float = LABEL,
) -> None:
    """A field on a wide side of a box: middle and extents as shares of the side, turned in it [rad]."""
    extents = (thing.size[0] * share[0], 2 * raised, thing.size[2] * share[1])
    where = (thing.size[0] * place[0], side * thing.size[1] / 2, thing.size[2] * place[1])
    scene.box(thing, extents, colour, where, rotation=axis_rotation(1, turn), collide=False, density=0)


def _picture(
    scene: Scene,
    thing: Thing,
    side: int,
    outline: np.ndarray,
    colour: Colour,
    place: tuple[float, float],
    raised: float = LABEL,
) -> None:
    """A shape of outline (P, 2) [m] on a wide side of a box, its origin at a place given as shares of the side."""
    where = (thing.size[0] * place[0], side * thing.size[1] / 2 + raised, thing.size[2] * place[1])
    rotation = axis_rotation(0, np.pi / 2)
    scene.mesh(thing, *extruded(outline, 2 * raised), colour, where, rotation=rotation, collide=False, density=0)


def _can(scene: Scene, thing: Thing, radius: float, height: float) -> None:
    scene.cylinder(thing, radius, height, TIN, (0, 0, height / 2), visible=False, density=DENSITY)
    _layer(scene, thing, radius, TIN, 0, height)


def _layer(scene: Scene, thing: Thing, radius: float, colour: Colour, low: float, high: float) -> None:
    """A round layer that is only seen, between two heights; narrow rims keep the shading of its flat faces flat."""
    inner = radius - LABEL / 2
    rims = [[inner, low], [radius, low + LABEL / 2], [radius, high - LABEL / 2], [inner, high]]
    section = np.array([[0, low], *rims, [0, high]])
    scene.mesh(thing, *turned(section, SEGMENTS), colour, collide=False, density=0)


def _rounded(x: float, y: float, radius: float) -> np.ndarray:
    """(P, 2) outline of a rectangle with round corners [m]."""
    angles = (np.arange(20) + 0.5) * np.pi / 10
    round_corner = np.column_stack([np.cos(angles), np.sin(angles)])
    return np.sign(round_corner) * (np.array([x, y]) / 2 - radius) + radius * round_corner
