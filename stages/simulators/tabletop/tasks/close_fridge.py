"""Push the upper door of a fridge shut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.furniture import FORWARD, push_forward
from stages.simulators.tabletop.skills.hand import displaced
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.fridge import DOOR, Fridge, fridge

SHUT = np.deg2rad(10)
"""Angle below which a door counts as shut [rad]."""

IN_FRONT = 0.10
"""Distance from the door at which the push begins [m]."""

FINGERS = 0.01
"""How far the fingers reach beyond the tip [m]."""

TILT = np.deg2rad(25)
"""How far the hand points below the horizontal: there the arm reaches more [rad]."""

OVER_THE_TOP = 0.14
"""How much higher a push misses the door [m]."""


class CloseFridge(Task[Fridge]):
    """Parameters: the measures of the fridge."""

    name = "close_fridge"
    variations: ClassVar[Mapping[int, Fridge]] = {0: Fridge()}
    levels = {"train": (0,)}
    region = (0.28, 0.38, -0.10, 0.10)
    yaw_range = (-np.pi / 4, np.pi / 4)

    def instructions(self) -> list[str]:
        return [
            "close the fridge",
            "shut the door of the fridge",
            "push the upper fridge door until it is shut",
            "the fridge is open, close its upper door",
            "swing the fridge door shut",
        ]

    def novel_instructions(self) -> list[str]:
        return ["the cold is getting out of the fridge, do something about it", "make sure the fridge is closed"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.fridge = fridge(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        """Straight into the fridge, from in front of the door to where its outer face is when shut."""
        cabinet, door = state.matrix(self.fridge.cabinet), self.fridge.upper.body
        forward, contact = cabinet[:3, 0], state.position(door)
        depth = (contact - cabinet[:3, 3]) @ forward
        hand = cabinet[:3, :3] @ axis_rotation(1, TILT) @ FORWARD
        start, end = contact - IN_FRONT * forward, contact - (depth + DOOR + FINGERS) * forward
        yield from push_forward(state, door, hand, start, end)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, OVER_THE_TOP))

    def success(self, state: State) -> bool:
        return state.joint(self.fridge.upper.body) < SHUT
