"""One episode in memory: a demonstration, a rollout or a recording."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from stages.core.observation import Observation


@dataclass(frozen=True)
class ObjectTracks:
    """Ground truth of the named objects, parts and places while an episode runs.

    Attributes:
        names: M noun phrases.
        kinds: M of object, part, place.
        mask_ids: (M,) ids in the instance masks.
        positions: (K, M, 3) anchors at each observation before a motion, world frame [m].
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    mask_ids: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """What a policy said before each of K motions.

    Attributes:
        steps: K step texts.
        keypoints: (K, 3) world frame [m].
        confidence: (K,).
        objects: K mappings of noun phrase to position (3,) [m].
        actions: (K, 9) predicted actions.
    """

    steps: tuple[str, ...]
    keypoints: np.ndarray
    confidence: np.ndarray
    objects: tuple[dict[str, list[float]], ...]
    actions: np.ndarray


TRAJECTORY = ("time", "joint_positions", "joint_velocities", "gripper_pose", "gripper_open", "states", "keyframes")
"""Arrays of a dense trajectory; `keyframes` (K + 1,) are the samples of the observations."""


@dataclass(frozen=True)
class Episode:
    """Initial observation and K motions.

    Attributes:
        task, variation, level: what was to be done; level is one of train, l1, l2, l3, l4.
        seed: of the placement.
        instruction: the one that was given.
        instructions: all paraphrases.
        success: whether the task's success test held at the end.
        observations: K + 1, before each motion and after the last.
        actions: (K, 9) commanded tip pose, gripper open, ignore collision; world frame [m].
        steps: K step texts; the step that each motion belongs to, or was meant for; empty where nobody knows it.
        targets: (K, 3) true place, before each motion, of the thing named by the step's focus [m]; NaN if unknown.
        objects: ground truth of the scene.
        states: (K, D) simulator state before each motion.
        rewards: (K,) 1 where the success test held after the motion.
        trajectory: the dense recording, arrays by the names of `TRAJECTORY`.
        plan: step texts that a policy planned; empty in demonstrations.
        error: why the episode ended early, or empty.
        predictions: of a policy; None in demonstrations.
    """

    task: str
    variation: int
    level: str
    seed: int
    instruction: str
    instructions: tuple[str, ...]
    success: bool
    observations: tuple[Observation, ...]
    actions: np.ndarray
    steps: tuple[str, ...]
    targets: np.ndarray
    objects: ObjectTracks
    states: np.ndarray
    rewards: np.ndarray
    trajectory: dict[str, np.ndarray]
    plan: tuple[str, ...] = ()
    error: str = ""
    predictions: Predictions | None = field(default=None)

    @property
    def taskvar(self) -> str:
        """GemBench's name of task and variation, "push_button+0"."""
        return f"{self.task}+{self.variation}"

    @property
    def is_labelled(self) -> bool:
        """Whether any motion's step is known; where none is, steps, objects and targets are to be inferred."""
        return any(self.steps)

    def __len__(self) -> int:
        """Number of motions K."""
        return len(self.steps)
