"""Open a drawer of a cabinet and put the three things that lie on its top into it, in the order given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations, product

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.drawers import pull_open, put_into
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.cabinet import LEVELS, Cabinet, Drawer, cabinet, tray_detector
from stages.simulators.tabletop.things.items import ITEMS
from stages.simulators.tabletop.words import listed

CABINET = Cabinet()
FROM_FRONT, APART = 0.055, 0.09
"""Place of the things on the top: distance from its front edge, and from one to the next [m]."""


class PutItemsInDrawer(Task[tuple[str, tuple[str, ...]]]):
    """Parameters: which drawer, and the things in the order to put them in."""

    name = "put_items_in_drawer"
    variations = {number: (level, order) for number, (order, level) in enumerate(product(permutations(ITEMS), LEVELS))}
    levels = {"l4": (0, 2, 4)}
    region = (0.30, 0.37, -0.12, 0.12)
    yaw_range = (-np.pi / 8, np.pi / 8)

    def instructions(self) -> list[str]:
        level, order = self.parameters
        items = [f"the {item}" for item in order]
        return [
            f"open the {level} drawer and put {listed(items, 'then')} into it",
            f"pull out the {level} drawer, then put in {listed(items)} in this order",
            f"put {listed(items, 'and finally')} into the {level} drawer of the cabinet",
            f"open the {level} drawer and place {listed(items, 'and then')} inside",
        ]

    def novel_instructions(self) -> list[str]:
        level, order = self.parameters
        items = [f"the {item}" for item in order]
        return [
            f"tidy {listed(items)} away into the {level} drawer, one after the other",
            f"the {level} drawer has to hold {listed(items)} in the end, filled in this order",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        level, order = self.parameters
        self.drawers = cabinet(scene, CABINET)
        self.tray = tray_detector(scene, self.drawers[level], CABINET)
        places = {item: (FROM_FRONT, (1 - n) * APART, CABINET.height) for n, item in enumerate(ITEMS)}
        things = {item: build(scene, places[item]) for item, build in ITEMS.items()}
        self.items = [things[item] for item in order]
        self.arrived: list[Thing] = []

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._fill(state, self.drawers[self.parameters[0]], self.items)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._fill(state, self.drawers[self.parameters[0]], self.items[::-1])

    def success(self, state: State) -> bool:
        """Things count in the order in which they come to lie in the drawer; one taken out again is forgotten."""
        inside = [item for item in self.items if state.detects(self.tray, item) and not state.holds(item)]
        kept = [item for item in self.arrived if item in inside]
        self.arrived = kept + [item for item in inside if item not in kept]
        return self.arrived == self.items

    def _fill(self, state: State, drawer: Drawer, items: Sequence[Thing]) -> Iterator[Motion]:
        yield from pull_open(state, drawer, let_go=True)
        for number, item in enumerate(items):
            yield from put_into(state, item, drawer, CABINET, last=number == len(items) - 1)
