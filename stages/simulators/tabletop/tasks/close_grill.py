"""Pull the lid of a barbecue grill down by its handle."""

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
from stages.simulators.tabletop.things.grill import TRAVEL, Grill, grill

CLOSED = np.deg2rad(50)
"""Angle by which the lid must have come down [rad]."""


class CloseGrill(Task[Grill]):
    """Parameters: the measures of the grill."""

    name = "close_grill"
    variations: ClassVar[Mapping[int, Grill]] = {0: Grill()}
    levels = {"l3": (0,)}
    region = (0.12, 0.26, -0.08, 0.08)
    yaw_range = (-np.pi / 2, np.pi / 2)

    def instructions(self) -> list[str]:
        return [
            "close the grill",
            "pull the lid of the grill down",
            "shut the barbecue grill",
            "take the grill handle and bring the lid down",
            "lower the lid onto the grill",
        ]

    def novel_instructions(self) -> list[str]:
        return ["cover the barbecue with its lid", "the grill stands open, see that it gets closed"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.lid, self.handle = grill(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        step = Step("pull", self.handle.name)
        yield from grasp(state, self.handle, edge_grip(state, self.handle, self.lid))
        yield from swing_edge(state, step, self.handle, self.lid, TRAVEL, motions=3)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, 0.10))

    def success(self, state: State) -> bool:
        return state.joint(self.lid) > CLOSED
