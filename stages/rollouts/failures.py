"""Why an episode failed: the first thing in which the policy and the expert differed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.core.errors import UserError
from stages.core.steps import parse_step
from stages.geometry.poses import quaternion_to_matrix, rotation_angle

CAUSES = {
    "wrong object": "the step named another thing, or the keypoint lay on one",
    "wrong step": "the planner chose another step than the expert",
    "keypoint off": "the keypoint was far from the true one, on nothing else",
    "wrong motion": "step and keypoint were right, the predicted pose or gripper was not",
    "unreachable": "the arm could not reach a pose although it was near the expert's",
    "no plan": "the planner had no plan for the instruction",
    "stopped early": "the policy said it was done before the task was",
    "step limit": "no success within the allowed steps, no clear mistake before",
    "not achieved": "every prediction was near the expert's, the task still did not succeed",
}

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
        step, true_step: texts; the true one is empty where the expert had finished.
        keypoint, true_keypoint: (3,).
        action, true_action: (9,).
        names, positions: the scene's M things, (M, 3).
    """

    step: str
    true_step: str
    keypoint: np.ndarray
    true_keypoint: np.ndarray
    action: np.ndarray
    true_action: np.ndarray
    names: list[str]
    positions: np.ndarray


def classify(
    success: bool, error: str | None, stopped_early: bool, limit_reached: bool, decisions: list[DecisionRecord]
) -> str:
    """The cause of a failed episode, a key of `CAUSES`; empty for a success.

    Args:
        error: the simulator's error that ended the episode, or None.
        stopped_early: the policy declared its plan done while the expert still had something to do.
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
    if stopped_early:
        return "stopped early"
    return "step limit" if limit_reached else "not achieved"


def landing(point: np.ndarray, names: tuple[str, ...], positions: np.ndarray) -> str:
    """The thing nearest to a point (3,), of M at positions (M, 3) [m]; `NOTHING` if it is too far off."""
    distances = np.linalg.norm(positions - point, axis=1)
    nearest = int(np.argmin(distances)) if len(names) else -1
    return names[nearest] if len(names) and distances[nearest] <= KEYPOINT_TOLERANCE else NOTHING


def _mistake(decision: DecisionRecord) -> str:
    if decision.step != decision.true_step:
        return "wrong object" if _same_action(decision.step, decision.true_step) else "wrong step"
    if np.linalg.norm(decision.keypoint - decision.true_keypoint) > KEYPOINT_TOLERANCE:
        return "wrong object" if _on_something_else(decision) else "keypoint off"
    return "wrong motion" if _poses_differ(decision.action, decision.true_action) else ""


def _same_action(first: str, second: str) -> bool:
    try:
        return parse_step(first).action == parse_step(second).action
    except UserError:
        return False


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
