"""Rigid poses: 7-vectors (position [m], unit quaternion xyzw), rotation matrices and 4x4 transforms, batched."""

from __future__ import annotations

import numpy as np


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of quaternions (..., 4) in xyzw order, normalised first."""
    x, y, z, w = np.moveaxis(quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def matrix_to_quaternion(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) xyzw with w >= 0 of rotation matrices (..., 3, 3).

    The column of the 4x4 matrix q q^T with the largest diagonal entry is taken, which is stable for every
    rotation (Bar-Itzhack 2000, in its noise-free form).
    """
    m = rotation
    diagonal = [m[..., i, i] for i in range(3)]
    trace = diagonal[0] + diagonal[1] + diagonal[2]
    outer = np.empty(m.shape[:-2] + (4, 4))
    for i in range(3):
        outer[..., i, i] = 1 + 2 * diagonal[i] - trace
        j, k = (i + 1) % 3, (i + 2) % 3
        outer[..., i, j] = outer[..., j, i] = m[..., i, j] + m[..., j, i]
        outer[..., i, 3] = outer[..., 3, i] = m[..., k, j] - m[..., j, k]
    outer[..., 3, 3] = 1 + trace
    largest = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    quaternion = np.take_along_axis(outer, largest[..., None, None], axis=-1)[..., 0]
    quaternion = quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True)
    return np.where(quaternion[..., 3:] < 0, -quaternion, quaternion)


def pose_to_matrix(pose: np.ndarray) -> np.ndarray:
    """Transforms (..., 4, 4) of poses (..., 7)."""
    transform = np.zeros(pose.shape[:-1] + (4, 4))
    transform[..., :3, :3] = quaternion_to_matrix(pose[..., 3:7])
    transform[..., :3, 3] = pose[..., :3]
    transform[..., 3, 3] = 1
    return transform


def matrix_to_pose(transform: np.ndarray) -> np.ndarray:
    """Poses (..., 7) of transforms (..., 4, 4)."""
    return np.concatenate([transform[..., :3, 3], matrix_to_quaternion(transform[..., :3, :3])], axis=-1)


def slerp(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Unit quaternions (N, 4) on the shorter way from `first` to `second` (N, 4), at shares (N,) of it."""
    cosine = np.sum(first * second, axis=-1, keepdims=True)
    second, cosine = np.where(cosine < 0, -second, second), np.minimum(np.abs(cosine), 1)
    angle, share = np.arccos(cosine), share[:, None]
    scale = np.maximum(np.sin(angle), 1e-9)
    near = angle < 1e-6
    start = np.where(near, 1 - share, np.sin((1 - share) * angle) / scale)
    end = np.where(near, share, np.sin(share * angle) / scale)
    mixed = start * first + end * second
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)


def axis_rotation(axis: int, angle: float | np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) by `angle` [rad] about coordinate axis 0, 1 or 2."""
    angle = np.asarray(angle, dtype=float)
    c, s = np.cos(angle), np.sin(angle)
    j, k = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.zeros(angle.shape + (3, 3))
    rotation[..., axis, axis] = 1
    rotation[..., j, j] = rotation[..., k, k] = c
    rotation[..., k, j] = s
    rotation[..., j, k] = -s
    return rotation


def rotation_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle [rad] (...,) of the rotation between matrices (..., 3, 3)."""
    trace = np.einsum("...ij,...ij->...", first, second)
    return np.arccos(np.clip((trace - 1) / 2, -1, 1))


def exp_rotation(vector: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), axis times angle [rad]."""
    half = np.linalg.norm(vector, axis=-1, keepdims=True) / 2
    return quaternion_to_matrix(np.concatenate([vector / 2 * np.sinc(half / np.pi), np.cos(half)], axis=-1))


def log_rotation(rotation: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 3), axis times angle up to pi [rad], of rotation matrices (..., 3, 3)."""
    quaternion = matrix_to_quaternion(rotation)
    sine = np.linalg.norm(quaternion[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, quaternion[..., 3:])
    return quaternion[..., :3] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0)
