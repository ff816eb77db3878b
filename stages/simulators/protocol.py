"""What every simulator offers, whatever its physics: the only face of a simulator that the stages know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from stages.core.observation import CameraFrame, Observation
from stages.core.steps import Step

Kind = Literal["object", "part", "place"]

RecordedEpisode = Callable[[str, int, int], Path]
"""(task, variation, seed of the scene) -> the folder of the recorded episode that has this scene."""


@dataclass(frozen=True)
class SceneObject:
    """Ground truth of one named thing.

    Attributes:
        name: noun phrase in lower case ("red block"); equal things share one name.
        position: (3,) anchor, world frame [m].
        mask_id: its id in instance masks.
        size: (3,) extents along its own axes [m], or None.
        kind: an object, a part of one, or a place.
    """

    name: str
    position: np.ndarray
    mask_id: int
    size: np.ndarray | None
    kind: Kind


@dataclass(frozen=True)
class Motion:
    """One keyframe move of an expert.

    Attributes:
        action: (9,) tip pose (position [m], quaternion xyzw, world frame), gripper open (1/0), ignore collision (1/0).
        step: the language step that the motion belongs to.
        keypoint: (3,) where the thing named by `step.focus` is when the motion begins, world frame [m].
    """

    action: np.ndarray
    step: Step
    keypoint: np.ndarray


@dataclass(frozen=True)
class Trajectory:
    """What the robot and the world did since the last reset, at a fixed rate.

    Attributes:
        time: (T,) [s].
        joint_positions: (T, 7) [rad].
        joint_velocities: (T, 7) [rad/s].
        gripper_pose: (T, 7) tip pose, world frame.
        gripper_open: (T,) opening in [0, 1].
        states: (T, D) simulator states; `Simulator.observe_state` sees them again.
        keyframes: (K + 1,) index of the sample at each observation: the first, then one per executed action.
    """

    time: np.ndarray
    joint_positions: np.ndarray
    joint_velocities: np.ndarray
    gripper_pose: np.ndarray
    gripper_open: np.ndarray
    states: np.ndarray
    keyframes: np.ndarray


@dataclass(frozen=True)
class Demonstration:
    """A task shown from beginning to end in K motions, without a word about things and steps.

    Attributes:
        instructions: all paraphrases.
        observations: K + 1, before each motion and after the last.
        actions: (K, 9) as of `Motion`.
        trajectory: the dense recording.
    """

    instructions: list[str]
    observations: list[Observation]
    actions: np.ndarray
    trajectory: Trajectory


class Simulator(Protocol):
    """A robot at a table with a task. Equal seeds give bit-identical episodes.

    One without ground truth (`suites.Suite.has_truth`) has neither `truth` nor an `expert`: both are empty.
    """

    def reset(self, task: str, variation: int, seed: int) -> tuple[list[str], Observation]:
        """Set the scene of an episode.

        Returns:
            The paraphrases of the instruction, and the first observation.

        Raises:
            UserError: unknown task or variation.
        """
        ...

    def novel_instructions(self) -> list[str]:
        """Other wordings of this episode's instruction, for evaluation only: training never hears them."""
        ...

    def step(self, action: np.ndarray) -> tuple[Observation, bool, bool, dict[str, Any]]:
        """Move to the commanded tip pose, then actuate the gripper if its state changes.

        Args:
            action: (8,) pose and gripper open, or (9,) with ignore collision.

        Returns:
            The observation after the motion, success, done, and info with `error`: None or "unreachable".
        """
        ...

    def truth(self) -> list[SceneObject]:
        """Every named object, part and place, where it is now."""
        ...

    def expert(self) -> Iterator[Motion]:
        """The demonstrator: each motion follows from the state at the time it is asked for."""
        ...

    def trajectory(self) -> Trajectory:
        """The dense recording since the last reset."""
        ...

    def render_state(self, state: np.ndarray, camera: str | Sequence[str], image_size: int) -> dict[str, CameraFrame]:
        """What cameras see of a recorded state (D,) of this episode."""
        ...

    def observe_state(self, state: np.ndarray) -> Observation:
        """The observation at a recorded state (D,) of this episode."""
        ...

    def close(self) -> None:
        """Let go of everything held."""
        ...


@runtime_checkable
class Demonstrator(Protocol):
    """A simulator whose demonstrations are made by itself, from beginning to end."""

    def demonstration(self, task: str, variation: int, seed: int) -> Demonstration | None:
        """Show a task; None where that fails in this scene.

        Raises:
            UserError: unknown task or variation.
        """
        ...
