"""Where the keypoints of an evaluation come from: the planner, chance, or the truth."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from stages.core.errors import UserError
from stages.geometry.workspace import TABLE_HEIGHT, WORKSPACE_HIGH, WORKSPACE_LOW
from stages.settings.loader import nearest
from stages.simulators.protocol import Motion

Keypoints = Literal["planner", "random", "truth"]

RANDOM_HEIGHT = 0.3
"""Random keypoints lie up to this far above the table [m]."""


class KeypointSource:
    """Gives the keypoint that replaces the planner's at each observation of one episode.

    Args:
        kind: "planner" replaces nothing; "random" draws uniformly over the table in the workspace; "truth" takes
            the expert's keypoint.
        seed: entropy of the draws.
    """

    def __init__(self, kind: Keypoints, seed: list[int]) -> None:
        self.kind = check_keypoints(kind)
        self._rng = np.random.default_rng(seed)

    def keypoint(self, motion: Motion | None) -> np.ndarray | None:
        """The keypoint (3,) [m] to use, or None for the planner's own.

        Args:
            motion: what the expert would do now; None once it has finished.
        """
        if self.kind == "random":
            low, high = WORKSPACE_LOW.copy(), WORKSPACE_HIGH.copy()
            low[2], high[2] = TABLE_HEIGHT, TABLE_HEIGHT + RANDOM_HEIGHT
            return self._rng.uniform(low, high)
        if self.kind == "truth" and motion is not None:
            return np.asarray(motion.keypoint, float)
        return None


def check_keypoints(kind: str) -> Keypoints:
    """The kind, if there is one of that name.

    Raises:
        UserError: there is none.
    """
    known = get_args(Keypoints)
    if kind not in known:
        raise UserError(f"there is no source of keypoints '{kind}'", nearest(kind, known))
    return kind
