"""Whether an arm of Franka's can bring its tip to a pose, and follow a straight line there."""

from __future__ import annotations

from typing import Literal

import frankik
import numpy as np

from stages.geometry.arm import flange_for_inverse, tip_in_base, tip_jacobian
from stages.geometry.poses import matrix_to_quaternion, quaternion_to_matrix, slerp

Model = Literal["fr3", "panda"]

REDUNDANT = 61
"""Angles of the last joint that are tried: one every 5 degrees."""

STEP, TURN = 0.01, np.radians(3)
"""Distance [m] and angle [rad] of neighbouring points of a line, at most."""

LARGEST_JUMP = 0.35
"""A joint that moves further than this between neighbouring points of a line has changed its branch [rad]."""

_ACCURACY = 1e-5
"""Error left by following a line [m and rad]."""

_ITERATIONS = 20
_DAMPING = 1e-6


class ArmKinematics:
    """Inverse kinematics of one arm, poses being those of the tip in the arm's base frame.

    Args:
        model: which of Franka's arms.
        margin: distance that joints keep from their limits [rad].

    Attributes:
        lower, upper: (7,) range of the joints, the margin left out [rad].
    """

    def __init__(self, model: Model, margin: float) -> None:
        self._is_fr3 = model == "fr3"
        limits = (frankik.q_min_fr3, frankik.q_max_fr3) if self._is_fr3 else (frankik.q_min_panda, frankik.q_max_panda)
        self.lower, self.upper = np.array(limits[0]) + margin, np.array(limits[1]) - margin

    def allows(self, joints: np.ndarray) -> bool:
        """Whether all of some joint angles (..., 7) [rad] are in range."""
        return bool(((joints >= self.lower) & (joints <= self.upper)).all())

    def solutions(self, tip: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Joint angles (S, 7) [rad] in range that bring the tip to a pose (4, 4), least movement from `near` first."""
        flange, last = flange_for_inverse(tip), np.linspace(self.lower[6], self.upper[6], REDUNDANT)
        found = np.concatenate([frankik.ik_full(flange, near, angle, self._is_fr3) for angle in last])
        found = found[np.isfinite(found).all(axis=1)]
        found = found[((found >= self.lower) & (found <= self.upper)).all(axis=1)]
        return found[np.argsort(np.abs(found - near).max(axis=1), kind="stable")]

    def follow(self, tips: np.ndarray, start: np.ndarray) -> np.ndarray | None:
        """Joint angles (N, 7) [rad] that take the tip from posture `start` (7,) through poses (N, 4, 4) with the least
        movement; None if a joint would leave its range or jump, or a pose is out of reach."""
        joints, path = start, []
        for tip in tips:
            moved = _solve_near(tip, joints)
            if moved is None or not self.allows(moved) or np.abs(moved - joints).max() > LARGEST_JUMP:
                return None
            joints = moved
            path.append(joints)
        return np.array(path)


def straight_line(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Poses (N, 4, 4) on the straight line between two (4, 4), turning evenly; the goal is the last, the start left
    out."""
    first, second = (matrix_to_quaternion(pose[:3, :3]) for pose in (start, goal))
    length = np.linalg.norm(goal[:3, 3] - start[:3, 3])
    angle = 2 * np.arccos(np.clip(abs(first @ second), 0, 1))
    count = max(1, int(np.ceil(max(length / STEP, angle / TURN))))
    shares = np.arange(1, count + 1) / count
    line = np.tile(np.eye(4), (count, 1, 1))
    line[:, :3, 3] = start[:3, 3] + shares[:, None] * (goal[:3, 3] - start[:3, 3])
    line[:, :3, :3] = quaternion_to_matrix(slerp(np.tile(first, (count, 1)), np.tile(second, (count, 1)), shares))
    line[-1] = goal
    return line


def _solve_near(tip: np.ndarray, joints: np.ndarray) -> np.ndarray | None:
    """Joint angles (7,) at a pose (4, 4), by damped least squares from those of a pose nearby."""
    joints = joints.copy()
    for _ in range(_ITERATIONS):
        error = _twist(tip_in_base(joints), tip)
        if np.abs(error).max() < _ACCURACY:
            return joints
        jacobian = tip_jacobian(joints)
        joints += jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + _DAMPING * np.eye(6), error)
    return None


def _twist(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(6,) translation [m] and rotation vector [rad] from one pose (4, 4) to another, in the base frame."""
    x, y, z, w = matrix_to_quaternion(there[:3, :3] @ here[:3, :3].T)
    sine = np.linalg.norm([x, y, z])
    turn = np.array([x, y, z]) * (2 * np.arctan2(sine, w) / sine if sine > 1e-12 else 2.0)
    return np.concatenate([there[:3, 3] - here[:3, 3], turn])
