"""Grasps that came to nothing, or got hold of another thing: the plan is taken up again where the grasp was begun.

Fingers that are shut hold nothing. A thing that is seen elsewhere than at the hand which should carry it was not held.
A place where the hand closed on nothing twice, or on another thing, is left out when the planner points again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.steps import parse_step
from stages.planner.hand import UNSEEN, Hand
from stages.planner.pointing.reading import Pointing
from stages.planner.prompts import Memory

HOLDING = frozenset({"lift", "move", "rotate", "pull"})
"""Actions that go on with something in the hand."""

EMPTY = 0.02
"""Opening of fingers that hold nothing: the thinnest thing of training demonstrations, a cup's rim, leaves 0.045."""

CARRYING = frozenset({"lift", "move"})
"""Actions after which the thing is where the hand is."""

SURE, APART = 0.5, 0.1
"""A thing did not come along if it is seen, with this calibrated confidence, farther than this from the tip [m]; in
training demonstrations what is carried is at most 0.043 away."""

SAME_PLACE = 0.03
"""Two attempts this near to each other are at the same place [m]."""


@dataclass(frozen=True)
class Attempt:
    """A step as it was begun.

    Attributes:
        memory: what had been executed before.
        hand: the gripper before.
        keypoint: (3,) where it was to happen [m].
    """

    memory: Memory
    hand: Hand
    keypoint: np.ndarray


class Recovery:
    """Notes how the steps of an episode were begun, and notices grasps that came to nothing.

    Args:
        most: how many of these are done again.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._begun: dict[int, Attempt] = {}
        self._missed: dict[int, list[np.ndarray]] = {}

    def forget(self) -> None:
        """The lines are those of another plan from now on."""
        self._begun, self._missed = {}, {}

    def note(self, line: int, attempt: Attempt) -> None:
        """A line of the plan is begun."""
        self._begun[line] = attempt

    def empty_handed(self, plan: Sequence[str], memory: Memory, closed: bool, opening: float) -> int | None:
        """The line of the grasp that the hand should hold something of and, its fingers shut, does not.

        Args:
            plan: its lines.
            memory: what was executed last.
            closed: whether the gripper was told to close.
            opening: of the gripper now.
        """
        if not (closed and opening < EMPTY and 0 <= memory.step_index < len(plan)):
            return None
        last = parse_step(plan[memory.step_index])
        return self.grasp_of(plan, memory.step_index) if last.action in HOLDING | {"grasp"} else None

    def left_behind(
        self, plan: Sequence[str], memory: Memory, things: Mapping[str, Pointing], tip: np.ndarray
    ) -> int | None:
        """The line of the grasp of a thing that is seen elsewhere although it was carried: another was grasped.

        Args:
            plan: its lines.
            memory: what was executed last.
            things: where the plan's things are seen.
            tip: (3,) of the gripper, world frame [m].
        """
        if not 0 <= memory.step_index < len(plan):
            return None
        last = parse_step(plan[memory.step_index])
        seen = things.get(last.object)
        if last.action not in CARRYING or seen is None or seen.confidence < SURE:
            return None
        return self.grasp_of(plan, memory.step_index) if np.linalg.norm(seen.point - tip) > APART else None

    def begin_again(self, line: int, elsewhere: bool) -> Attempt:
        """Go back to the beginning of a line; `elsewhere`: what was there is known to be another thing."""
        self._left -= 1
        skipped = Attempt(Memory(line - 1, 1) if line else Memory(), UNSEEN, np.full(3, np.nan))
        attempt = self._begun.get(line, skipped)
        self._missed.setdefault(line, []).extend([attempt.keypoint] * (2 if elsewhere else 1))
        return attempt

    def grasp_of(self, plan: Sequence[str], line: int) -> int | None:
        """The line that grasps the thing of a line, if another beginning is left."""
        if not 0 <= line < len(plan):
            return None
        grasp = f"grasp the {parse_step(plan[line]).object}"
        lines = [earlier for earlier in range(line + 1) if plan[earlier] == grasp]
        return lines[-1] if lines and self._left else None

    def excluded(self, memory: Memory) -> list[np.ndarray]:
        """Places (3,) [m] where the step that comes now cannot be, as it came to nothing there twice."""
        missed = [place for line in (memory.step_index, memory.step_index + 1) for place in self._missed.get(line, [])]
        return [one for k, one in enumerate(missed) if any(_near(one, other) for other in missed[:k])]


def _near(first: np.ndarray, second: np.ndarray) -> bool:
    return float(np.linalg.norm(first - second)) < SAME_PLACE
