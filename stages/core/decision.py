"""What a policy answers to an observation, and what can be given in place of its answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Given:
    """What stands in for answers of a policy's own at one observation; None = its own.

    Attributes:
        plan: lines of the step language.
        names: of what is in view, one entry a thing, to plan from.
        step_index: line of that plan that comes now; only together with `plan`.
        motion_index: place of the motion within that step, from 0; only together with `step_index`.
        keypoint: (3,) where the step happens, world frame [m].
        next_keypoint: (3,) where the plan goes next, as of `lookahead.next_focus`; None beside a keypoint = not known.
        action: (9,) as of `Decision`.
    """

    plan: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    step_index: int | None = None
    motion_index: int | None = None
    keypoint: np.ndarray | None = None
    next_keypoint: np.ndarray | None = None
    action: np.ndarray | None = None


NOTHING_GIVEN = Given()
"""Every answer is the policy's own."""


@dataclass(frozen=True)
class Decision:
    """One decision of a policy.

    Attributes:
        action: (9,) float64 tip pose (position [m], quaternion xyzw), gripper open, ignore collision; world frame.
        plan: texts of the step language.
        step: the line of the plan that the action executes.
        step_index: its place in the plan, from 0.
        motion_index: place of the motion within the step, from 0.
        keypoint: (3,) where the step happens [m].
        objects: the task's things by noun phrase, (3,) each [m].
        confidence: in [0, 1].
        finished: the plan is done and nothing is left to do; the action holds the robot still.
        looked_again: the decision was in doubt; the action holds the robot still, for another look.
        replanned: the plan is a new one, made because the decision was in doubt.
        recovered: what came to nothing and is begun again; the action opens the hand where it is; else "".
        problem: why the action holds the robot still: what was seen or predicted was not fit to act on; else "".
        seconds: wall-clock time of each part of the policy that had something to do [s].
    """

    action: np.ndarray
    plan: list[str]
    step: str
    step_index: int
    motion_index: int
    keypoint: np.ndarray
    objects: dict[str, np.ndarray]
    confidence: float
    finished: bool
    looked_again: bool = False
    replanned: bool = False
    recovered: str = ""
    problem: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
