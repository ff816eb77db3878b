"""The Panda's own arm: where it stands, and taking it out of a point cloud, so that it hides nothing from above.

Both follow from joint angles. The arm is modelled by capsules between the joints, after the manufacturer's modified
Denavit-Hartenberg parameters (Franka Emika, Robot and interface specifications). Fingers stay: what they hold and touch
must be seen.
"""

from __future__ import annotations

import numpy as np

from stages.geometry.poses import axis_rotation, pose_to_matrix
from stages.geometry.workspace import TABLE_HEIGHT

BASE = np.array([-0.31, 0.0, TABLE_HEIGHT])
"""Foot of the embedded simulator's robot, world frame [m]; it looks along X."""

_LINKS = (
    # a [m], d [m], alpha [rad] of Craig's convention
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -np.pi / 2),
    (0.0, 0.316, np.pi / 2),
    (0.0825, 0.0, np.pi / 2),
    (-0.0825, 0.384, -np.pi / 2),
    (0.0, 0.0, np.pi / 2),
    (0.088, 0.0, np.pi / 2),
)
_FLANGE, _TIP = 0.107, 0.1034
_RADII = (0.18, 0.15, 0.15, 0.15, 0.15, 0.14, 0.12, 0.10)
"""Of the capsules from joint to joint, wide enough for the motor housings beside the joints [m]."""
_HAND_RADIUS, _HAND_HALF_WIDTH, _HAND_CENTRE = 0.05, 0.08, 0.02
_HAND_TURN = axis_rotation(2, -np.pi / 4)


def home_base() -> np.ndarray:
    """Base to world (4, 4) of the embedded simulator's robot."""
    return _moved(np.eye(3), BASE)


def base_pose(gripper_pose: np.ndarray, joint_positions: np.ndarray) -> np.ndarray:
    """Base to world (4, 4) of a robot, from its tip pose (7,) in the world and its joint angles (7,) [rad]."""
    return pose_to_matrix(np.asarray(gripper_pose, float)) @ np.linalg.inv(tip_in_base(joint_positions))


def tip_in_base(joint_positions: np.ndarray) -> np.ndarray:
    """Tip to base (4, 4): forward kinematics of joint angles (7,) [rad]."""
    return _flange(_joint_frames(joint_positions)[-1]) @ _moved(np.eye(3), (0, 0, _TIP))


def tip_jacobian(joint_positions: np.ndarray) -> np.ndarray:
    """(6, 7) velocity [m/s] and angular velocity [rad/s] of the tip in the base frame, per joint velocity [rad/s]."""
    frames = _joint_frames(joint_positions)
    tip = (_flange(frames[-1]) @ _moved(np.eye(3), (0, 0, _TIP)))[:3, 3]
    axes = np.array([frame[:3, 2] for frame in frames])
    levers = np.array([tip - frame[:3, 3] for frame in frames])
    return np.concatenate([np.cross(axes, levers), axes], axis=1).T


def flange_for_inverse(tip: np.ndarray) -> np.ndarray:
    """The flange (4, 4) without the hand's turn, as inverse kinematics take it, of a tip pose (4, 4); one frame."""
    return tip @ _moved(_HAND_TURN.T, (0, 0, -_TIP))


def arm_capsules(joint_positions: np.ndarray, base: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Segments (C, 2, 3), world frame [m], and radii (C,) [m] that cover the arm and the hand without its fingers.

    Args:
        joint_positions: (7,) [rad].
        base: (4, 4) base to world; None = the embedded simulator's.
    """
    base = home_base() if base is None else base
    frames = [base @ frame for frame in _joint_frames(joint_positions)]
    centres = [base[:3, 3], *(frame[:3, 3] for frame in frames)]
    flange = _flange(frames[-1])
    across, along = flange[:3, 1], flange[:3, 2]
    hand = flange[:3, 3] + _HAND_CENTRE * along
    segments = [*zip(centres, [*centres[1:], flange[:3, 3] - 0.04 * along], strict=True)]
    segments.append((hand - _HAND_HALF_WIDTH * across, hand + _HAND_HALF_WIDTH * across))
    return np.array(segments), np.array([*_RADII, _HAND_RADIUS])


def outside_arm(points: np.ndarray, joint_positions: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """Which points (N, 3), world frame [m], are not the arm's: (N,) bool; `base` as of `arm_capsules`."""
    keep = np.ones(len(points), bool)
    above = np.flatnonzero(points[:, 2] > TABLE_HEIGHT + 0.02)
    candidates = points[above]
    inside = np.zeros(len(candidates), bool)
    for (start, end), radius in zip(*arm_capsules(joint_positions, base), strict=True):
        inside |= _distance_to_segment(candidates, start, end) < radius
    keep[above] = ~inside
    return keep


def _joint_frames(joint_positions: np.ndarray) -> list[np.ndarray]:
    """Frames (4, 4) of the seven joints in the base frame."""
    pose, frames = np.eye(4), []
    for (a, d, alpha), angle in zip(_LINKS, joint_positions, strict=True):
        pose = pose @ _moved(axis_rotation(0, alpha), (a, 0, 0)) @ _moved(axis_rotation(2, angle), (0, 0, d))
        frames.append(pose)
    return frames


def _flange(last: np.ndarray) -> np.ndarray:
    """Frame (4, 4) of the hand where it is mounted, from that of the last joint."""
    return last @ _moved(_HAND_TURN, (0, 0, _FLANGE))


def _distance_to_segment(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    direction = end - start
    length = direction @ direction
    relative = points - start
    along = np.clip(relative @ direction / length, 0, 1) if length > 0 else np.zeros(len(points))
    return np.linalg.norm(relative - along[:, None] * direction, axis=1)


def _moved(rotation: np.ndarray, position: np.ndarray | tuple[float, float, float]) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, position
    return pose
