"""Lift the coloured cup off the table, held by its rim; another cup stands beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import COLOURS, different_colours
from stages.simulators.tabletop.scene import Scene, Thing, scatter
from stages.simulators.tabletop.skills.hand import DOWN, grasp, lift, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.cups import cup, rim_point

BOUNDARY = (-0.13, 0.13, -0.13, 0.13)
GAP = 0.18
"""Least distance between the cups [m]: room for the outer finger on either side."""

DEPTH = 0.03
"""How far below the rim the tip takes hold [m]."""

RAISED = 0.029
"""Height of the foot above the table from which a cup counts as lifted [m]."""

LEFT = np.array([0.0, 1.0, 0.0])
"""The side of the rim that is grasped, world frame."""


class PickUpCup(Task[str]):
    """Parameters: the colour of the cup to lift."""

    name = "pick_up_cup"
    variations = dict(enumerate(COLOURS))
    levels = {"train": (8, 9, 11), "l2": (10, 12, 13)}
    region = (0.14, 0.26, -0.10, 0.10)

    def instructions(self) -> list[str]:
        return [
            f"pick up the {self.parameters} cup",
            f"lift the {self.parameters} cup off the table",
            f"take hold of the {self.parameters} cup by its rim and raise it",
            f"grab the {self.parameters} cup and hold it up",
            f"get the {self.parameters} cup into the air",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"raise the {self.parameters} cup from the table",
            f"the {self.parameters} cup should be up in your hand",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        places = scatter(rng, [BOUNDARY], count=2, gap=GAP)
        (other,) = different_colours(rng, COLOURS, 1, avoid=[self.parameters])
        self.target = cup(scene, self.parameters, *places[0])
        self.other = cup(scene, other, *places[1])

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._pick_up(state, self.target)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._pick_up(state, self.other)

    def success(self, state: State) -> bool:
        foot = state.matrix(self.target)[2, 3]
        return state.holds(self.target) and foot > TABLE_HEIGHT + RAISED

    def _pick_up(self, state: State, thing: Thing) -> Iterator[Motion]:
        hold = state.position(thing) + rim_point(LEFT) - (0, 0, DEPTH)
        yield from grasp(state, thing, tip_at(hold, DOWN))
        yield from lift(state, thing)
