"""Push the red block over the table onto one of four coloured squares, once or around a corner.

Block and squares are closer together than GemBench's, so that a whole push is near its square.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.core.steps import Step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import motion, pointing_down, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.sliding import SLIDER, SQUARE, sliding_block, square_to_slide_to

OPPOSITE = {"green": "pink", "pink": "green", "blue": "yellow", "yellow": "blue"}
PLACES = {"green": (0.0, 0.11), "blue": (0.13, 0.085), "pink": (0.0, -0.17), "yellow": (-0.15, -0.085)}
"""(x, y) of the squares as seen from the block, base frame [m]."""

FINGERS = 0.0105
"""Half the thickness of the fingers, which push side by side [m]."""

BEHIND = SLIDER / 2 + FINGERS + 0.01
"""Distance of the tip from the block's centre at which a push begins [m]."""

BACK = 0.05
"""How far the hand backs off before it goes around the block [m]."""

LEVEL = 0.03
"""A block no further from the middle of its square than this along an axis needs no push along it [m]."""


class SlideBlockToColorTargetPeract(Task[str]):
    """Parameters: the colour of the square."""

    name = "slide_block_to_color_target_peract"
    variations = dict(enumerate(PLACES))
    levels = {"train": (0, 1), "l2": (2, 3)}
    region = (0.10, 0.26, -0.12, 0.12)

    def instructions(self) -> list[str]:
        return [
            f"slide the block to the {self.parameters} square",
            f"push the red block onto the {self.parameters} square",
            f"move the block over the table until it lies on the {self.parameters} square",
            f"with closed fingers, push the block to the {self.parameters} target",
            f"shove the red block across to the {self.parameters} square",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"make the red block end up on the {self.parameters} area by pushing it",
            f"the {self.parameters} square is where the block has to slide",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.block = sliding_block(scene)
        self.squares = {colour: square_to_slide_to(scene, colour, *place) for colour, place in PLACES.items()}
        self.over = scene.box_detector(self.squares[self.parameters], (SQUARE, SQUARE, 0.10), (0, 0, 0.05))

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._slide(state, self.squares[self.parameters])

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._slide(state, self.squares[OPPOSITE[self.parameters]])

    def success(self, state: State) -> bool:
        return state.detects(self.over, self.block)

    def _slide(self, state: State, square: Thing) -> Iterator[Motion]:
        """Push along the base's X and then along its Y, as far as needed, always through the block's centre."""
        goal, pushed = state.position(square), None
        for axis in state.matrix(square)[:3, :2].T:
            block = state.position(self.block)
            way = axis @ (goal - block)
            if abs(way) < LEVEL:
                continue
            if pushed is not None:
                yield self._back_off(state, square, pushed)
            pushed = np.sign(way) * axis
            contact = block + (abs(way) - SLIDER / 2 - FINGERS) * pushed
            hand = pointing_down(np.arctan(pushed[1] / pushed[0]))
            yield self._push(state, tip_at(block - BEHIND * pushed, hand), square, may_collide=False)
            yield self._push(state, tip_at(contact, hand), square)

    def _back_off(self, state: State, square: Thing, pushed: np.ndarray) -> Motion:
        tip = state.tip
        tip[:3, 3] -= BACK * pushed
        return self._push(state, tip, square)

    def _push(self, state: State, tip: np.ndarray, square: Thing, may_collide: bool = True) -> Motion:
        step = Step("slide", self.block.name, square.name)
        return motion(tip, False, step, state.position(square), may_collide)
