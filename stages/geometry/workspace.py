"""Where things happen: GemBench's scene bounds in the world frame (X away from the robot, Y to its left, Z up) [m]."""

from __future__ import annotations

import numpy as np

WORKSPACE_LOW = np.array([-0.3, -0.5, 0.6])
WORKSPACE_HIGH = np.array([0.7, 0.5, 1.6])
WORKSPACE_CENTRE = (WORKSPACE_LOW + WORKSPACE_HIGH) / 2
WORKSPACE_EXTENT = 1.0
TABLE_HEIGHT = 0.752


def inside_workspace(points: np.ndarray) -> np.ndarray:
    """Which points (..., 3) [m] lie in the workspace cube: (...,) bool."""
    return np.all((points >= WORKSPACE_LOW) & (points <= WORKSPACE_HIGH), axis=-1)


def workspace_text() -> str:
    """The workspace in words."""
    axes = zip("xyz", WORKSPACE_LOW, WORKSPACE_HIGH, strict=True)
    return ", ".join(f"{axis} {low:g} to {high:g}" for axis, low, high in axes) + " m"
