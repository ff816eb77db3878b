"""What is checked before a motion is sent: the pose, the way there, and the joints all along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.geometry.arm import arm_capsules, tip_in_base
from stages.geometry.poses import pose_to_matrix
from stages.geometry.tip_limits import SLACK, TIP_LOW, safe_action
from stages.geometry.workspace import TABLE_HEIGHT, WORKSPACE_HIGH, workspace_text
from stages.robots.kinematics import LARGEST_JUMP, ArmKinematics, straight_line

CLEARANCE = 0.03
"""Height above the table that the axes of forearm and hand keep [m]: less than half a hand's thickness."""

_FROM_ELBOW = 4
"""Segments of the arm's capsules before the elbow: these cannot reach the table."""


@dataclass(frozen=True)
class Route:
    """A motion that has passed all checks.

    Attributes:
        pose: (7,) of the tip at its end, world frame.
        straight: the tip goes straight there; else the joints go straight to `joints`.
        joints: (7,) at its end [rad]; of a straight one, about.
    """

    pose: np.ndarray
    straight: bool
    joints: np.ndarray


class RouteFinder:
    """Finds the way to poses for one arm.

    Args:
        kinematics: the arm's.
        base: (4, 4) base to world.
        detours: when the joints may go straight where the tip cannot: "never", "marked" by ignore collision, "always".
    """

    def __init__(
        self, kinematics: ArmKinematics, base: np.ndarray, detours: Literal["never", "marked", "always"] = "marked"
    ) -> None:
        self._kinematics, self._base, self._detours = kinematics, base, detours

    def find(self, action: np.ndarray, joints: np.ndarray) -> tuple[Route | None, str]:
        """The way to an action (9,), world frame, from joint angles (7,) [rad]; or None and why there is none."""
        action, problem = safe_action(np.asarray(action, float))
        if problem := problem or self._start_problem(joints):
            return None, problem
        goal, place = np.linalg.inv(self._base) @ pose_to_matrix(action[:7]), _place(action)
        path = self._kinematics.follow(straight_line(tip_in_base(joints), goal), joints)
        if path is not None:
            problem = self._table_problem(path)
            return (None, problem) if problem else (Route(action[:7], True, path[-1]), "")
        solutions = self._kinematics.solutions(goal, joints)
        if not len(solutions):
            return None, f"no joint angles within their limits bring the hand to {place}"
        if not (self._detours == "always" or self._detours == "marked" and action[8] > 0.5):
            return None, f"the hand cannot go straight to {place}, and robot.detours is '{self._detours}'"
        problem = self._table_problem(self._joint_path(joints, solutions[0]))
        return (None, problem) if problem else (Route(action[:7], False, solutions[0]), "")

    def _start_problem(self, joints: np.ndarray) -> str:
        """Why an arm must not be moved from where it stands; "" if it may."""
        tip = self._tips(joints[None])[0]
        if np.abs(np.clip(tip, TIP_LOW, WORKSPACE_HIGH) - tip).max() > SLACK:
            where = tip.round(3).tolist()
            return f"the hand at {where} is outside of the workspace, {workspace_text()}: guide it in by hand first"
        return ""

    def _table_problem(self, path: np.ndarray) -> str:
        """Why an arm must not go through joint angles (N, 7); "" if it may."""
        tips = self._tips(path)
        if np.abs(np.clip(tips, TIP_LOW, WORKSPACE_HIGH) - tips).max() > SLACK:
            return "the hand would leave the workspace on its way"
        lowest = min(arm_capsules(joints, self._base)[0][_FROM_ELBOW:, :, 2].min() for joints in path)
        if lowest < TABLE_HEIGHT + CLEARANCE:
            return f"the arm would come within {lowest - TABLE_HEIGHT:.3f} m of the table"
        return ""

    def _joint_path(self, start: np.ndarray, goal: np.ndarray) -> np.ndarray:
        count = 1 + int(np.ceil(np.abs(goal - start).max() / LARGEST_JUMP * 4))
        return start + np.arange(1, count + 1)[:, None] / count * (goal - start)

    def _tips(self, path: np.ndarray) -> np.ndarray:
        """(N, 3) where the tip is at joint angles (N, 7), world frame."""
        return np.array([(self._base @ tip_in_base(joints))[:3, 3] for joints in path])


def _place(action: np.ndarray) -> str:
    return "({:.3f}, {:.3f}, {:.3f}) m".format(*action[:3])
