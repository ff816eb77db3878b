"""Pick the coloured block out of three and carry it to the red ball in the air; other shapes are tasks of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import COLOURS, different_colours
from stages.simulators.tabletop.scene import Scene, Thing, scatter
from stages.simulators.tabletop.skills.hand import grasp, lift, move, pointing_down, square_yaw, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.blocks import BALL_HEIGHT, block, goal_ball

BOUNDARY = (-0.15, 0.15, -0.15, 0.15)
CONE_TOP, CONE_DEPTH, CONE_RADIUS = 0.248, 0.055, 0.039
"""The goal detector inside the ball: apex height above the table, depth and largest radius [m]."""


class PickAndLift(Task[str]):
    """Parameters: the colour of the block to pick."""

    name = "pick_and_lift"
    variations = dict(enumerate(COLOURS))
    levels = {"train": (0, 2, 7), "l2": (14, 16, 18)}
    noun: ClassVar[str] = "block"

    def instructions(self) -> list[str]:
        return [
            f"pick up the {self.parameters} {self.noun} and bring it to the red ball",
            f"grasp the {self.parameters} {self.noun} and lift it up to the red ball",
            f"take the {self.parameters} {self.noun} off the table until it touches the red ball",
            f"raise the {self.parameters} {self.noun} to where the red ball hangs",
            f"lift the {self.parameters} {self.noun} up to the red target in the air",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"fetch the {self.parameters} {self.noun} and hold it against the red ball",
            f"hoist the {self.parameters} {self.noun} to the height of the red ball",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        places = scatter(rng, [BOUNDARY], count=4)
        others = different_colours(rng, COLOURS, 2, avoid=[self.parameters])
        self.ball = goal_ball(scene, *places[3, :2])
        self.goal = scene.convex_detector(self.ball, downward_cone())
        self.target = self.shape(scene, self.parameters, *places[0])
        self.others = [self.shape(scene, colour, *place) for colour, place in zip(others, places[1:3], strict=True)]

    def shape(self, scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
        """One of the things to choose from, named "<colour> <noun>"."""
        return block(scene, colour, x, y, yaw)

    def hand_yaw(self, state: State, thing: Thing) -> float:
        """Turn of the hand about the vertical that fits the thing [rad]; at 0 the fingers lie along world Y."""
        return square_yaw(state, thing)

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._bring(state, self.target)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._bring(state, self.others[0])

    def success(self, state: State) -> bool:
        return state.holds(self.target) and state.detects(self.goal, self.target)

    def _bring(self, state: State, thing: Thing) -> Iterator[Motion]:
        tip = tip_at(state.position(thing), pointing_down(self.hand_yaw(state, thing)))
        yield from grasp(state, thing, tip)
        yield from lift(state, thing)
        centre = state.position(self.ball)
        yield from move(state, thing, self.ball, centre, keypoint=centre)


def downward_cone() -> np.ndarray:
    """Vertices (V, 3) of the cone of 90 degrees, cut off at its largest radius, around the ball's centre [m]."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = CONE_RADIUS * np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    apex = np.array([0, 0, CONE_TOP - BALL_HEIGHT])
    return np.concatenate([[apex], circle + apex - (0, 0, CONE_RADIUS), circle + apex - (0, 0, CONE_DEPTH)])
