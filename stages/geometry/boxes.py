"""Boxes of links, as RLBench measures them."""

from __future__ import annotations

import numpy as np

from stages.geometry.poses import quaternion_to_matrix

MARGIN = 0.01
"""Added to each side [m]."""


def inside_box(points: np.ndarray, box: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Which points (..., 3) [m] lie in a box (...,).

    Args:
        box: (6,) low and high along each of its own axes [m].
        pose: (7,) of its centre, world frame.
    """
    local = (points - pose[:3]) @ quaternion_to_matrix(pose[3:7])
    return (np.abs(local) <= (box[1::2] - box[::2]) / 2 + MARGIN).all(axis=-1)
