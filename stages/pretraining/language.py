"""Procedural language: instructions composed of random skills, with their plans.

The plans speak the step language of `stages.core.steps`, so the base knows its grammar, and how to carry any noun
phrase from an instruction into a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.pretraining.skills import SEEN, SPOKEN, Things

MAX_STEPS = 20

_JOIN = (", then ", " and then ", ", after that ", " and afterwards ", ", next ", "; ", " and ", ". then ")
_BEFORE = (
    "please ", "now ", "first ", "your task: ", "could you ", "i want you to ", "it is time to ", "hello, ", "robot: ",
    "next ", "here is what to do: ", "would you be so kind: ", "all i ask is this: ", "go on: ", "ok, ",
)  # fmt: skip
_AFTER = (", please", " now", " for me", ", thank you", ", will you", " when you can", ". nothing more", ", carefully")
_FRAMED = 0.2
"""How often an instruction has such a beginning, and such an end."""


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
    return _framed(rng, text), plan


def _framed(rng: np.random.Generator, text: str) -> str:
    """With a few words before or after that change nothing."""
    before, after = (str(rng.choice(words)) if rng.random() < _FRAMED else "" for words in (_BEFORE, _AFTER))
    return before + text + after
