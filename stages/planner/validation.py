"""What the planner says of held-out keyframes, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.errors import UserError
from stages.planner.data import Keyframe
from stages.planner.planner import Planner
from stages.progress import Progress


@dataclass(frozen=True)
class HeldOut:
    """Predictions on N held-out keyframes, the true plan and memory given.

    Attributes:
        keyframes: what was asked.
        step_index: (N,) predicted steps.
        keypoints: (N, 3) predicted keypoints, world frame [m].
        confidence: (N,).
        plans: the planned steps by episode, each planned once from the episode's first keyframe.
    """

    keyframes: Sequence[Keyframe]
    step_index: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    plans: dict[int, list[str]]

    @property
    def keypoint_errors(self) -> np.ndarray:
        """(N,) distances to the true keypoints [m]."""
        return np.linalg.norm(self.keypoints - np.array([frame.keypoint for frame in self.keyframes]), axis=1)

    def summary(self) -> dict[str, float]:
        """Shares in [0, 1] and the median error [m]."""
        truth = np.array([frame.step_index for frame in self.keyframes])
        first = {frame.episode: list(frame.plan) for frame in self.keyframes}
        right = [self.plans[episode] == plan for episode, plan in first.items()]
        errors = self.keypoint_errors
        return {
            "plan_accuracy": float(np.mean(right)),
            "step_accuracy": float(np.mean(self.step_index == truth)),
            "keypoint_median": float(np.median(errors)),
            "keypoint_within_3cm": float(np.mean(errors < 0.03)),
        }


def held_out_predictions(planner: Planner, keyframes: Sequence[Keyframe], progress: Progress) -> HeldOut:
    """Ask the planner about every keyframe with the first paraphrase of its instruction."""
    decisions, plans = [], {}
    for done, frame in enumerate(keyframes, 1):
        views, instruction = planner.views(frame.cloud, frame.colours), frame.instructions[0]
        if frame.episode not in plans:
            plans[frame.episode] = _plan(planner, instruction, views)
        decisions.append(planner.decide(instruction, list(frame.plan), frame.memory, frame.gripper_open, views))
        progress(done, len(keyframes), "held-out keyframes")
    return HeldOut(
        keyframes,
        np.array([decision.step_index for decision in decisions]),
        np.array([decision.keypoint.point for decision in decisions]),
        np.array([decision.confidence for decision in decisions]),
        plans,
    )


def _plan(planner: Planner, instruction: str, views: np.ndarray) -> list[str]:
    try:
        return planner.plan(instruction, views).steps
    except UserError:
        return []
