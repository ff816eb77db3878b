"""Push a drawer that stands open shut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.drawers import push_shut
from stages.simulators.tabletop.skills.hand import displaced
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.cabinet import LEVELS, cabinet

AJAR = 0.10
"""How far the drawer stands open at first [m]."""

SHUT = 0.04
"""How far a drawer that counts as shut may stand open [m]."""


class CloseDrawer(Task[str]):
    """Parameters: which drawer."""

    name = "close_drawer"
    variations = dict(enumerate(LEVELS))
    levels = {"l3": (0,)}
    region = (0.31, 0.37, -0.12, 0.12)
    yaw_range = (-np.pi / 8, np.pi / 8)

    def instructions(self) -> list[str]:
        return [
            f"close the {self.parameters} drawer",
            f"push the {self.parameters} drawer shut",
            f"slide the {self.parameters} drawer back into the cabinet",
            f"shut the {self.parameters} drawer of the cabinet",
            f"the {self.parameters} drawer is open, push it in",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"the {self.parameters} drawer should not stand open any longer",
            f"press against the {self.parameters} drawer until it is back in its place",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.drawer = cabinet(scene, ajar={self.parameters: AJAR})[self.parameters]

    def expert(self, state: State) -> Iterator[Motion]:
        yield from push_shut(state, self.drawer)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0, 0.08))

    def success(self, state: State) -> bool:
        return state.joint(self.drawer.body) < SHUT
