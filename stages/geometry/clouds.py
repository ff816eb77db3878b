"""Coloured point clouds in the world frame."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stages.core.observation import CameraFrame, Observation
from stages.geometry.arm import base_pose, outside_arm
from stages.geometry.cameras import deproject
from stages.geometry.workspace import inside_workspace


def frame_points(frame: CameraFrame) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) float32 [m, world] and colours (N, 3) uint8 of the pixels that hit something in the workspace."""
    points, keep = _seen(frame)
    return points[keep], frame.rgb.reshape(-1, 3)[keep]


def fuse(
    observation: Observation, cameras: Iterable[str] | None = None, hide_arm: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The clouds of all cameras (or the named ones) together: points (N, 3) float32 [m], colours (N, 3) uint8.

    Args:
        observation: RGB-D images and joint angles.
        cameras: names; None = all.
        hide_arm: leave the robot's arm and hand out, which would hide the table from above.
    """
    names = list(observation.cameras if cameras is None else cameras)
    clouds = [frame_points(observation.cameras[name]) for name in names]
    points, colours = (np.concatenate(parts) for parts in zip(*clouds, strict=True))
    if hide_arm:
        keep = _outside_arm(points, observation)
        points, colours = points[keep], colours[keep]
    return points, colours


def fuse_labelled(observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The fused cloud without the arm, and of every point what it shows and who saw it.

    Returns:
        points (N, 3) float32 [m, world], colours (N, 3) uint8, instance ids (N,) uint16, 0 where a camera has no masks,
        and numbers of the cameras (N,) uint8, ascending.
    """
    clouds = []
    for number, frame in enumerate(observation.cameras.values()):
        points, keep = _seen(frame)
        mask = np.zeros(keep.size, np.uint16) if frame.mask is None else frame.mask.reshape(-1)
        cameras = np.full(np.count_nonzero(keep), number, np.uint8)
        clouds.append((points[keep], frame.rgb.reshape(-1, 3)[keep], mask[keep], cameras))
    fused = [np.concatenate(parts) for parts in zip(*clouds, strict=True)]
    keep = _outside_arm(fused[0], observation)
    points, colours, labels, cameras = (part[keep] for part in fused)
    return points, colours, labels, cameras


def crop(points: np.ndarray, colours: np.ndarray, centre: np.ndarray, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of a cloud inside the axis-aligned cube of side `extent` [m] around `centre`."""
    keep = np.all(np.abs(points - np.asarray(centre, points.dtype)) <= extent / 2, axis=1)
    return points[keep], colours[keep]


def _outside_arm(points: np.ndarray, observation: Observation) -> np.ndarray:
    """Which points (N, 3) [m, world] are not the arm's: (N,) bool; the robot may stand anywhere."""
    joints = observation.joint_positions
    return outside_arm(points, joints, base_pose(observation.gripper_pose, joints))


def _seen(frame: CameraFrame) -> tuple[np.ndarray, np.ndarray]:
    """Points (H * W, 3) float32 [m, world] of all pixels, and which (H * W,) hit something in the workspace."""
    depth = np.where(np.isfinite(frame.depth), frame.depth, 0)
    points = deproject(depth, frame.intrinsics, frame.camera_to_world).reshape(-1, 3)
    return points.astype(np.float32), (depth.reshape(-1) > 0) & inside_workspace(points)
