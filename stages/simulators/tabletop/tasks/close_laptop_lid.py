"""Fold the lid of an open laptop down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stages.core.steps import Step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.furniture import pointing_down_along, sweep, turned_about
from stages.simulators.tabletop.skills.hand import displaced, motion, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.laptop import WIDE_OPEN, Laptop, laptop

FOLDED = 1.79
"""Change of the lid's angle that counts as shut: 2.4 degrees are left [rad]."""

FROM_EDGE = 0.012
"""How far from the lid's edge it is pushed [m]."""

ABOVE = 0.006
"""Distance of the tip from the lid's outer face when it is shut: 3 mm less than the fingers need [m]."""

BEHIND, STRIDE = np.deg2rad(15), np.deg2rad(40)
"""Where the push begins, behind the lid, and the angle of one motion [rad]."""


class CloseLaptopLid(Task[Laptop]):
    """Parameters: the measures of the laptop."""

    name = "close_laptop_lid"
    variations: ClassVar[Mapping[int, Laptop]] = {0: Laptop()}
    levels = {"train": (0,)}
    region = (0.14, 0.24, -0.10, 0.10)

    def instructions(self) -> list[str]:
        return [
            "close the laptop lid",
            "fold the lid of the laptop down",
            "shut the laptop",
            "push the screen of the laptop down until it is shut",
            "the laptop is open, close its lid",
        ]

    def novel_instructions(self) -> list[str]:
        return ["the computer is no longer needed, close it", "bring the laptop's screen down onto its keyboard"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.lid = laptop(scene, self.parameters, opening=WIDE_OPEN)

    def expert(self, state: State) -> Iterator[Motion]:
        """The hand points down all the way: behind the upper edge first, on the front edge in the end."""
        step, lid = Step("push", self.lid.name), self.lid
        contact = state.position(lid, (FROM_EDGE, 0, self.parameters.lid / 2 + ABOVE))
        tip = tip_at(contact, pointing_down_along(state, lid))
        behind = turned_about(tip, *state.hinge(lid), BEHIND)[:3, 3]
        yield motion(tip_at(behind, tip[:3, :3]), False, step, state.position(lid), may_collide=False)
        yield from sweep(state, step, lid, -BEHIND - WIDE_OPEN, stride=STRIDE)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, 0.10))

    def success(self, state: State) -> bool:
        return state.joint_change(self.lid) > FOLDED
