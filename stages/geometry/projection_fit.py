"""The pinhole camera behind a point image: where it stood and how it saw, from what its pixels show."""

from __future__ import annotations

import numpy as np

MOST = 4000
"""Points that are fitted to, at most."""


def fit_camera(pixels: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The camera that sees points (N, 3) at pixels (N, 2): intrinsics (3, 3) [px], camera to world (4, 4) with OpenCV's
    axes, and the median error [px].

    By the direct linear transform (Hartley and Zisserman, Multiple View Geometry, 7.1), so the points must not lie in
    one plane.

    Raises:
        ValueError: there are too few points, or they lie in a plane.
    """
    step = max(1, len(points) // MOST)
    pixels, points = pixels[::step].astype(float), points[::step].astype(float)
    if len(points) < 6:
        raise ValueError("fewer than six points")
    to_unit_pixels, to_unit_points = _normalising(pixels), _normalising(points)
    system = _equations(_moved(pixels, to_unit_pixels), _moved(points, to_unit_points))
    values, vectors = np.linalg.eigh(system.T @ system)
    if values[1] < 1e-9 * values[-1]:
        raise ValueError("the points lie in a plane")
    projection = np.linalg.inv(to_unit_pixels) @ vectors[:, 0].reshape(3, 4) @ to_unit_points
    intrinsics, pose = _decomposed(projection)
    homogeneous = np.c_[points, np.ones(len(points))] @ projection.T
    error = np.linalg.norm(homogeneous[:, :2] / homogeneous[:, 2:] - pixels, axis=1)
    return intrinsics, pose, float(np.median(error))


def _equations(pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(2 N, 12): each pixel's two equations in the entries of the projection."""
    homogeneous = np.c_[points, np.ones(len(points))]
    nothing = np.zeros_like(homogeneous)
    across = np.concatenate([homogeneous, nothing, -pixels[:, :1] * homogeneous], axis=1)
    down = np.concatenate([nothing, homogeneous, -pixels[:, 1:] * homogeneous], axis=1)
    return np.concatenate([across, down])


def _normalising(values: np.ndarray) -> np.ndarray:
    """The transform (D + 1, D + 1) of points (N, D) to mean 0 and deviation 1."""
    size = values.shape[1]
    transform = np.eye(size + 1) / max(values.std(), 1e-12)
    transform[:size, size] = -values.mean(axis=0) * transform[0, 0]
    transform[size, size] = 1
    return transform


def _moved(values: np.ndarray, transform: np.ndarray) -> np.ndarray:
    size = values.shape[1]
    return values @ transform[:size, :size].T + transform[:size, size]


def _decomposed(projection: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics and camera to world of a projection (3, 4)."""
    matrix = projection[:, :3] * np.sign(np.linalg.det(projection[:, :3]))
    flip = np.eye(3)[::-1]
    orthogonal, triangular = np.linalg.qr((flip @ matrix).T)
    intrinsics, rotation = flip @ triangular.T @ flip, flip @ orthogonal.T
    signs = np.diag(np.sign(np.diag(intrinsics)))
    pose = np.eye(4)
    pose[:3, :3] = (signs @ rotation).T
    pose[:3, 3] = -np.linalg.solve(projection[:, :3], projection[:, 3])
    return intrinsics @ signs / (intrinsics @ signs)[2, 2], pose
