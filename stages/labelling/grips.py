"""When the hand takes something and lets go of it: an episode divided at the gripper's changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EMPTY = 0.02
"""A gripper closed further than this holds nothing; 1 is wide open."""

FAR = 0.15
"""A gripper that closes while the hand comes this far is not put around anything [m]."""

APPROACH = 2
"""Motions with which a hand comes to what it grasps; those before them are still from the thing before."""


@dataclass(frozen=True)
class Grip:
    """The motions about one closing of the gripper.

    Attributes:
        start: first motion.
        closed: observation after which the gripper is closed; `start` where it is so from the beginning, or never.
        opened: observation at which it is open again; None where it stays as it is to the end.
        end: after the last motion, with those that lead away.
    """

    start: int
    closed: int
    opened: int | None
    end: int


def grips_of(is_open: Sequence[bool]) -> list[Grip]:
    """The grips of an episode with K motions, from the gripper's state at its K + 1 observations."""
    count, grips, start = len(is_open) - 1, [], 0
    while start < count:
        closed = _first(is_open, start, False)
        if closed is None and grips:
            return [*grips[:-1], Grip(grips[-1].start, grips[-1].closed, grips[-1].opened, count)]
        opened = None if closed is None else _first(is_open, closed, True)
        end = count
        if opened is not None and (again := _first(is_open, opened, False)) is not None:
            end = opened + max(0, again - opened - APPROACH)
        grips.append(Grip(start, start if closed is None else closed, opened, end))
        start = end
    return grips


def _first(is_open: Sequence[bool], start: int, state: bool) -> int | None:
    """The first observation from `start` on with the gripper in a state."""
    return next((k for k in range(start, len(is_open)) if is_open[k] == state), None)


def is_graded(openings: Sequence[float]) -> bool:
    """Whether openings are measured, and not only said to be open or closed."""
    return any(EMPTY < opening < 1 - EMPTY for opening in openings)
