"""Build a tower of differently coloured blocks on the green square in the order given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import COLOURS, different_colours
from stages.simulators.tabletop.scene import Scene, Thing, scatter
from stages.simulators.tabletop.skills.stacking import areas_around, column, in_column, put_on_top
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.blocks import block, goal_square
from stages.simulators.tabletop.words import listed

AREAS = areas_around(0.14)
"""Far enough from the square for a hand to come down between a block and the tower."""

BLOCKS = 4


class Tower4(Task[tuple[str, ...]]):
    """Parameters: the colours of the blocks from the bottom to the top."""

    name = "tower4"
    variations = {1: ("orange", "gray", "lime", "rose"), 3: ("white", "teal", "blue")}
    levels = {"l4": (1, 3)}
    region = (0.12, 0.18, -0.05, 0.05)

    def instructions(self) -> list[str]:
        blocks = [f"the {colour} block" for colour in self.parameters]
        first, *rest = blocks
        return [
            f"build a tower on the green square, from bottom to top: {listed(blocks)}",
            f"stack {listed(blocks)} on the green square in this order",
            f"put {first} on the green square, then {listed(rest, 'then')} on top",
            f"make a tower on the green target with {first} at the bottom, followed by {listed(rest)}",
        ]

    def novel_instructions(self) -> list[str]:
        blocks = [f"the {colour} block" for colour in self.parameters]
        return [
            f"on the green square, pile up {listed(blocks)}, the first one lowest",
            f"erect a tower over the green square out of {listed(blocks, 'and at the top')}",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        extra = different_colours(rng, COLOURS, BLOCKS - len(self.parameters), avoid=self.parameters)
        places = scatter(rng, AREAS, count=BLOCKS)
        self.square = goal_square(scene)
        self.column = column(scene, self.square)
        everything = [block(scene, *thing) for thing in zip([*self.parameters, *extra], *places.T, strict=True)]
        self.tower, self.others = everything[: len(self.parameters)], everything[len(self.parameters) :]

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._build_tower(state, self.tower)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._build_tower(state, self.tower[::-1])

    def success(self, state: State) -> bool:
        return in_column(state, self.column, self.tower) == self.tower and state.holds_nothing(self.tower + self.others)

    def _build_tower(self, state: State, blocks: list[Thing]) -> Iterator[Motion]:
        for thing in blocks:
            stacked = in_column(state, self.column, self.tower + self.others)
            yield from put_on_top(state, thing, self.square, stacked, last=thing is blocks[-1])
