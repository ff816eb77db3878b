"""Put one of nine groceries into a cupboard."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import grasp, lift
from stages.simulators.tabletop.skills.storing import hold, scatter_groceries, store, stored
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.cupboard import cupboard
from stages.simulators.tabletop.things.groceries import GROCERIES

GAP, ROOM = 0.11, 0.16
"""Least distance between two groceries, and from the one to be taken to the others: room for the hand [m]."""

RAISE = 0.18
NEARER, ASIDE = 0.05, 0.14
"""How much nearer to the robot and further to its side the cupboard stands per radian that it is turned [m/rad]."""


class PutGroceriesInCupboard(Task[str]):
    """Parameters: which grocery."""

    name = "put_groceries_in_cupboard"
    variations = {index: kind.name for index, kind in enumerate(GROCERIES)}
    levels = {"train": (0, 3), "l2": (7, 8)}
    region = (0.39, 0.43, -0.03, 0.03)
    yaw_range = (-1.0, 1.0)

    def place(self, rng: np.random.Generator) -> np.ndarray:
        """The more the cupboard is turned, the further it stands to the side, so that it faces the robot."""
        base = super().place(rng)
        turn = np.arctan2(base[1, 0], base[0, 0])
        base[:2, 3] += -NEARER * abs(turn), ASIDE * turn
        return base

    def instructions(self) -> list[str]:
        return [
            f"put the {self.parameters} in the cupboard",
            f"place the {self.parameters} in the cupboard",
            f"take the {self.parameters} and store it in the cupboard",
            f"pick up the {self.parameters} and set it down inside the cupboard",
            f"move the {self.parameters} from the table into the cupboard",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"put the {self.parameters} away, it goes into the cupboard",
            f"the {self.parameters} should stand on the shelf of the cupboard",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.cupboard = cupboard(scene)
        kinds = sorted(GROCERIES, key=lambda kind: kind.name != self.parameters)
        self.target, *self.others = scatter_groceries(scene, rng, kinds, GAP, ROOM)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.target)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.others[0])

    def success(self, state: State) -> bool:
        return stored(state, self.target, self.cupboard) and state.holds_nothing([self.target, *self.others])

    def _put(self, state: State, thing: Thing) -> Iterator[Motion]:
        yield from grasp(state, thing, hold(state, thing, self.cupboard))
        yield from lift(state, thing, RAISE)
        yield from store(state, thing, self.cupboard)
