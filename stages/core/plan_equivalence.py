"""Whether two plans say the same: other names of a thing, and steps that another one implies, make no difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from stages.core.steps import Step

BEGINNINGS = frozenset({"grasp", "push", "slide"})
"""Actions that begin something new; the steps after one of them go on with it."""


def same_plan(plan: Sequence[Step], reference: Sequence[Step], names: Sequence[str], ordered: bool = True) -> bool:
    """Whether a plan is the same as a reference.

    Both are compared in their canonical form, without steps that others imply:

    - a lift of something that is then, while it is still held, moved or released at a target,
    - a move right before the release of the same thing at the same target.

    Noun phrases are compared by the thing that they name. A phrase names the thing whose name has all of the phrase's
    words, if that is one name only, or is the phrase. A phrase that names nothing is the same as itself alone. A handle
    is the thing that has it: acting on the one is acting on the other.

    Args:
        plan: steps.
        reference: steps that it is compared with.
        names: of the things in the scene; things that look the same may have one name.
        ordered: whether the order matters of the plan's blocks, each of which begins with a grasp, a push or a slide
            and reaches to the next of them.
    """
    first, second = (_canonical([_named(step, names) for step in steps]) for steps in (plan, reference))
    return first == second if ordered else _blocks(first) == _blocks(second)


def _named(step: Step, names: Sequence[str]) -> Step:
    """The step about the names of the things that its phrases name."""
    return replace(step, object=_name(step.object, names), target=_name(step.target, names))


def _name(phrase: str, names: Sequence[str]) -> str:
    """The name that a phrase stands for; the phrase itself if there is no such name, or not one only."""
    words = set(phrase.split())
    meant = {phrase} if not words or phrase in names else {name for name in names if words <= set(name.split())}
    name = meant.pop() if len(meant) == 1 else phrase
    owner = name.removesuffix(" handle")
    return owner if owner in names else name


def _canonical(steps: Sequence[Step]) -> list[Step]:
    """The steps that no other implies."""
    return [step for k, step in enumerate(steps) if not _implied(step, steps[k + 1 :])]


def _implied(step: Step, later: Sequence[Step]) -> bool:
    """Whether one of the later steps says what this one does."""
    if step.action == "move":
        return bool(later) and later[0] == replace(step, action="release")
    return step.action == "lift" and _brought(step.object, later)


def _brought(thing: str, steps: Sequence[Step]) -> bool:
    """Whether something that is held is brought to a target before the hand lets go of it."""
    for step in steps:
        if step.object == thing and step.action in ("move", "release"):
            return bool(step.target)
        if step.object != thing and step.action == "grasp":
            return False
    return False


def _blocks(steps: Sequence[Step]) -> Counter[tuple[Step, ...]]:
    """How often each block comes; steps before the first beginning are a block too."""
    starts = [k for k, step in enumerate(steps) if k == 0 or step.action in BEGINNINGS]
    return Counter(tuple(steps[start:end]) for start, end in pairwise([*starts, len(steps)]))
