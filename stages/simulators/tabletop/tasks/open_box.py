"""Lift the hinged lid of a box by its front edge until it stands up."""

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
from stages.simulators.tabletop.things.box import Box, hinged_box

OPEN = np.pi / 2
"""Angle by which the lid must have turned [rad]."""

LIFT = np.deg2rad(106)
"""Angle by which the lid is lifted: beyond upright, so that it stays open [rad]."""


class OpenBox(Task[Box]):
    """Parameters: the measures of the box."""

    name = "open_box"
    variations: ClassVar[Mapping[int, Box]] = {0: Box()}
    levels = {"train": (0,)}
    region = (0.17, 0.25, -0.12, 0.12)
    yaw_range = (-np.pi / 8, np.pi / 8)

    def instructions(self) -> list[str]:
        return [
            "open the box",
            "lift the lid of the box",
            "take the box lid by its front edge and raise it",
            "the box is closed, fold its lid open",
            "swing the lid of the box up",
        ]

    def novel_instructions(self) -> list[str]:
        return ["make it possible to look into the box", "get the closed box open by its lid"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        _, self.lid = hinged_box(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        lid = self.lid
        yield from grasp(state, lid, edge_grip(state, lid, lid))
        yield from swing_edge(state, Step("pull", lid.name), lid, lid, LIFT, motions=5)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (-0.08, 0, 0))

    def success(self, state: State) -> bool:
        return state.joint(self.lid) > OPEN
