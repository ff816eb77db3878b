"""What a planner confuses with what: steps of plans, steps of moments, and things pointed at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

import numpy as np

from stages.artifacts.answers import Answers
from stages.core.steps import parse_step
from stages.rollouts.failures import KEYPOINT_TOLERANCE, NOTHING, landing

Mistakes = Callable[[Answers], Iterator[tuple[str, str]]]
"""What was asked and what came, for every mistake of a kind in one episode."""


@dataclass(frozen=True)
class Confusion:
    """One kind of mistake.

    Attributes:
        asked: the right step or thing.
        said: what came instead, or `NOTHING`.
        times: how often.
        example: an instruction with which it happened.
    """

    asked: str
    said: str
    times: int
    example: str


def confusions(answers: Iterable[Answers]) -> dict[str, list[Confusion]]:
    """Mistakes in plans, in steps, and in the keypoints of right steps, the most frequent first."""
    answers = list(answers)
    kinds = {"plans": _plan_mistakes, "steps": _step_mistakes, "keypoints": _keypoint_mistakes}
    return {kind: _counted(answers, mistakes) for kind, mistakes in kinds.items()}


def _counted(answers: list[Answers], mistakes: Mistakes) -> list[Confusion]:
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for one in answers:
        for pair in mistakes(one):
            counts[pair] += 1
            examples.setdefault(pair, one.instruction)
    return [Confusion(*pair, times, examples[pair]) for pair, times in counts.most_common()]


def _plan_mistakes(answers: Answers) -> Iterator[tuple[str, str]]:
    if not answers.plan:
        yield "any plan", NOTHING
        return
    aligned = SequenceMatcher(None, answers.true_plan, answers.plan, autojunk=False)
    for tag, first, last, begin, end in aligned.get_opcodes():
        if tag != "equal":
            yield from zip_longest(answers.true_plan[first:last], answers.plan[begin:end], fillvalue=NOTHING)


def _step_mistakes(answers: Answers) -> Iterator[tuple[str, str]]:
    for right, truth, said in zip(answers.steps_right, answers.true_steps, answers.steps, strict=True):
        if not right:
            yield truth, said if said != truth else f"{said}, at another line"


def _keypoint_mistakes(answers: Answers) -> Iterator[tuple[str, str]]:
    wrong = answers.steps_right & (answers.keypoint_errors > KEYPOINT_TOLERANCE)
    for k in np.flatnonzero(wrong):
        asked = parse_step(answers.true_steps[k]).focus
        found = landing(answers.keypoints[k], answers.names, answers.positions[k])
        yield asked, f"{found}, at another place" if found == asked else found
