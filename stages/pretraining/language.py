"""Procedural language: instructions composed of random skills, with their plans, and moments of following a plan.

The plans speak the step language of `stages.steps`, so the base knows its grammar, how a plan is followed motion by
motion, and how to carry any noun phrase from an instruction into a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.planner.prompts import Memory
from stages.pretraining.skills import SEEN, SPOKEN, Things
from stages.steps import Step

MAX_STEPS = 18
MOTIONS = {
    "grasp": 2,
    "lift": 1,
    "move": 1,
    "release": 2,
    "rotate": 1,
    "pull": 1,
    "push down": 2,
    "push forward": 2,
    "push": 2,
}
"""How many motions the steps of each action usually take."""

_JOIN = (", then ", " and then ", ", after that ", " and afterwards ", ", next ", "; ", " and ", ". then ")
_BEFORE = ("please ", "now ", "first ", "your task: ", "could you ", "i want you to ", "it is time to ")


def compose(
    rng: np.random.Generator, colours: Sequence[str], skills: int, seen: Sequence[str] | None = None
) -> tuple[str, list[str]]:
    """A random instruction of so many skills, and the texts of its plan's steps.

    Args:
        seen: noun phrases of a scene to speak of; None = any words.
    """
    things = Things(rng, colours, seen)
    while True:
        clauses, plan = [], []
        for _ in range(skills):
            skill = (SPOKEN if seen is None else SEEN)[rng.integers(len(SPOKEN if seen is None else SEEN))]
            clause, steps = skill(things)
            clauses.append(clause)
            plan += map(str, steps)
        if len(plan) <= MAX_STEPS:
            break
    text = clauses[0]
    for clause in clauses[1:]:
        text += str(rng.choice(_JOIN)) + clause
    return (str(rng.choice(_BEFORE)) if rng.random() < 0.1 else "") + text, plan


def random_memory(rng: np.random.Generator, plan: Sequence[Step]) -> tuple[Memory, bool, int]:
    """A random moment of following a plan: the memory, whether the gripper is open, and the step that comes now."""
    moments = [(index, motion) for index, step in enumerate(plan) for motion in range(MOTIONS[step.action])]
    now = int(rng.integers(len(moments)))
    if now == 0:
        return Memory(), True, 0
    index, motion = moments[now - 1]
    return Memory(index, motion + 1), _opened(plan, index, motion), moments[now][0]


def _opened(plan: Sequence[Step], index: int, motion: int) -> bool:
    """Whether the gripper is open after a motion of a step."""
    action = plan[index].action
    if action == "grasp":
        return motion == 0
    return action == "release"
