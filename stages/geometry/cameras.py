"""Pinhole cameras with OpenCV axes (x right, y down, z into the scene); pixel centres lie at integer + 0.5."""

from __future__ import annotations

import numpy as np


def intrinsics_from_fov(vertical_fov: float, height: int, width: int) -> np.ndarray:
    """Matrix (3, 3) [px] of a camera with square pixels and a vertical opening angle [rad]."""
    focal = height / 2 / np.tan(vertical_fov / 2)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])


def pixel_rays(intrinsics: np.ndarray, height: int, width: int) -> np.ndarray:
    """Directions (H, W, 3) in the camera frame through the pixel centres, with unit z."""
    u = (np.arange(width) + 0.5 - intrinsics[0, 2]) / intrinsics[0, 0]
    v = (np.arange(height) + 0.5 - intrinsics[1, 2]) / intrinsics[1, 1]
    return np.stack([*np.meshgrid(u, v), np.ones((height, width))], axis=-1)


def deproject(depth: np.ndarray, intrinsics: np.ndarray, camera_to_world: np.ndarray) -> np.ndarray:
    """World points (H, W, 3) [m] seen in a depth image (H, W) [m along the optical axis]."""
    points = pixel_rays(intrinsics, *depth.shape) * depth[..., None]
    return points @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]


def project(points: np.ndarray, intrinsics: np.ndarray, camera_to_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (..., 2) and depths (...,) [m] of world points (..., 3); points behind have a negative depth."""
    camera = (points - camera_to_world[:3, 3]) @ camera_to_world[:3, :3]
    depth = camera[..., 2]
    pixels = camera[..., :2] / depth[..., None] * intrinsics[[0, 1], [0, 1]] + intrinsics[:2, 2]
    return pixels, depth


def look_at(position: np.ndarray, target: np.ndarray, up: np.ndarray | tuple = (0.0, 0.0, 1.0)) -> np.ndarray:
    """Camera-to-world transform (4, 4) of a camera at `position` that sees `target` in its centre, `up` upwards."""
    forward = np.asarray(target, float) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    transform = np.eye(4)
    transform[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    transform[:3, 3] = position
    return transform


def from_rlbench(intrinsics: np.ndarray, extrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RLBench's camera matrices in our terms.

    RLBench's cameras look along z with image right along -x and image down along -y, which it writes as negative focal
    lengths, and its pixel coordinates are integers at pixel centres.

    Args:
        intrinsics: (3, 3) or (..., 3, 3) [px], `<camera>_camera_intrinsics` of `Observation.misc`.
        extrinsics: (4, 4) or (..., 4, 4), `<camera>_camera_extrinsics`.

    Returns:
        intrinsics [px] with positive focal lengths and pixel centres at integer + 0.5, and camera_to_world with OpenCV
        axes.
    """
    ours = np.array(intrinsics, float)
    ours[..., :2, :2] *= -1
    ours[..., :2, 2] += 0.5
    return ours, np.asarray(extrinsics, float) @ np.diag([-1.0, -1.0, 1.0, 1.0])
