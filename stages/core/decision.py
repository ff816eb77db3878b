"""What a policy answers to an observation; shared by policies, evaluation and serving."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


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
        problem: why the action holds the robot still: what was seen or predicted was not fit to act on; else "".
        seconds: wall-clock time of each part of the policy [s].
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
    problem: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
