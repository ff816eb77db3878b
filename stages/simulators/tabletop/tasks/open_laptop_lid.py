"""Lift the lid of a closed laptop by the tab on its front edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.core.steps import Step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.furniture import pointing_down_along, sweep
from stages.simulators.tabletop.skills.hand import displaced, grasp, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.laptop import TAB_GRIP, Laptop, laptop

OPEN = np.deg2rad(60)
"""Angle from which the lid counts as open [rad]."""

LIFTED, STRIDE = np.deg2rad(72), np.deg2rad(18)
"""How far the lid is lifted, and the angle of one motion [rad]."""


class OpenLaptopLid(Task[Laptop]):
    """Parameters: the measures of the laptop."""

    name = "open_laptop_lid"
    variations: ClassVar[Mapping[int, Laptop]] = {0: Laptop()}
    levels = {"l3": (0,)}
    region = (0.14, 0.24, -0.10, 0.10)

    def instructions(self) -> list[str]:
        return [
            "open the laptop lid",
            "lift the lid of the laptop",
            "open the laptop",
            "take the laptop lid by its front edge and raise it",
            "the laptop is closed, open its lid",
        ]

    def novel_instructions(self) -> list[str]:
        return ["get the laptop ready for typing", "raise the laptop's screen off its keyboard"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.lid = laptop(scene, self.parameters, opening=0.0)

    def expert(self, state: State) -> Iterator[Motion]:
        """The fingers hold the tab from its two sides and let it turn between them; the hand points down throughout."""
        hold = state.position(self.lid, (-TAB_GRIP, 0, 0))
        yield from grasp(state, self.lid, tip_at(hold, pointing_down_along(state, self.lid)))
        yield from sweep(state, Step("pull", self.lid.name), self.lid, LIFTED, stride=STRIDE)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, 0.05))

    def success(self, state: State) -> bool:
        return state.joint_change(self.lid) > OPEN
