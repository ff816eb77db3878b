"""Put two cups into the coloured cup, one after the other, so that the three are nested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import COLOURS, different_colours
from stages.simulators.tabletop.scene import Scene, Thing, scatter
from stages.simulators.tabletop.skills.hand import DOWN, grasp, lift, move, release, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.cups import CUP_HEIGHT, cup, rim_point

BOUNDARY = (-0.15, 0.15, -0.15, 0.15)
GAP = 0.21
"""Least distance between the cups [m]: room for the hand at a rim beside two nested cups."""

INSIDE = (0.03, 0.03, 0.10)
"""The detector on the axis of the cup that stays, below its rim [m]."""

LEFT = np.array([0.0, 1.0, 0.0])
"""The side of the rim that is grasped, world frame."""

DEPTH = 0.02
"""How far below the rim the tip takes hold [m]: the outer finger ends above the rim of the cup below."""

LIFT = 0.165
CLEAR = 0.03
"""Height of a carried cup's foot over the rim that it is let in at [m]."""

NESTED = 0.055
"""How far a cup's rim is above that of the cup in which it is let go [m]; from there it drops a little."""

RETREAT = 0.12


class StackCups(Task[str]):
    """Parameters: the colour of the cup that stays; the two others go into it."""

    name = "stack_cups"
    variations = dict(enumerate(COLOURS))
    levels = {"l4": (0, 3)}
    ordered = False
    region = (0.20, 0.26, -0.08, 0.08)

    def instructions(self) -> list[str]:
        return [
            f"stack the other cups in the {self.parameters} cup",
            f"put both other cups into the {self.parameters} cup",
            f"nest the two other cups inside the {self.parameters} cup",
            f"place the other two cups one after the other in the {self.parameters} cup",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"make one stack of all three cups with the {self.parameters} one at the bottom",
            f"collect every other cup in the {self.parameters} one",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        places = scatter(rng, [BOUNDARY], count=3, gap=GAP)
        colours = [self.parameters, *different_colours(rng, COLOURS, 2, avoid=[self.parameters])]
        self.base, *self.others = [cup(scene, colour, *place) for colour, place in zip(colours, places, strict=True)]
        self.inside = scene.box_detector(self.base, INSIDE, (0, 0, 0.08))

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._nest(state, self.base, self.others)

    def mistake(self, state: State) -> Iterator[Motion]:
        first, second = self.others
        yield from self._nest(state, first, [self.base, second])

    def success(self, state: State) -> bool:
        nested = all(state.detects(self.inside, thing) for thing in self.others)
        return nested and state.holds_nothing([self.base, *self.others])

    def _nest(self, state: State, base: Thing, others: Sequence[Thing]) -> Iterator[Motion]:
        """Put the others in, the leftmost first, and stay at the last."""
        below = base
        for thing in sorted(others, key=lambda thing: -state.position(thing)[1]):
            hold = state.position(thing) + rim_point(LEFT) - (0, 0, DEPTH)
            yield from grasp(state, thing, tip_at(hold, DOWN))
            yield from lift(state, thing, LIFT)
            rim = state.position(below) + (0, 0, CUP_HEIGHT / 2)
            over = rim + (0, 0, CUP_HEIGHT / 2 + CLEAR)
            yield from move(state, thing, base, over, keypoint=rim)
            place = rim + (0, 0, NESTED - CUP_HEIGHT / 2)
            yield from release(state, thing, base, place, keypoint=rim, retreat=RETREAT if below is base else 0)
            below = thing
