"""Put seven groceries into a cupboard, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills import lift, motion
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.storing import hold, scatter_groceries, store, stored
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
)
from stages.steps import Step

GAP = 0.15
"""Least distance between two groceries [m]."""

RAISE = 0.18
LOW_ONES = (CHOCOLATE_BOX, STRAWBERRY_BOX, SOUP_CAN, SPAM_CAN)
"""Put away first: between two of them the fingers find room over them for one of the others."""

TALL_ONES = (CRACKERS_BOX, MUSTARD_BOTTLE, SUGAR_BOX)


class PutAllGroceriesInCupboard(Task[tuple[str, ...]]):
    """Parameters: the groceries in the order in which they are put away."""

    name = "put_all_groceries_in_cupboard"
    variations = {0: LOW_ONES + TALL_ONES}
    levels = {"l4": (0,)}
    region = (0.42, 0.42, 0.0, 0.0)
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
        self.groceries = scatter_groceries(scene, rng, self.parameters, GAP)

    def expert(self, state: State) -> Iterator[Motion]:
        low, tall = self.groceries[: len(LOW_ONES)], self.groceries[len(LOW_ONES) :]
        for thing in low:
            yield from self._put(state, thing, raised=True)
        for thing in sorted(tall, key=lambda one: -state.position(one)[0]):
            yield from self._put(state, thing, raised=False)

    def mistake(self, state: State) -> Iterator[Motion]:
        for thing in self.groceries[:-1]:
            yield from self._put(state, thing, raised=True)

    def success(self, state: State) -> bool:
        inside = all(stored(state, thing, self.cupboard) for thing in self.groceries)
        return inside and state.holds_nothing(self.groceries)

    def _put(self, state: State, thing: Thing, raised: bool) -> Iterator[Motion]:
        tip = hold(state, thing, self.cupboard)
        yield motion(tip, False, Step("grasp", thing.name), state.position(thing), may_collide=False)
        if raised:
            yield from lift(state, thing, RAISE)
        yield from store(state, thing, self.cupboard)
