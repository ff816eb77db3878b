"""Pull an open door shut by its lever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.doors import grasp_lever, swing_door
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.door import Door, door

OPEN, SHUT = np.deg2rad(30), np.deg2rad(5)
"""Angle at which the door stands at first, and below which it counts as shut [rad]."""

APPROACH = 0.20
"""Distance from which the hand comes [m]: in front of the frame, whose opening the lever stands in."""

HEADING = np.deg2rad(12)
"""Turn of the hand from square to the door [rad]: it stays clear of the frame."""

LATCHING = np.deg2rad(1.5)
"""Beyond shut, so that the bolt snaps in [rad]."""

FURTHER = np.deg2rad(12)
"""Angle by which the door is pushed the wrong way, nearly as far as it goes [rad]."""


class CloseDoor(Task[Door]):
    """Parameters: the measures of the door."""

    name = "close_door"
    variations: ClassVar[Mapping[int, Door]] = {0: replace(Door(), opening=OPEN)}
    levels = {"l3": (0,)}
    region = (0.22, 0.32, -0.10, 0.10)
    yaw_range = (-np.pi / 4, np.pi / 4)

    def instructions(self) -> list[str]:
        return [
            "close the door",
            "pull the door shut by its handle",
            "take the door handle and pull the door closed",
            "shut the door in its frame",
            "the door stands open, pull it shut",
        ]

    def novel_instructions(self) -> list[str]:
        return ["there is a draught, see to it that the door is closed", "draw the door back into its frame"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.door = door(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from grasp_lever(state, self.door, HEADING, APPROACH)
        yield from swing_door(state, self.door, "pull", -state.joint(self.door.leaf) - LATCHING)

    def mistake(self, state: State) -> Iterator[Motion]:
        """Pushed instead of pulled."""
        yield from grasp_lever(state, self.door, HEADING, APPROACH)
        yield from swing_door(state, self.door, "push", FURTHER)

    def success(self, state: State) -> bool:
        return state.joint(self.door.leaf) < SHUT
