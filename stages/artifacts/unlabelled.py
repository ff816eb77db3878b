"""Episodes that nobody labelled, as other projects' and people's: without steps, objects and targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np

from stages.artifacts.episode import Episode, ObjectTracks
from stages.core.instruction import read_instruction
from stages.core.observation import Observation

UNKNOWN_JOINTS = np.full(7, np.nan)
"""Joint positions of a robot whose joints nobody recorded."""


def unlabelled_episode(
    task: str,
    variation: int,
    instructions: Sequence[str],
    observations: Sequence[Observation],
    actions: np.ndarray,
    *,
    seed: int = 0,
    level: str = "train",
    success: bool = True,
    trajectory: Mapping[str, np.ndarray] | None = None,
) -> Episode:
    """An episode of K motions without ground truth; `clap annotate-keypoints` and `clap decompose` infer what lacks.

    Args:
        instructions: all paraphrases, at least one; each is cleaned, and the seed chooses which the episode has.
        observations: K + 1 keyframes, before each motion and after the last.
        actions: (K, 9) tip pose, gripper open, ignore collision; world frame [m].
        seed: any number that tells the episodes of a variation apart.
        level: of the variation: train, l1, l2, l3 or l4.
        success: whether the task was done.
        trajectory: the dense recording, arrays by the names of `TRAJECTORY`; None = only the keyframes are known.
    """
    count, instructions = len(actions), tuple(dict.fromkeys(map(read_instruction, instructions)))
    return Episode(
        task=task,
        variation=variation,
        level=level,
        seed=seed,
        instruction=_choose(instructions, f"{task}+{variation}", seed),
        instructions=instructions,
        success=success,
        observations=tuple(observations),
        actions=np.asarray(actions, float).reshape(count, 9),
        steps=("",) * count,
        targets=np.full((count, 3), np.nan),
        objects=ObjectTracks((), (), np.zeros(0, np.int64), np.zeros((count, 0, 3))),
        states=np.zeros((count, 0)),
        rewards=np.append(np.zeros(count), float(success))[1:],
        trajectory=dict(trajectory) if trajectory is not None else keyframe_trajectory(observations),
    )


def keyframe_trajectory(observations: Sequence[Observation]) -> dict[str, np.ndarray]:
    """The trajectory of which only the keyframes are known: one sample each, the robot at rest."""
    count = len(observations)
    return {
        "time": np.array([observation.time for observation in observations], float),
        "joint_positions": np.array([observation.joint_positions for observation in observations], float),
        "joint_velocities": np.zeros((count, 7)),
        "gripper_pose": np.array([observation.gripper_pose for observation in observations], float),
        "gripper_open": np.array([observation.gripper_open for observation in observations], float),
        "states": np.zeros((count, 0)),
        "keyframes": np.arange(count),
    }


def _choose(instructions: Sequence[str], taskvar: str, seed: int) -> str:
    """The paraphrase of an episode."""
    rng = np.random.default_rng([seed, crc32(taskvar.encode())])
    return instructions[int(rng.integers(len(instructions)))]
