"""Pull the upper door of a fridge open by its handle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.furniture import FORWARD, swing
from stages.simulators.tabletop.skills.hand import grasp, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.fridge import Fridge, FridgeDoor, fridge

OPEN = np.deg2rad(70)
"""Angle beyond which a door counts as open [rad]."""

SWING, STRIDE = np.deg2rad(76), np.deg2rad(19)
"""How far the door is pulled round, and how far by one motion [rad]."""

TURN = 0.1
"""Share of the door's turn that the hand follows; the round handle turns in the fingers for the rest."""

TILT = np.deg2rad(45)
"""How far the hand points below the horizontal [rad]."""

AHEAD, ASIDE = np.deg2rad(33), np.deg2rad(17)
"""The hand grasps turned ahead of the door by the first angle, unless the fridge stands turned by more than the second:
either way the arm keeps to one side of its upright plane, where it would have to change its posture [rad]."""


class OpenFridge(Task[Fridge]):
    """Parameters: the measures of the fridge."""

    name = "open_fridge"
    variations: ClassVar[Mapping[int, Fridge]] = {0: Fridge(opening=0.0)}
    levels = {"l3": (0,)}
    region = (0.32, 0.42, -0.08, 0.10)
    yaw_range = (-np.pi / 4, np.pi / 4)

    def instructions(self) -> list[str]:
        return [
            "open the upper fridge door",
            "pull the upper door of the fridge open",
            "take the upper handle of the fridge and swing the door open",
            "the fridge is shut, open its upper door",
            "open the fridge at the top",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            "something from the upper part of the fridge is needed, get it open",
            "the upper part of the fridge should stand open",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.fridge = fridge(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._open(state, self.fridge.upper)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._open(state, self.fridge.lower)

    def _open(self, state: State, door: FridgeDoor) -> Iterator[Motion]:
        rotation, handle, hinge = state.matrix(self.fridge.cabinet)[:3, :3], door.handle, self.parameters.hinge
        aside = hinge * np.arctan2(rotation[1, 0], rotation[0, 0]) > ASIDE
        turned = axis_rotation(2, 0.0 if aside else -hinge * AHEAD)
        hand = rotation @ turned @ axis_rotation(1, TILT) @ FORWARD
        yield from grasp(state, handle, tip_at(state.position(handle), hand))
        yield from swing(state, Step("pull", handle.name), handle, door.body, SWING, stride=STRIDE, turn=TURN)

    def success(self, state: State) -> bool:
        return state.joint(self.fridge.upper.body) > OPEN
