"""Put the coloured block onto the green square: a task in one file, as an example of how to add one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing, scatter
from stages.simulators.tabletop.skills.stacking import areas_around, column, in_column, put_on_top
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.blocks import block, goal_square

AREAS = areas_around(0.10)


class BlockOnSquare(Task[str]):
    """Parameters: the colour of the block."""

    name = "block_on_square"
    variations = {0: "red", 1: "blue"}
    levels = {}
    region = (0.12, 0.18, -0.05, 0.05)

    def instructions(self) -> list[str]:
        return [
            f"put the {self.parameters} block onto the green square",
            f"place the {self.parameters} block on the green square",
            f"the {self.parameters} block belongs on the green square",
            f"bring the {self.parameters} block to the green square and set it down",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"cover the green square with the {self.parameters} block",
            f"let the {self.parameters} block rest on the green square",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        places = scatter(rng, AREAS, count=2)
        self.square = goal_square(scene)
        self.column = column(scene, self.square)
        self.target = block(scene, self.parameters, *places[0])
        self.other = block(scene, "yellow", *places[1])

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.target)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.other)

    def success(self, state: State) -> bool:
        return in_column(state, self.column, [self.target]) == [self.target] and not state.holds(self.target)

    def _put(self, state: State, thing: Thing) -> Iterator[Motion]:
        yield from put_on_top(state, thing, self.square, stacked=[], last=True)
