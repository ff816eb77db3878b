"""Open a shoe box and take both shoes out onto the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.core.steps import Step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import (
    carried,
    grasp,
    lift,
    motion,
    pointing_down,
    release_here,
    square_yaw,
    tip_at,
)
from stages.simulators.tabletop.skills.lids import edge_grip, swing_edge
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.tasks.open_box import LIFT
from stages.simulators.tabletop.things.box import Box, hinged_box, table_around
from stages.simulators.tabletop.things.shoes import HOLD, SHOE_BOX, pair_of_shoes

IN_FRONT = 0.075
"""Distance between the front of the box and where a shoe is held when it is set down [m]."""

RAISE = 0.16
"""How far a shoe is lifted, and the hand after it has set one down [m]."""

ABOVE = 0.14
"""Height over its place to which a shoe is carried [m]: its sole passes over the wall of the box."""


class TakeShoesOutOfBox(Task[Box]):
    """Parameters: the measures of the box."""

    name = "take_shoes_out_of_box"
    variations: ClassVar[Mapping[int, Box]] = {0: SHOE_BOX}
    levels = {"l4": (0,)}
    ordered = False
    region = (0.17, 0.25, -0.10, 0.10)
    yaw_range = (-np.pi / 8, np.pi / 8)

    def instructions(self) -> list[str]:
        return [
            "take the shoes out of the box",
            "open the shoe box and take both shoes out",
            "lift the lid of the shoe box and put the two shoes on the table",
            "get the pair of shoes out of its box and set it down on the table",
            "unpack both shoes from the shoe box",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            "the shoes are in the closed box, stand them on the table in front of it",
            "empty the shoe box, one shoe after the other",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.box, self.lid = hinged_box(scene, self.parameters, "shoe box")
        self.table = table_around(scene, self.box, self.parameters)
        self.shoes = pair_of_shoes(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._unpack(state, [self._in_front(state, shoe) for shoe in self.shoes])

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._unpack(state, [state.position(shoe) for shoe in self.shoes])

    def success(self, state: State) -> bool:
        outside = all(any(state.detects(part, shoe) for part in self.table) for shoe in self.shoes)
        return outside and state.holds_nothing(self.shoes)

    def _in_front(self, state: State, shoe: Thing) -> np.ndarray:
        """(3,) where to set a shoe down: straight in front of where it lies in the box."""
        frame = state.matrix(self.box)
        _, y, _ = frame[:3, :3].T @ (state.position(shoe) - frame[:3, 3])
        return frame[:3, :3] @ (-IN_FRONT, y, HOLD) + frame[:3, 3]

    def _unpack(self, state: State, places: list[np.ndarray]) -> Iterator[Motion]:
        lid = self.lid
        yield from grasp(state, lid, edge_grip(state, lid, lid))
        yield from swing_edge(state, Step("pull", lid.name), lid, lid, LIFT, motions=5, let_go=True)
        for shoe, place in zip(self.shoes, places, strict=True):
            yield from self._carry(state, shoe, place, last=shoe is self.shoes[-1])

    def _carry(self, state: State, shoe: Thing, place: np.ndarray, last: bool) -> Iterator[Motion]:
        """Take a shoe by its ankle and set it down; stay there if it is the last."""
        yield from grasp(state, shoe, tip_at(state.position(shoe), pointing_down(square_yaw(state, shoe))))
        yield from lift(state, shoe, RAISE)
        outside = carried(state, shoe, place + (0, 0, ABOVE))
        yield motion(outside, False, Step("lift", shoe.name), state.position(shoe), may_collide=False)
        yield from release_here(state, shoe, place, retreat=0 if last else RAISE)
