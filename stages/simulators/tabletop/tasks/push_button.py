"""Push the button on the coloured base down."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import BUTTON_COLOURS
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.hand import displaced, push_down
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.buttons import button, pressed


class PushButton(Task[str]):
    """Parameters: the colour of the base."""

    name = "push_button"
    variations = dict(enumerate(BUTTON_COLOURS))
    levels = {"train": (0, 3, 4), "l2": (13, 15, 17)}
    region = (-0.05, 0.35, -0.25, 0.25)

    def instructions(self) -> list[str]:
        return [
            f"push the {self.parameters} button",
            f"press down the {self.parameters} button",
            f"put pressure on the button with the {self.parameters} base",
            f"go to the {self.parameters} button and push it down",
            f"the {self.parameters} button has to be pressed",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"give the {self.parameters} button a firm press",
            f"hit the button on the {self.parameters} base",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.button = button(scene, self.parameters)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from push_down(state, self.button)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0.09, 0))

    def success(self, state: State) -> bool:
        return pressed(state, self.button)
