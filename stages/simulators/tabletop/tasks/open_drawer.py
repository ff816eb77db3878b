"""Pull one of the drawers of a cabinet open by its handle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.drawers import pull_open
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.cabinet import LEVELS, Cabinet, cabinet

OPEN = 0.15
"""How far a drawer must have come out [m]."""


class OpenDrawer(Task[str]):
    """Parameters: which drawer."""

    name = "open_drawer"
    variations = dict(enumerate(LEVELS))
    levels = {"train": (0, 2), "l3": (1,)}
    region = (0.30, 0.37, -0.12, 0.12)
    yaw_range = (-np.pi / 8, np.pi / 8)
    measures: ClassVar[Cabinet] = Cabinet()

    def instructions(self) -> list[str]:
        return [
            f"open the {self.parameters} drawer",
            f"pull the {self.parameters} drawer open",
            f"slide the {self.parameters} drawer out of the cabinet",
            f"take the {self.parameters} handle and pull the drawer out",
            f"draw out the {self.parameters} drawer",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"get the {self.parameters} drawer of the cabinet open",
            f"the {self.parameters} drawer is shut, pull it out",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.drawers = cabinet(scene, self.measures)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from pull_open(state, self.drawers[self.parameters])

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from pull_open(state, next(self.drawers[level] for level in self.drawers if level != self.parameters))

    def success(self, state: State) -> bool:
        return state.joint(self.drawers[self.parameters].body) > OPEN
