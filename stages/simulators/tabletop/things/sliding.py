"""A smooth block to push over the table, and the coloured squares to push it onto."""

from __future__ import annotations

from stages.simulators.tabletop.colours import PALETTE, Colour
from stages.simulators.tabletop.scene import Scene, Thing

SLIDER = 0.05
"""Edge of the block [m]."""

SQUARE = 0.075
SQUARE_COLOURS: dict[str, Colour] = {
    "green": (0.0, 0.68, 0.0),
    "blue": (0.0, 0.0, 0.85),
    "pink": (1.0, 0.08, 0.57),
    "yellow": (1.0, 0.76, 0.0),
}
SMOOTH = (0.3, 0.005, 0.0001)
"""Friction between block and table: fingers that slip down on the block as they push cannot wedge it fast."""


def sliding_block(scene: Scene) -> Thing:
    """The "red block" at the base's origin; its anchor is its centre."""
    thing = scene.add("red block", (0, 0, SLIDER / 2), free=True, size=(SLIDER,) * 3)
    shape = scene.box(thing, (SLIDER,) * 3, PALETTE["red"], friction=SMOOTH)
    shape.priority = 1
    return thing


def square_to_slide_to(scene: Scene, colour: str, x: float, y: float) -> Thing:
    """A flat square on the table, named "<colour> square"; its anchor is its centre."""
    thing = scene.add(f"{colour} square", (x, y, 0.0005), kind="place", size=(SQUARE, SQUARE, 0.001))
    scene.box(thing, (SQUARE, SQUARE, 0.001), SQUARE_COLOURS[colour], collide=False)
    return thing
