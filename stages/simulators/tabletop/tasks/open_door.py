"""Turn the lever of a latched door and push the door open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.doors import grasp_lever, swing_door, turn_lever
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.door import Door, door

TURN = np.deg2rad(34)
"""How far the lever is turned [rad]; the bolt is drawn in at 25 degrees."""

PUSH = np.deg2rad(32)
"""Angle by which the door is pushed [rad]."""

PUSHES = 4
"""In how many goes a latched door is pushed: so far at once that the hand does not slip off the lever."""


class OpenDoor(Task[Door]):
    """Parameters: the measures of the door."""

    name = "open_door"
    variations: ClassVar[Mapping[int, Door]] = {0: Door()}
    levels = {"train": (0,)}
    region = (0.26, 0.36, -0.10, 0.10)
    yaw_range = (-np.pi / 4, np.pi / 4)
    wide_open: ClassVar[float] = np.deg2rad(25)
    """Angle from shut beyond which the door counts as open [rad]."""

    def instructions(self) -> list[str]:
        return [
            "open the door",
            "turn the handle and push the door open",
            "press the door handle down and open the door",
            "push the door open by its handle",
            "unlatch the door and swing it open",
        ]

    def novel_instructions(self) -> list[str]:
        return ["the door is shut, make a way through it", "work the lever so that the doorway gets free"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.door = door(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from grasp_lever(state, self.door)
        yield from turn_lever(state, self.door, TURN)
        yield from swing_door(state, self.door, "push", PUSH)

    def mistake(self, state: State) -> Iterator[Motion]:
        """The lever is not turned; each push goes on from where the hand was stopped."""
        yield from grasp_lever(state, self.door)
        for _ in range(PUSHES):
            yield from swing_door(state, self.door, "push", PUSH / PUSHES)

    def success(self, state: State) -> bool:
        return state.joint(self.door.leaf) > self.wide_open
