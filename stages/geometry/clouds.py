"""Coloured point clouds in the world frame."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stages.geometry.arm import outside_arm
from stages.geometry.cameras import deproject
from stages.geometry.workspace import inside_workspace
from stages.observation import CameraFrame, Observation


def frame_points(frame: CameraFrame) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) float32 [m, world] and colours (N, 3) uint8 of the pixels that hit something in the workspace."""
    points = deproject(frame.depth, frame.intrinsics, frame.camera_to_world).reshape(-1, 3)
    keep = (frame.depth.reshape(-1) > 0) & inside_workspace(points)
    return points[keep].astype(np.float32), frame.rgb.reshape(-1, 3)[keep]


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
        keep = outside_arm(points, observation.joint_positions)
        points, colours = points[keep], colours[keep]
    return points, colours


def crop(points: np.ndarray, colours: np.ndarray, centre: np.ndarray, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of a cloud inside the axis-aligned cube of side `extent` [m] around `centre`."""
    keep = np.all(np.abs(points - np.asarray(centre, points.dtype)) <= extent / 2, axis=1)
    return points[keep], colours[keep]
