"""Rotations as three Euler angles in bins of 5 degrees, as RVT-2 does: R = Rz(c) Ry(b) Rx(a)."""

from __future__ import annotations

import numpy as np

from stages.geometry.poses import axis_rotation

BINS = 72
BIN_SIZE = 2 * np.pi / BINS
POLE = 0.01
"""Cosine of the middle angle below which the other two angles only act together."""


def matrix_to_euler(rotation: np.ndarray) -> np.ndarray:
    """Angles (..., 3) [rad] a, b, c of rotation matrices (..., 3, 3), with b in [-pi/2, pi/2].

    At the poles b = +-pi/2, where a and c turn about the same axis, a is pi: the value it has for a hand that
    points down, so that one pose has one label.
    """
    sine = np.clip(-rotation[..., 2, 0], -1, 1)
    a = np.arctan2(rotation[..., 2, 1], rotation[..., 2, 2])
    c = np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0])
    pole = np.hypot(rotation[..., 0, 0], rotation[..., 1, 0]) < POLE
    middle = np.where(pole, np.sign(sine) * np.pi / 2, np.arcsin(sine))
    heading = rotation @ np.swapaxes(axis_rotation(1, middle) @ axis_rotation(0, np.pi), -1, -2)
    c = np.where(pole, np.arctan2(heading[..., 1, 0], heading[..., 0, 0]), c)
    return np.stack([np.where(pole, np.pi, a), middle, c], axis=-1)


def euler_to_matrix(angles: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of angles (..., 3) [rad]."""
    a, b, c = np.moveaxis(np.asarray(angles, float), -1, 0)
    return axis_rotation(2, c) @ axis_rotation(1, b) @ axis_rotation(0, a)


def soft_bins(angles: np.ndarray, spread: float = 0.8) -> np.ndarray:
    """Labels (..., BINS) that sum to 1: a circular Gaussian of `spread` bins around angles (...) [rad].

    Neighbouring bins share the label, so that the decoded mean is finer than a bin.
    """
    offset = np.asarray(angles)[..., None] / BIN_SIZE - np.arange(BINS)
    offset = (offset + BINS / 2) % BINS - BINS / 2
    weights = np.exp(-0.5 * (offset / spread) ** 2)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def decode_bins(probabilities: np.ndarray, window: int = 3) -> np.ndarray:
    """Angles (...) [rad] in (-pi, pi] of bins (..., BINS): the circular mean around the best one."""
    best = probabilities.argmax(-1)
    offsets = np.arange(-window, window + 1)
    near = np.take_along_axis(probabilities, (best[..., None] + offsets) % BINS, axis=-1)
    angle = (best + (near * offsets).sum(-1) / near.sum(-1)) * BIN_SIZE
    return np.pi - (np.pi - angle) % (2 * np.pi)
