"""Put seven groceries into a cupboard, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import grasp
from stages.simulators.tabletop.skills.storing import hold, scatter_groceries, store, stored
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.cupboard import cupboard
from stages.simulators.tabletop.things.groceries import (
    CHOCOLATE_BOX,
    CRACKERS_BOX,
    MUSTARD_BOTTLE,
    SOUP_CAN,
    SPAM_CAN,
    STRAWBERRY_BOX,
    SUGAR_BOX,
    Grocery,
)

GAP = 0.17
"""Least distance between two groceries [m]."""

DROP = 0.037
"""How high above the floor a grocery is let go: the open fingers are above it then, and free to leave [m]."""

LOW_ONES = (CHOCOLATE_BOX, STRAWBERRY_BOX, SOUP_CAN, SPAM_CAN)
TALL_ONES = (CRACKERS_BOX, MUSTARD_BOTTLE, SUGAR_BOX)
LOW_PLACES, TALL_PLACES = (-0.168, -0.056, 0.056, 0.168), (-0.112, 0.0, 0.112)
"""Distances from the middle of the cupboard [m]: over low ones the fingers find room for a tall one between them."""


class PutAllGroceriesInCupboard(Task[tuple[tuple[Grocery, ...], ...]]):
    """Parameters: the low groceries, which stand nearer to the cupboard and are put away first, and the tall ones."""

    name = "put_all_groceries_in_cupboard"
    variations = {0: (LOW_ONES, TALL_ONES)}
    levels = {"l4": (0,)}
    ordered = False
    region = (0.45, 0.45, 0.0, 0.0)
    yaw_range = (0.0, 0.0)

    def instructions(self) -> list[str]:
        return [
            "put all the groceries in the cupboard",
            "put all seven groceries away in the cupboard",
            "store every one of the groceries in the cupboard",
            "take the groceries from the table and place them all in the cupboard",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            "clear the table, everything on it belongs in the cupboard",
            "stow all of the shopping inside the cupboard",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.cupboard = cupboard(scene)
        kinds = [group[index] for group in self.parameters for index in rng.permutation(len(group))]
        self.groceries = scatter_groceries(scene, rng, kinds, GAP, in_order=True)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.groceries)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.groceries[:-1])

    def success(self, state: State) -> bool:
        inside = all(stored(state, thing, self.cupboard) for thing in self.groceries)
        return inside and state.holds_nothing(self.groceries)

    def _put(self, state: State, groceries: list[Thing]) -> Iterator[Motion]:
        """Low ones, then tall ones between them; those on the left of the table go to the left.

        The inner places are filled first. Low ones go straight in, but for the one with the longest way to the side.
        """
        low = groceries[: len(LOW_PLACES)]
        for things, places in ((low, LOW_PLACES), (groceries[len(low) :], TALL_PLACES)):
            sides = {thing.name: state.position(thing)[1] for thing in things}
            lefts = dict(zip(sorted(sides, key=sides.get), places, strict=False))
            ways = {name: abs(side - lefts[name]) for name, side in sides.items()}
            for thing in sorted(things, key=lambda one: abs(lefts[one.name])):
                straight = things is low and ways[thing.name] < max(ways.values())
                yield from grasp(state, thing, hold(state, thing, self.cupboard))
                yield from store(state, thing, self.cupboard, lefts[thing.name], above=DROP, straight=straight)
