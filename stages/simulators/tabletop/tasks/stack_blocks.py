"""Stack blocks of one colour on the green square; blocks of another colour lie around."""

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

AREAS = areas_around(0.105)
"""Room for the open hand between a block and one on the square."""

EACH = 4
"""Blocks of the target colour, and blocks of the other colour."""


class StackBlocks(Task[tuple[str, int]]):
    """Parameters: the colour of the blocks to stack, and how many."""

    name = "stack_blocks"
    variations = {3 * index + extra: (colour, 2 + extra) for index, colour in enumerate(COLOURS) for extra in range(3)}
    levels = {"train": (30, 36, 39), "l2": (24, 27, 33)}
    region = (0.12, 0.18, -0.05, 0.05)

    def instructions(self) -> list[str]:
        colour, count = self.parameters
        return [
            f"stack {count} {colour} blocks on the green square",
            f"build a pile of {count} {colour} blocks on the green square",
            f"put {count} {colour} blocks on top of each other over the green square",
            f"pile up {count} of the {colour} blocks on the green target",
            f"place {count} {colour} blocks one on another on the green square",
        ]

    def novel_instructions(self) -> list[str]:
        colour, count = self.parameters
        return [
            f"make a stack of {count} {colour} blocks where the green square is",
            f"on the green square, set {count} of the {colour} blocks one over the other",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        colour, _ = self.parameters
        (other,) = different_colours(rng, COLOURS, 1, avoid=[colour])
        places = scatter(rng, AREAS, count=2 * EACH)
        self.square = goal_square(scene)
        self.column = column(scene, self.square)
        self.blocks = [block(scene, colour, *place) for place in places[:EACH]]
        self.others = [block(scene, other, *place) for place in places[EACH:]]

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._stack(state, self.blocks)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._stack(state, self.others)

    def success(self, state: State) -> bool:
        _, count = self.parameters
        stacked = in_column(state, self.column, self.blocks)
        return len(stacked) >= count and state.holds_nothing(self.blocks + self.others)

    def _stack(self, state: State, blocks: list[Thing]) -> Iterator[Motion]:
        _, count = self.parameters
        for number in range(count):
            stacked = in_column(state, self.column, self.blocks + self.others)
            free = [thing for thing in blocks if thing not in stacked]
            chosen = max(free, key=lambda thing: state.position(thing)[1])
            yield from put_on_top(state, chosen, self.square, stacked, last=number == count - 1)
