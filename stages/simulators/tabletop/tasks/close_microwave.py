"""Push the door of a microwave oven shut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.furniture import push_forward
from stages.simulators.tabletop.skills.hand import displaced, pointing_down
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.microwave import DOOR, Microwave, microwave

SHUT = np.deg2rad(2)
"""Angle from shut below which the door counts as shut: the hinge stops at zero [rad]."""

IN_FRONT = 0.06
"""Distance from the door at which the push begins [m]."""


class CloseMicrowave(Task[Microwave]):
    """Parameters: the measures of the oven."""

    name = "close_microwave"
    variations: ClassVar[Mapping[int, Microwave]] = {0: Microwave()}
    levels = {"train": (0,)}
    region = (0.20, 0.32, -0.10, 0.10)
    yaw_range = (-np.pi / 8, np.pi / 8)

    def instructions(self) -> list[str]:
        return [
            "close the microwave",
            "shut the door of the microwave",
            "push the microwave door until it is shut",
            "the microwave is open, close its door",
            "swing the microwave door shut",
        ]

    def novel_instructions(self) -> list[str]:
        return ["make sure the microwave is closed", "give the open microwave door a push so that it shuts"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.door = microwave(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        """Push to where the outer face of the shut door lies: half a finger's thickness more than it takes."""
        door, measures = state.matrix(self.door), self.parameters
        left_to_go = measures.opening - state.joint(self.door)
        yaw = np.arctan2(door[1, 0], door[0, 0]) + measures.hinge * left_to_go
        forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        contact = state.position(self.door)
        shut = contact - ((contact - door[:3, 3]) @ forward + DOOR) * forward
        yield from push_forward(state, self.door, pointing_down(yaw), contact - IN_FRONT * forward, shut)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, 0.10))

    def success(self, state: State) -> bool:
        return self.parameters.opening - state.joint(self.door) < SHUT
