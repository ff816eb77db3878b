"""Every family by its noun, and the other words that mean it; none of the benchmark's things."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.families.appliances import APPLIANCE_SYNONYMS, APPLIANCES
from stages.simulators.tabletop.families.containers import CONTAINER_SYNONYMS, CONTAINERS
from stages.simulators.tabletop.families.draft import Shape, shape
from stages.simulators.tabletop.families.drawers import DRAWER_SYNONYMS, DRAWERS
from stages.simulators.tabletop.families.hinged import HINGED, HINGED_SYNONYMS
from stages.simulators.tabletop.families.packages import PACKAGE_SYNONYMS, PACKAGES
from stages.simulators.tabletop.families.shelves import SHELF_SYNONYMS, SHELVES
from stages.simulators.tabletop.families.solids import SOLID_SYNONYMS, SOLIDS
from stages.simulators.tabletop.families.tools import TOOL_SYNONYMS, TOOLS
from stages.simulators.tabletop.families.toys import TOY_SYNONYMS, TOYS
from stages.simulators.tabletop.families.vessels import VESSEL_SYNONYMS, VESSELS
from stages.simulators.tabletop.scene import Scene, Thing

GROUPS = (SOLIDS, DRAWERS, HINGED, SHELVES, CONTAINERS, APPLIANCES, TOOLS, VESSELS, PACKAGES, TOYS)

SHAPES: dict[str, Shape] = {noun: shape(build) for group in GROUPS for noun, build in group.items()}
"""How to build what a noun means; each returns its height [m]."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    **SOLID_SYNONYMS,
    **DRAWER_SYNONYMS,
    **HINGED_SYNONYMS,
    **SHELF_SYNONYMS,
    **CONTAINER_SYNONYMS,
    **APPLIANCE_SYNONYMS,
    **TOOL_SYNONYMS,
    **VESSEL_SYNONYMS,
    **PACKAGE_SYNONYMS,
    **TOY_SYNONYMS,
}
"""Other words for the same family."""

NOUNS: tuple[str, ...] = tuple(word for noun in SHAPES for word in (noun, *SYNONYMS.get(noun, ())))
"""All words that a thing can be called by."""

_ALIKE = {word: (noun, *SYNONYMS.get(noun, ())) for noun in SHAPES for word in (noun, *SYNONYMS.get(noun, ()))}

FURNITURE = frozenset(
    {*DRAWERS, *SHELVES, "locker", "hutch", "wardrobe", "trunk", "hatch", "dishwasher", "washer", "kiosk"}
) - {"organizer"}
"""Families of large things, of which a table has room for few."""


def alike(word: str) -> tuple[str, ...]:
    """All words that mean the same family as one of `NOUNS`."""
    return _ALIKE[word]


def add_thing(
    scene: Scene, noun: str, colour: Colour, place: np.ndarray, rng: np.random.Generator, word: str | None = None
) -> Thing:
    """Add one thing of random dimensions, after it its parts.

    Args:
        noun: a key of `SHAPES`.
        place: (4,) x, y and height of its foot in the scene's frame [m], yaw [rad].
        word: what it is called, in place of its noun.

    Returns:
        The thing, anchored at half its height.
    """
    number, thing = len(scene.things), scene.add(word or noun, place[:3], place[3])
    height = SHAPES[noun](scene, thing, colour, rng)
    scene.things[number] = replace(thing, anchor=(0.0, 0.0, height / 2))
    return scene.things[number]
