"""Take the stick and drag the cube with it onto the square of a colour; squares of three other colours lie around."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.core.steps import Step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import COLOURS
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import grasp, lift, motion, pointing_down, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.stick import CUBE, THICKNESS, coloured_square, cube, leaning_stick, stick_pose

AWAY = 0.165
"""Distance of the squares from the cube [m]."""

OTHERS = (5, 6, 7)
"""Steps in the palette from the target square's colour to those of the others."""

RAISE = 0.18
BEHIND, GAP = (CUBE + THICKNESS) / 2, 0.035
"""Distance of the stick from the cube's centre when they touch, and what is added to it when it comes down [m]."""

BESIDE = 0.125
"""Distance along the stick from the hand to the cube's centre [m]."""

HIGH, LOW = 0.25, 0.046
"""Height of the hand over the table when it carries the stick and when it drags [m]."""

SLOPE = np.deg2rad(6)
"""How the stick falls from the hand to its free end while it drags [rad]."""

EASY = np.array([0.25, 0.0])
"""Where the hand reaches best, world frame [m]."""


class ReachAndDrag(Task[int]):
    """Parameters: where in the palette the target square's colour is."""

    name = "reach_and_drag_peract"
    variations = {index: index for index in range(len(COLOURS))}
    levels = {"train": (14, 18), "l2": (5, 7)}
    region = (0.20, 0.30, -0.10, 0.10)

    def __init__(self, variation: int) -> None:
        super().__init__(variation)
        self.colour, *self.others = (COLOURS[(variation + step) % len(COLOURS)] for step in (0, *OTHERS))

    def instructions(self) -> list[str]:
        return [
            f"use the stick to drag the cube onto the {self.colour} square",
            f"drag the cube to the {self.colour} square with the stick",
            f"pick up the stick and pull the cube with it onto the {self.colour} square",
            f"take the stick and sweep the cube to the {self.colour} square",
            f"with the stick, move the cube until it lies on the {self.colour} square",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"the cube belongs on the {self.colour} square, reach for the stick to get it there",
            f"without touching the cube by hand, bring it to the {self.colour} square",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.cube = cube(scene)
        self.stick = leaning_stick(scene)
        angles = rng.permutation(4) * np.pi / 2
        places = AWAY * np.column_stack([np.cos(angles), np.sin(angles)])
        self.target, self.goal = coloured_square(scene, self.colour, *places[0])
        others = [coloured_square(scene, *one) for one in zip(self.others, *places[1:].T, strict=True)]
        self.other, _ = others[0]

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._drag(state, self.target)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._drag(state, self.other)

    def success(self, state: State) -> bool:
        return state.detects(self.goal, self.cube)

    def _drag(self, state: State, square: Thing) -> Iterator[Motion]:
        """Lay the stick down behind the cube, across the way to the square, and sweep the cube there."""
        stick, centre, goal = self.stick, state.position(self.cube), state.position(square)
        raised_end = state.matrix(stick)[:3, 0]
        forward, side = _directions(centre, goal, raised_end)
        slope, yaw, across = np.arcsin(raised_end[2]), _yaw(raised_end), _yaw(side)
        turn = min((0, np.pi), key=lambda turn: max(_twist(yaw + turn), _twist(across + turn)))
        yield from grasp(state, stick, tip_at(state.position(stick), pointing_down(yaw + turn)))
        grip = np.linalg.inv(state.matrix(stick)) @ state.tip
        yield from lift(state, stick, RAISE)

        over, to = (Step("move", stick.name, place.name) for place in (self.cube, square))
        end = goal + BESIDE * side - BEHIND * forward
        start = end - (GAP + np.linalg.norm((goal - centre)[:2])) * forward
        yield motion(stick_pose(start + (0, 0, HIGH), across, slope) @ grip, False, over, centre, may_collide=False)
        yield motion(stick_pose(start + (0, 0, LOW), across, SLOPE) @ grip, False, over, centre)
        yield motion(stick_pose(end + (0, 0, LOW), across, SLOPE) @ grip, False, to, goal)


def _directions(start: np.ndarray, end: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Level unit vectors (3,) from start to end, and across to the side where the hand should be.

    It should not turn by half a circle from where it takes hold, in the direction `held` (3,) from the cube, and be
    easy to reach.
    """
    way = (end - start) * (1, 1, 0)
    forward = way / np.linalg.norm(way)
    left = np.array([-forward[1], forward[0], 0])
    return forward, min(left, -left, key=lambda side: np.linalg.norm((end + BESIDE * side)[:2] - EASY) - side @ held)


def _yaw(direction: np.ndarray) -> float:
    return float(np.arctan2(direction[1], direction[0]))


def _twist(yaw: float) -> float:
    """How far the hand is turned at a yaw [rad]."""
    return abs((yaw + np.pi) % (2 * np.pi) - np.pi)
