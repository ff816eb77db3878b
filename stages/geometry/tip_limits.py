"""Where a tip may be sent: `ClapPolicy` checks its actions here, and real arms check once more what they are given."""

from __future__ import annotations

import numpy as np

from stages.geometry.workspace import WORKSPACE_HIGH, WORKSPACE_LOW, workspace_text

LOWEST_TIP = 0.755
"""Height below which no tip is sent: 3 mm above the table [m]."""

SLACK = 0.02
"""An action at most so far outside of the workspace is moved onto its border; others are not meant [m]."""

TIP_LOW = np.array([*WORKSPACE_LOW[:2], LOWEST_TIP])
"""Lowest coordinates of a tip [m]."""


def safe_action(action: np.ndarray) -> tuple[np.ndarray, str]:
    """An action that a robot may be sent.

    Args:
        action: (9,) tip pose, gripper, ignore collision.

    Returns:
        The action with a unit quaternion, inside the workspace and above the table, and ""; or, if it is not finite or
        lies elsewhere, the action as it was and why it must not be sent.
    """
    norm = float(np.linalg.norm(action[3:7]))
    if not np.isfinite(action).all() or norm < 0.5:
        return action, "the predicted action is not a pose"
    inside = np.clip(action[:3], TIP_LOW, WORKSPACE_HIGH)
    if np.abs(inside - action[:3]).max() > SLACK:
        place = ", ".join(f"{value:.3f}" for value in action[:3])
        return action, f"the predicted tip at ({place}) m is outside of the workspace, {workspace_text()}"
    return np.concatenate([inside, action[3:7] / norm, action[7:]]), ""
