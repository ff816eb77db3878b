"""Turn a lamp on by the button that stands beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.skills.hand import displaced, push_down
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.buttons import pressed
from stages.simulators.tabletop.things.lamp import lamp_with_button


class LampOn(Task[None]):
    """No parameters. The bulb is white while the button is down."""

    name = "lamp_on"
    variations = {0: None}
    levels = {"l2": (0,)}
    region = (0.08, 0.26, -0.15, 0.15)

    def instructions(self) -> list[str]:
        return [
            "turn on the lamp",
            "press the button to switch the lamp on",
            "push the lamp button down so that the lamp lights up",
            "switch on the light with the green button",
        ]

    def novel_instructions(self) -> list[str]:
        return ["make the lamp shine", "it is too dark here, use the button beside the lamp"]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.button = lamp_with_button(scene)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from push_down(state, self.button)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from displaced(self.expert(state), (0, 0.05, 0))

    def success(self, state: State) -> bool:
        return pressed(state, self.button)
