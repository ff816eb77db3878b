"""What data cannot be: of one frame, in other units than metres, of a robot that is nowhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stages.artifacts.episode import Episode
from stages.core.errors import UserError
from stages.simulators.tabletop.tasks import level_of

FARTHEST = 10.0
"""Of hand and cameras from the world's origin [m]."""

FARTHEST_SEEN = 100.0
"""What half of the pixels show is nearer than this to the camera [m]."""


def plausible(episode: Episode, where: Path) -> Episode:
    """The episode, if it can be one.

    Args:
        where: the file that it was read from.

    Raises:
        UserError: it has no motion, its poses are not numbers, or its lengths are not in metres.
    """
    check_motions(len(episode), where)
    first = episode.observations[0]
    poses = np.concatenate([episode.actions[:, :7], [o.gripper_pose for o in episode.observations]])
    if not np.isfinite(poses).all() or not (np.linalg.norm(poses[:, 3:], axis=1) > 0).all():
        raise UserError(f"{where} has poses of the hand that are none", "Leave this episode out")
    positions = [*poses[:, :3], *(frame.camera_to_world[:3, 3] for frame in first.cameras.values())]
    seen = [np.median(frame.depth) for frame in first.cameras.values()]
    if not np.abs(positions).max() < FARTHEST or not max(seen, default=0) < FARTHEST_SEEN:
        raise UserError(f"the lengths in {where} are not in metres", "Convert poses, cameras and depth to metres")
    return episode


def check_motions(count: int, where: Path) -> None:
    """Refuse an episode of so many motions if there is none.

    Raises:
        UserError: there is none.
    """
    if count < 1:
        raise UserError(f"{where} has one frame, which is no demonstration", "Leave this episode out")


def known_level(task: str, variation: int) -> str:
    """GemBench's level of a variation; "train" of those that it does not have."""
    return level_of(task, variation) or "train"
