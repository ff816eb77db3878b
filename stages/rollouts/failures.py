"""Why an episode failed: the first thing in which the policy and the expert differed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import quaternion_to_matrix, rotation_angle

CAUSES = {
    "no plan": "the planner had no plan for the instruction",
    "wrong plan": "the plan had no line for what was to be done",
    "wrong step": "the planner chose another line of the plan than the expert's step",
    "wrong object": "the step was right, the keypoint lay on another thing",
    "keypoint off": "the keypoint was far from the true one, on nothing else",
    "wrong motion": "step and keypoint were right, the predicted pose or gripper was not",
    "unreachable": "the arm could not reach a pose although it was near the expert's",
    "stopped early": "the policy said it was done although a line of its plan was still to be done",
    "step limit": "no success within the allowed steps, no clear mistake before",
    "not achieved": "every prediction was near the expert's, the task still did not succeed",
    "unexplained": "no success, and the simulator has no expert to tell what went wrong",
}

BUDGET = {
    "plan": ("no plan", "wrong plan"),
    "step": ("wrong step", "stopped early"),
    "object": ("wrong object",),
    "keypoint": ("keypoint off",),
    "action": ("wrong motion",),
    "motion planning": ("unreachable",),
    "physics": ("step limit", "not achieved"),
    "unknown": ("unexplained",),
}
"""The module that each cause is charged to."""

KEYPOINT_TOLERANCE = 0.05
"""Farther than this from the true keypoint [m] is a mistake: half a hand's opening."""
POSITION_TOLERANCE = 0.02
"""Grasps up to 1.5 cm off still succeed, 4.5 cm off never do [m]."""
ROTATION_TOLERANCE = np.radians(20)

NOTHING = "nothing"
"""What is said where a point lies on no thing."""


@dataclass(frozen=True)
class DecisionRecord:
    """One observation: what the policy chose and what the expert would have done; positions in the world frame [m].

    Attributes:
        plan: its lines.
        step, true_step: texts; the true one is empty where the expert had finished.
        keypoint, true_keypoint: (3,).
        action, true_action: (9,).
        names, positions: the scene's M things, (M, 3).
    """

    plan: Sequence[str]
    step: str
    true_step: str
    keypoint: np.ndarray
    true_keypoint: np.ndarray
    action: np.ndarray
    true_action: np.ndarray
    names: list[str]
    positions: np.ndarray


def classify(
    success: bool, error: str | None, given_up: str, limit_reached: bool, decisions: list[DecisionRecord]
) -> str:
    """The cause of a failed episode, a key of `CAUSES`; empty for a success.

    Args:
        error: the simulator's error that ended the episode, or None.
        given_up: as of `giving_up` where the policy declared its plan done; else empty.
        limit_reached: the episode ended at the step limit.
    """
    if success:
        return ""
    for decision in decisions:
        if not decision.true_step:
            break
        if cause := _mistake(decision):
            return cause
    if error:
        return "unreachable" if decisions else "no plan"
    if decisions and not any(decision.true_step for decision in decisions):
        return "unexplained"
    if given_up:
        return given_up
    return "step limit" if limit_reached else "not achieved"


def giving_up(plan: Sequence[str], true_step: str) -> str:
    """What is wrong where a policy declares its plan done while the expert goes on with a step, if it does."""
    return ("stopped early" if true_step in plan else "wrong plan") if true_step else ""


def landing(point: np.ndarray, names: tuple[str, ...], positions: np.ndarray) -> str:
    """The thing nearest to a point (3,), of M at positions (M, 3) [m]; `NOTHING` if it is too far off."""
    distances = np.linalg.norm(positions - point, axis=1)
    nearest = int(np.argmin(distances)) if len(names) else -1
    return names[nearest] if len(names) and distances[nearest] <= KEYPOINT_TOLERANCE else NOTHING


def _mistake(decision: DecisionRecord) -> str:
    if decision.step != decision.true_step:
        return "wrong step" if decision.true_step in decision.plan else "wrong plan"
    if np.linalg.norm(decision.keypoint - decision.true_keypoint) > KEYPOINT_TOLERANCE:
        return "wrong object" if _on_something_else(decision) else "keypoint off"
    return "wrong motion" if _poses_differ(decision.action, decision.true_action) else ""


def _on_something_else(decision: DecisionRecord) -> bool:
    if not len(decision.positions):
        return False
    distances = np.linalg.norm(decision.positions - decision.keypoint, axis=1)
    nearest = int(np.argmin(distances))
    nearest_to_truth = int(np.argmin(np.linalg.norm(decision.positions - decision.true_keypoint, axis=1)))
    return distances[nearest] <= KEYPOINT_TOLERANCE and nearest != nearest_to_truth


def _poses_differ(action: np.ndarray, truth: np.ndarray) -> bool:
    turn = rotation_angle(quaternion_to_matrix(action[3:7]), quaternion_to_matrix(truth[3:7]))
    return bool(
        np.linalg.norm(action[:3] - truth[:3]) > POSITION_TOLERANCE
        or turn > ROTATION_TOLERANCE
        or (action[7] > 0.5) != (truth[7] > 0.5)
    )
