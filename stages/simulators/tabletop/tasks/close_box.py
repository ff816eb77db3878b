"""Fold the open lid of a box down until it is shut."""

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
from stages.simulators.tabletop.things.box import WIDEST, Box, hinged_box

SHUT = 0.05
"""Angle from closed below which the lid counts as shut [rad]."""

PRESS = 0.01
"""Angle by which the lid is sent beyond closed, where it stops [rad]."""


class CloseBox(Task[Box]):
    """Parameters: the measures of the box, open at first."""

    name = "close_box"
    variations: ClassVar[Mapping[int, Box]] = {0: Box(opening=WIDEST)}
    levels = {"l3": (0,)}
    region = (0.11, 0.19, -0.12, 0.12)
    yaw_range = (-np.pi / 8, np.pi / 8)

    def instructions(self) -> list[str]:
        return [
            "close the box",
            "fold the lid of the box down",
            "shut the lid of the box",
            "the box stands open, bring its lid down",
            "take the edge of the box lid and pull it shut",
        ]

    def novel_instructions(self) -> list[str]:
        return ["cover the box with its lid", "nothing should be seen of the inside of the box, so shut it"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        _, self.lid = hinged_box(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        lid = self.lid
        yield from grasp(state, lid, edge_grip(state, lid, lid))
        angle = -self._opening(state) - PRESS
        yield from swing_edge(state, Step("pull", lid.name), lid, lid, angle, motions=6)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, 0.10))

    def success(self, state: State) -> bool:
        return self._opening(state) < SHUT

    def _opening(self, state: State) -> float:
        return self.parameters.opening + state.joint(self.lid)
