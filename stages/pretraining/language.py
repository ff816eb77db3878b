"""Procedural language: instructions composed of random skills on random things, with their plans.

The plans speak the step language of `stages.steps`, so the base knows its grammar, how a plan is followed motion by
motion, and how to carry any noun phrase from an instruction into a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.planner.prompts import Memory
from stages.pretraining.words import ADJECTIVES, CONTAINERS, NOUNS, SIDES
from stages.steps import Step

MAX_SKILLS = 3
MOTIONS = {"grasp": 2, "lift": 1, "move": 1, "release": 2, "rotate": 1, "pull": 1, "push down": 2, "push forward": 2}
"""How many motions the steps of each action usually take."""

_PICK = (
    "pick up the {a}",
    "grasp the {a} and lift it",
    "take the {a} and raise it",
    "lift the {a} up",
    "get the {a} off the table",
)
_RAISE = (
    "lift the {a} up to the {b}",
    "raise the {a} until it reaches the {b}",
    "bring the {a} to the {b}",
    "carry the {a} to the {b}",
)
_PUT = (
    "put the {a} on the {b}",
    "place the {a} onto the {b}",
    "set the {a} down on the {b}",
    "move the {a} on top of the {b}",
)
_FILL = ("put the {a} into the {b}", "drop the {a} in the {b}", "place the {a} inside the {b}")
_PRESS = ("press the {a}", "push the {a} down", "press down on the {a}", "put pressure on the {a}")
_SHOVE = (
    "shove the {a} forward",
    "push the {a} away",
    "nudge the {a} to the front",
    "push the {a} shut",
    "close the {a}",
)
_PULL = ("pull the {a}", "drag the {a} out", "tug the {a} towards you", "pull on the {a}")
_OPEN = ("open the {a}", "pull the {a} open", "get the {a} to open")
_TURN = ("turn the {a}", "rotate the {a}", "twist the {a} round")
_JOIN = (", then ", " and then ", ", after that ", " and afterwards ", ", next ")


def compose(rng: np.random.Generator, phrases: Sequence[str], skills: int) -> tuple[str, list[str]]:
    """A random instruction on the given noun phrases, and the texts of its plan's steps."""
    clauses, plan = [], []
    for _ in range(skills):
        first, second = rng.choice(len(phrases), 2, replace=False)
        clause, steps = _skill(rng, phrases[first], phrases[second])
        clauses.append(clause)
        plan += map(str, steps)
    text = clauses[0]
    for clause in clauses[1:]:
        text += str(rng.choice(_JOIN)) + clause
    return text, plan


def random_phrases(rng: np.random.Generator, colours: Sequence[str], count: int) -> list[str]:
    """Different noun phrases for text alone: coloured things, qualified things, sides of containers."""
    phrases: dict[str, None] = {}
    while len(phrases) < count:
        noun = str(rng.choice(NOUNS))
        kind = rng.random()
        if kind < 0.6:
            phrases[f"{rng.choice(colours)} {noun}"] = None
        elif kind < 0.8:
            phrases[f"{rng.choice(ADJECTIVES)} {noun}"] = None
        else:
            phrases[f"{rng.choice(SIDES)} {rng.choice(CONTAINERS)}"] = None
    return list(phrases)


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


def _skill(rng: np.random.Generator, a: str, b: str) -> tuple[str, list[Step]]:
    kind = int(rng.integers(9))
    grasp, lift = Step("grasp", a), Step("lift", a)
    if kind == 0:
        return _say(rng, _PICK, a), [grasp, lift]
    if kind == 1:
        return _say(rng, _RAISE, a, b), [grasp, lift, Step("move", a, "to", b)]
    if kind in (2, 3):
        return _say(rng, _PUT, a, b), [grasp, lift, Step("move", a, "onto", b), Step("release", a, "onto", b)]
    if kind == 4:
        return _say(rng, _FILL, a, b), [grasp, lift, Step("move", a, "into", b), Step("release", a, "into", b)]
    if kind == 5:
        return _say(rng, _PRESS, a), [Step("push down", a)]
    if kind == 6:
        return _say(rng, _SHOVE, a), [Step("push forward", a)]
    if kind == 7:
        handle = f"{a} handle"
        return _say(rng, _OPEN, a), [Step("grasp", handle), Step("pull", handle)]
    if rng.random() < 0.5:
        return _say(rng, _TURN, a), [grasp, Step("rotate", a)]
    return _say(rng, _PULL, a), [grasp, Step("pull", a)]


def _say(rng: np.random.Generator, templates: Sequence[str], a: str, b: str = "") -> str:
    return str(rng.choice(templates)).format(a=a, b=b)
