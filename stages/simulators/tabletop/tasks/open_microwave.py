"""Pull the door of a microwave oven open by its handle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.furniture import FORWARD, swing
from stages.simulators.tabletop.skills.hand import displaced, grasp, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.microwave import Microwave, shut_microwave

OPEN = np.deg2rad(80)
"""Angle beyond which the door counts as open [rad]."""

SWING, STRIDE = np.deg2rad(86), np.deg2rad(21.5)
"""How far the door is pulled round, and how far by one motion [rad]."""

TURN = 0.4
"""Share of the door's turn that the hand follows; the round handle turns in the fingers for the rest."""

YAW = np.deg2rad(29)
"""How far the hand is turned ahead of the door in the grasp [rad]."""

TILT = np.deg2rad(46)
"""How far the hand points below the horizontal [rad]."""


class OpenMicrowave(Task[Microwave]):
    """Parameters: the measures of the oven."""

    name = "open_microwave"
    variations: ClassVar[Mapping[int, Microwave]] = {0: Microwave(opening=0.0, bar=0.034)}
    levels = {"l3": (0,)}
    region = (0.30, 0.40, -0.10, 0.10)
    yaw_range = (-np.pi / 8, np.pi / 8)

    def instructions(self) -> list[str]:
        return [
            "open the microwave",
            "pull the microwave door open",
            "take the handle of the microwave and swing its door open",
            "the microwave is shut, open its door",
            "get the microwave open",
        ]

    def novel_instructions(self) -> list[str]:
        return ["somebody wants to put a plate into the microwave, let them", "make the microwave ready to be filled"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.door, self.handle = shut_microwave(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        hinge = self.parameters.hinge
        hand = state.matrix(self.door)[:3, :3] @ axis_rotation(2, -hinge * YAW) @ axis_rotation(1, TILT) @ FORWARD
        yield from grasp(state, self.handle, tip_at(state.position(self.handle), hand))
        step, opened = Step("pull", self.handle.name), -hinge * SWING
        yield from swing(state, step, self.handle, self.door, opened, stride=STRIDE, turn=TURN)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, 0.15))

    def success(self, state: State) -> bool:
        return state.joint_change(self.door) > OPEN
