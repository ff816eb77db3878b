"""Planning a keyframe move: a straight line of the tip where there is one, else a way through joint space."""

from __future__ import annotations

from itertools import islice

import mujoco
import numpy as np

from stages.simulators.tabletop.kinematics import Kinematics, rotation_vector
from stages.simulators.tabletop.panda import DAMPING, STIFFNESS, VELOCITY

LINE_STEP, LINE_TURN = 0.01, 0.05
"""Spacing of the points of a line [m, rad]."""

JOINT_STEP = 0.05
"""Spacing of the points of a way through joint space [rad]."""

CANDIDATES = 8
"""Postures tried for the end of a way through joint space."""

LOOK_AHEAD = 0.10
"""A posture is preferred when the tip can go on straight ahead this far: a grasp usually follows [m]."""

OVER = (0.12, 0.25)
"""Heights by which a way around an obstacle is raised [m]."""

SPEED = 0.7
"""Share of the joints' velocity limits that is used."""

ACCELERATION = 6.0
"""Largest joint acceleration [rad/s^2]."""

SHORTEST = 0.3
"""Least duration of a move [s]."""

ROUNDING = 0.08
"""Time over which corners of a path are rounded [s]."""

FEED_FORWARD = DAMPING / STIFFNESS


class MotionPlanner:
    """Plans moves of the arm as sequences of joint angles.

    Args:
        kinematics: of the scene.
    """

    def __init__(self, kinematics: Kinematics) -> None:
        self._kinematics = kinematics

    def plan(self, start: np.ndarray, goal: np.ndarray, avoid: bool) -> np.ndarray | None:
        """A path (N, 7) from joint angles (7,) to a tip pose (4, 4), or None if it cannot be reached.

        Args:
            avoid: look for a way free of collisions; if there is none, one with collisions is better than none.
        """
        straight = self._line(start, goal)
        if straight is not None and not (avoid and self._blocked(straight)):
            return straight
        postures = self._postures(start, goal)
        transfers = [_joint_line(start, posture) for posture in postures]
        if not avoid:
            return next(iter(transfers), None)
        for path in transfers:
            if not self._blocked(path):
                return path
        around = next((path for height in OVER if (path := self._over(start, goal, height)) is not None), None)
        return next((path for path in (around, straight, *transfers) if path is not None), None)

    def _line(self, start: np.ndarray, goal: np.ndarray) -> np.ndarray | None:
        path = self._kinematics.track(interpolate(self._kinematics.forward(start), goal), start)
        return None if path is None else np.concatenate([start[None], path])

    def _postures(self, start: np.ndarray, goal: np.ndarray) -> list[np.ndarray]:
        """A few postures at the goal, near ones first, those that can go on straight ahead before the others."""
        near = list(islice(self._kinematics.solutions(goal, start), CANDIDATES))
        ahead = goal.copy()
        ahead[:3, 3] += LOOK_AHEAD * goal[:3, 2]
        return sorted(near, key=lambda joints: self._kinematics.track(interpolate(goal, ahead), joints) is None)

    def _over(self, start: np.ndarray, goal: np.ndarray, height: float) -> np.ndarray | None:
        """Up, across and down again, free of collisions, or None."""
        legs, joints = [], start
        for tip in (raised(self._kinematics.forward(start), height), raised(goal, height), goal):
            leg = self._line(joints, tip)
            if leg is None or self._blocked(leg):
                return None
            legs.append(leg)
            joints = leg[-1]
        return np.concatenate(legs)

    def _blocked(self, path: np.ndarray) -> bool:
        return any(self._kinematics.collides(joints) for joints in path[1:])


def raised(tip: np.ndarray, height: float) -> np.ndarray:
    """The pose (4, 4) moved up in the world [m]."""
    pose = tip.copy()
    pose[2, 3] += height
    return pose


def interpolate(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Poses (N, 4, 4) on the way from one pose to another, the last included: straight, turning at a constant rate."""
    turn = rotation_vector(goal[:3, :3] @ start[:3, :3].T)
    distance = np.linalg.norm(goal[:3, 3] - start[:3, 3])
    count = max(2, int(np.ceil(max(distance / LINE_STEP, np.linalg.norm(turn) / LINE_TURN))))
    poses = np.tile(goal, (count, 1, 1))
    for index, share in enumerate(np.arange(1, count) / count):
        poses[index, :3, 3] = start[:3, 3] + share * (goal[:3, 3] - start[:3, 3])
        poses[index, :3, :3] = _rotation(share * turn) @ start[:3, :3]
    return poses


def timed(path: np.ndarray, timestep: float) -> np.ndarray:
    """Servo targets (T, 7), one per simulation step, that follow a path (N, 7) from rest to rest.

    The progress along the path is 10 u^3 - 15 u^4 + 6 u^5, whose velocity and acceleration vanish at both ends. A
    moving average rounds the corners of the path. The target leads by velocity times damping over stiffness, which
    cancels the lag of the servos.
    """
    lengths = np.abs(np.diff(path, axis=0) / VELOCITY).max(axis=1)
    length = np.concatenate([[0], np.cumsum(np.maximum(lengths, 1e-9))])
    widest = np.abs(path - path[0]).max()
    duration = max(1.875 * length[-1] / SPEED, np.sqrt(5.774 * widest / ACCELERATION), SHORTEST)
    steps = int(np.ceil(duration / timestep))
    u = np.arange(1, steps + 1) / steps
    progress = length[-1] * u**3 * (10 + u * (6 * u - 15))
    reference = np.stack([np.interp(progress, length, path[:, joint]) for joint in range(7)], axis=1)
    reference = _smoothed(reference, round(ROUNDING / timestep))
    velocity = np.gradient(reference, timestep, axis=0)
    velocity[-1] = 0
    return reference + FEED_FORWARD * velocity


def _smoothed(reference: np.ndarray, width: int) -> np.ndarray:
    """(T + width, 7) moving average of (T, 7) over `width` samples, the first and last value held."""
    held = np.pad(reference, ((width, width), (0, 0)), mode="edge")
    sums = np.cumsum(held, axis=0)
    average = (sums[width:] - sums[:-width]) / width
    average[-1] = reference[-1]
    return average


def _joint_line(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    count = max(2, int(np.ceil(np.abs(goal - start).max() / JOINT_STEP)))
    return start + np.linspace(0, 1, count + 1)[:, None] * (goal - start)


def _rotation(vector: np.ndarray) -> np.ndarray:
    quaternion, rotation = np.array([1.0, 0, 0, 0]), np.empty(9)
    mujoco.mju_quatIntegrate(quaternion, vector, 1.0)
    mujoco.mju_quat2Mat(rotation, quaternion)
    return rotation.reshape(3, 3)
