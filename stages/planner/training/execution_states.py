"""Moments of following a plan that nobody has carried out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.core.steps import parse_step
from stages.planner.prompts import Memory

MOTIONS = {
    "grasp": 2,
    "lift": 1,
    "move": 1,
    "release": 2,
    "rotate": 1,
    "pull": 1,
    "push": 2,
    "slide": 2,
}
"""How many motions the steps of each action usually take."""


def random_execution_state(rng: np.random.Generator, plan: Sequence[str]) -> tuple[Memory, bool, int]:
    """A random moment of following a plan: the memory, whether the gripper is open, and the step that comes now."""
    actions = [parse_step(step).action for step in plan]
    moments = [(index, motion) for index, action in enumerate(actions) for motion in range(MOTIONS[action])]
    now = int(rng.integers(len(moments)))
    if now == 0:
        return Memory(), True, 0
    index, motion = moments[now - 1]
    return Memory(index, motion + 1), _opened(actions[index], motion), moments[now][0]


def _opened(action: str, motion: int) -> bool:
    """Whether the gripper is open after a motion of a step."""
    return motion == 0 if action == "grasp" else action == "release"
