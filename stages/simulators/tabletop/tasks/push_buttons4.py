"""Push two to four of four buttons, one after the other in the order given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import BUTTON_COLOURS, different_colours
from stages.simulators.tabletop.scene import Scene, scatter
from stages.simulators.tabletop.skills.hand import push_down
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.buttons import button, pressed
from stages.simulators.tabletop.words import listed

BOUNDARY = (-0.17, 0.17, -0.17, 0.17)
GAP = 0.15
"""Least distance between two buttons [m]: their square bases do not overlap at any yaw."""

BUTTONS = 4


class PushButtons4(Task[tuple[str, ...]]):
    """Parameters: the colours of the buttons in the order to push them."""

    name = "push_buttons4"
    variations = {
        1: ("navy", "teal"),
        2: ("green", "yellow", "rose"),
        3: ("maroon", "blue", "orange", "magenta"),
    }
    levels = {"l4": (1, 2, 3)}
    region = (0.16, 0.22, -0.08, 0.08)

    def instructions(self) -> list[str]:
        buttons = [f"the {colour} button" for colour in self.parameters]
        first, *rest = buttons
        return [
            f"push {listed(buttons, 'then')}",
            f"press {first}, then press {listed(rest, 'then')}",
            f"push {listed(buttons)} in this order",
            f"start with {first}, go on with {listed(rest, 'then')} and push each of them down",
        ]

    def novel_instructions(self) -> list[str]:
        buttons = [f"the {colour} button" for colour in self.parameters]
        return [
            f"in this order, press down {listed(buttons, 'and finally')}",
            f"one after the other, {listed(buttons)} have to be pushed",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        extra = different_colours(rng, BUTTON_COLOURS, BUTTONS - len(self.parameters), avoid=self.parameters)
        places = scatter(rng, [BOUNDARY], count=BUTTONS, gap=GAP)
        caps = [button(scene, *thing) for thing in zip([*self.parameters, *extra], *places.T, strict=True)]
        self.waiting = caps[: len(self.parameters)]

    def expert(self, state: State) -> Iterator[Motion]:
        for cap in list(self.waiting):
            yield from push_down(state, cap)

    def mistake(self, state: State) -> Iterator[Motion]:
        for cap in self.waiting[::-1]:
            yield from push_down(state, cap)

    def success(self, state: State) -> bool:
        if self.waiting and pressed(state, self.waiting[0]):
            self.waiting = self.waiting[1:]
        return not self.waiting
