"""Distributions over SO(3): scores of the cells of a grid of rotations, and functions in which scores are smooth.

Where several grasps are equally right a distribution has several peaks, which angles predicted one by one would mix.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.polynomial.legendre import legval

from stages.geometry.poses import quaternion_to_matrix

CELLS = 8192
"""Rotations of the grid: none is farther than 10 degrees from one of them."""

SPREAD = 0.15
"""Standard deviation of a label [rad]; about 15 cells share it, so that their mean is finer than a cell."""

FLOOR = -8.0
"""Least log-density of a label beside its peak."""

DEGREES = 4
"""Largest degree of the smooth functions: those that have four equal peaks, as grasps of a square thing do."""

DIRECTIONS = 12

HALF_TURN = np.diag([-1.0, -1.0, 1.0])
"""About the tip's approach axis: it exchanges the fingers of a parallel gripper."""


@cache
def grid() -> np.ndarray:
    """Rotations (CELLS, 3, 3) spread evenly: a super-Fibonacci spiral (Alexa 2022)."""
    place = np.arange(CELLS) + 0.5
    first, second = 2 * np.pi * place / np.sqrt(2), 2 * np.pi * place / 1.533751168755204288118041
    inner, outer = np.sqrt(place / CELLS), np.sqrt(1 - place / CELLS)
    quaternions = [inner * np.sin(first), inner * np.cos(first), outer * np.sin(second), outer * np.cos(second)]
    return quaternion_to_matrix(np.stack(quaternions, axis=-1)).astype(np.float32)


@cache
def smooth_functions() -> np.ndarray:
    """Functions (CELLS, F) of the grid's rotations that span the polynomials of degree `DEGREES` in their entries.

    They are Legendre polynomials of a . R b for pairs of fixed directions, which span what Wigner's D-functions of the
    same degrees do; each has a variance of 1 over all rotations, as P_l has one of 1 / (2 l + 1).
    """
    place = np.arange(DIRECTIONS) + 0.5
    height, angle = place / DIRECTIONS, np.pi * (1 + 5**0.5) * place
    radius = np.sqrt(1 - height**2)
    directions = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)
    cosines = np.einsum("ia,nab,jb->nij", directions, grid().astype(float), directions).reshape(CELLS, -1)
    columns = [np.ones((CELLS, 1))]
    columns += [(2 * k + 1) ** 0.5 * legval(cosines, np.eye(DEGREES + 1)[k]) for k in range(1, DEGREES + 1)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def log_density(rotations: np.ndarray) -> np.ndarray:
    """Of a Gaussian in the angle from rotations (..., 3, 3), over the grid (..., CELLS); 0 at its peak, at least
    `FLOOR`."""
    angle = _angles(rotations, grid())
    return np.maximum(-0.5 * (angle / SPREAD) ** 2, FLOOR).astype(np.float32)


def soft_label(rotations: np.ndarray) -> np.ndarray:
    """Probabilities (CELLS,) around rotations (K, 3, 3) that are equally right."""
    density = np.exp(-0.5 * (_angles(rotations, grid()) / SPREAD) ** 2)
    return (density / density.sum(-1, keepdims=True)).mean(0).astype(np.float32)


def likeliest(probabilities: np.ndarray) -> np.ndarray:
    """Rotations (B, 3, 3) at the peaks of probabilities (B, CELLS): the mean of the cells around, as rotations."""
    cells, peaks = grid().astype(float), grid()[probabilities.argmax(-1)].astype(float)
    for _ in range(2):  # the second time around the first mean, so that no side is cut off
        near = _angles(peaks, cells) < 3 * SPREAD
        peaks = _nearest_rotation(np.einsum("bn,nij->bij", probabilities * near, cells))
    return peaks


def facing(rotations: np.ndarray, home: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) of a gripper, or with its fingers exchanged: whichever are nearer to `home` (..., 3, 3)."""
    turned = rotations @ HALF_TURN
    nearer = (rotations * home).sum((-2, -1)) >= (turned * home).sum((-2, -1))
    return np.where(nearer[..., None, None], rotations, turned)


def _angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angles (..., N) [rad] between rotations (..., 3, 3) and (N, 3, 3)."""
    trace = first.reshape(*first.shape[:-2], 9) @ second.reshape(-1, 9).T
    return np.arccos(np.clip((trace - 1) / 2, -1, 1))


def mean_rotation(rotations: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) whose matrix is nearest to the mean of rotations (N, 3, 3)."""
    return _nearest_rotation(np.mean(rotations, axis=0))


def _nearest_rotation(matrices: np.ndarray) -> np.ndarray:
    """The rotations (..., 3, 3) nearest to matrices (..., 3, 3), by their singular values (Kabsch 1976); NaN for those
    that are not finite."""
    finite = np.isfinite(matrices).all((-2, -1))[..., None, None]
    left, _, right = np.linalg.svd(np.where(finite, matrices, np.eye(3)))
    left[..., -1] *= np.sign(np.linalg.det(left @ right))[..., None]
    return np.where(finite, left @ right, np.nan)
