"""Raise the seat of a toilet until it stands against the tank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.core.steps import Step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.hand import displaced, grasp
from stages.simulators.tabletop.skills.lids import edge_grip, swing_edge
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.toilet import Toilet, toilet

UP = 1.40
"""Angle by which the seat must have turned [rad]."""

LIFT = np.deg2rad(90)
"""Angle by which the seat is lifted: upright, where it stays [rad]."""


class ToiletSeatUp(Task[Toilet]):
    """Parameters: the measures of the toilet."""

    name = "toilet_seat_up"
    variations: ClassVar[Mapping[int, Toilet]] = {0: Toilet()}
    levels = {"l3": (0,)}
    region = (0.14, 0.24, -0.10, 0.10)
    yaw_range = (-np.pi / 4, np.pi / 4)

    def instructions(self) -> list[str]:
        return [
            "put the toilet seat up",
            "lift the toilet seat",
            "raise the seat of the toilet",
            "take the toilet seat by its front edge and fold it up",
            "flip the toilet seat up against the tank",
        ]

    def novel_instructions(self) -> list[str]:
        return ["the seat of the toilet is down, leave it standing", "get the toilet seat into its upright position"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.seat = toilet(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        seat = self.seat
        yield from grasp(state, seat, edge_grip(state, seat, seat))
        yield from swing_edge(state, Step("pull", seat.name), seat, seat, LIFT, motions=4)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (-0.08, 0, 0))

    def success(self, state: State) -> bool:
        return state.joint(self.seat) > UP
