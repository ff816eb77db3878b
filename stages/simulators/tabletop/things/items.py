"""Small pale things that are put away: a block, a cylinder and a moon.

Each builder adds a free thing that stands on its base at a place (3,) of the scene's frame [m] and returns it; its
anchor is where it is grasped with the fingers along Y.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.moons import moon

PALE: Colour = (0.85, 0.85, 1.0)
ITEM = 0.04
"""Edge of a block; diameter and height of a cylinder [m]."""

MOON_SCALE = 0.88


def item_block(scene: Scene, place: Sequence[float]) -> Thing:
    """A cube, named "block"."""
    thing = _item(scene, "block", place, (ITEM, ITEM, ITEM))
    scene.box(thing, (ITEM, ITEM, ITEM), PALE, (0, 0, ITEM / 2))
    return thing


def item_cylinder(scene: Scene, place: Sequence[float]) -> Thing:
    """An upright cylinder, named "cylinder"."""
    thing = _item(scene, "cylinder", place, (ITEM, ITEM, ITEM))
    scene.cylinder(thing, ITEM / 2, ITEM, PALE, (0, 0, ITEM / 2))
    return thing


def item_moon(scene: Scene, place: Sequence[float]) -> Thing:
    """A crescent, named "moon"."""
    return moon(scene, "moon", PALE, place, scale=MOON_SCALE)


ITEMS: dict[str, Callable[[Scene, Sequence[float]], Thing]] = {
    "block": item_block,
    "cylinder": item_cylinder,
    "moon": item_moon,
}
"""How to build what an item's name means."""


def _item(scene: Scene, name: str, place: Sequence[float], size: tuple[float, float, float]) -> Thing:
    return scene.add(name, place, free=True, size=size, anchor=(0, 0, size[2] / 2))
