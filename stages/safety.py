"""What may come in from sensors: `ClapPolicy` checks its observations here. What may go out to a robot is checked by
`geometry.tip_limits`."""

from __future__ import annotations

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation, PointObservation
from stages.geometry.tip_limits import SLACK, TIP_LOW
from stages.geometry.workspace import WORKSPACE_HIGH, inside_workspace, workspace_text

MIN_POINTS = 500
"""Points in the workspace below which a policy sees nothing."""

FARTHEST = 20.0
"""Median depth above which depth is not in metres."""

RIGID, UNIT = 1e-3, 1e-2
"""How far a measured rotation matrix, and the norm of a measured quaternion, may be off."""


def check_observation(observation: Observation | PointObservation) -> None:
    """Refuse an observation that no sensor of a robot can have made.

    Raises:
        UserError: the gripper's pose is no pose in the workspace, its opening or a joint angle no sane number; a camera
            has no pixels, no pinhole matrix, no rigid pose, or a depth that is not in metres.
    """
    pose = np.asarray(observation.gripper_pose, float)
    _require(pose.shape == (7,) and np.isfinite(pose).all(), "the gripper's pose is not 7 finite numbers")
    norm = float(np.linalg.norm(pose[3:]))
    _require(abs(norm - 1) <= UNIT, f"the gripper's quaternion has norm {norm:.3g}", "Send a unit quaternion xyzw")
    near = np.abs(np.clip(pose[:3], TIP_LOW, WORKSPACE_HIGH) - pose[:3]).max() <= SLACK
    _require(bool(near), f"the gripper at {pose[:3].round(3).tolist()} is outside of the workspace, {workspace_text()}")
    opening = observation.gripper_open
    _require(-0.05 <= opening <= 1.05, f"the gripper's opening is {opening:.3g}", "Send 0 (closed) to 1 (open)")
    if isinstance(observation, Observation):
        joints = np.asarray(observation.joint_positions, float)
        _require(joints.shape == (7,) and np.isfinite(joints).all(), "the joint angles are not 7 finite numbers")
        _require(bool(observation.cameras), "there is no camera", "Send at least one")
        for name, frame in observation.cameras.items():
            _check_camera(name, frame)


def check_keypoint(keypoint: np.ndarray) -> None:
    """Refuse a keypoint that is not a place in the workspace.

    Raises:
        UserError: it is not.
    """
    point = np.asarray(keypoint, float)
    inside = point.shape == (3,) and np.isfinite(point).all() and inside_workspace(point)
    _require(bool(inside), f"the keypoint {point.tolist()} is outside of the workspace, {workspace_text()}")


def blindness(points: np.ndarray) -> str:
    """Why a cloud (N, 3) [m, world] shows too little to act on; "" if it shows enough."""
    count = int(np.count_nonzero(inside_workspace(points)))
    if count >= MIN_POINTS:
        return ""
    return (
        f"the cameras see {count} points in the workspace, {workspace_text()}, and {MIN_POINTS} are needed: "
        "check depth (metres along the optical axis) and camera poses (camera to world, OpenCV axes)"
    )


def _check_camera(name: str, frame: CameraFrame) -> None:
    where = f"camera '{name}'"
    height, width = frame.depth.shape[:2]
    _require(height > 0 and width > 0, f"{where} has no pixels", "Send images of at least one pixel")
    _require(frame.rgb.shape == (height, width, 3), f"{where} has images of {frame.rgb.shape}, depth {(height, width)}")
    k, pose = np.asarray(frame.intrinsics, float), np.asarray(frame.camera_to_world, float)
    pinhole = k.shape == (3, 3) and np.isfinite(k).all() and np.allclose(k[2], (0, 0, 1)) and min(k[0, 0], k[1, 1]) > 0
    _require(bool(pinhole), f"{where} has no pinhole matrix", "Send [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels")
    inside = 0 <= k[0, 2] <= width and 0 <= k[1, 2] <= height
    _require(inside, f"{where} has its principal point ({k[0, 2]:g}, {k[1, 2]:g}) outside of {width} x {height} pixels")
    rigid = pose.shape == (4, 4) and np.isfinite(pose).all() and np.allclose(pose[3], (0, 0, 0, 1))
    rigid = rigid and np.abs(pose[:3, :3].T @ pose[:3, :3] - np.eye(3)).max() <= RIGID
    rigid = rigid and np.linalg.det(pose[:3, :3]) > 0
    _require(bool(rigid), f"{where} has no rigid pose", "Send camera to world as a rotation and a translation [m]")
    hit = frame.depth[np.isfinite(frame.depth) & (frame.depth > 0)]
    median = float(np.median(hit)) if hit.size else 0.0
    _require(median <= FARTHEST, f"{where} has a median depth of {median:.0f}: millimetres?", "Send depth in metres")


def _require(condition: bool, what: str, hint: str = "Correct it") -> None:
    if not condition:
        raise UserError(what, hint)
