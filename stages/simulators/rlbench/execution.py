"""GemBench's executor: a motion is repeated until the hand is there, then the fingers act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stages.geometry.workspace import TABLE_HEIGHT

REPEATS = 10
"""How often a motion is tried."""

NEAR, NEAR_TO_ACT = 0.05, 0.02
"""How far off the hand may end, and where the fingers are to act [m]."""

LOWEST = TABLE_HEIGHT + 1e-3
"""Targets below are lifted to this, as RLBench refuses those at its workspace's floor and below [m]."""


def commanded(action: np.ndarray) -> np.ndarray:
    """What RLBench takes (8,), of an action (8,) or (9,): above the table, with a unit quaternion."""
    target = np.array(action[:8], float)
    target[2] = max(target[2], LOWEST)
    target[3:7] /= np.linalg.norm(target[3:7])
    return target


def execute(
    step: Callable[[np.ndarray], tuple[Any, float, bool]], target: np.ndarray, commanded_open: float
) -> tuple[Any, bool]:
    """Move the hand, then the fingers if they are to change and the hand is where it should be.

    Args:
        step: RLBench's: an action (8,) -> observation, reward, terminate.
        target: (8,) as of `commanded`.
        commanded_open: what the fingers were told before.

    Returns:
        The last observation, and success.

    Raises:
        Exception: what RLBench raises where the arm cannot go.
    """
    changes = (commanded_open > 0.5) != (target[7] > 0.5)
    held = np.append(target[:7], commanded_open)
    for _ in range(REPEATS):
        observation, reward, _ = step(held)
        off = np.linalg.norm(np.asarray(observation.gripper_pose)[:3] - target[:3])
        is_near = off < (NEAR_TO_ACT if changes else NEAR)
        if is_near or reward == 1:
            break
    if changes and is_near and reward != 1:
        observation, reward, _ = step(target)
    return observation, reward == 1
