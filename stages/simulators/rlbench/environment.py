"""RLBench behind the simulators' protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stages.artifacts.unlabelled import keyframe_trajectory
from stages.core.errors import UserError
from stages.core.observation import CAMERAS, CameraFrame, Observation
from stages.rlbench.scenes import read_scene
from stages.simulators.protocol import Demonstration, Motion, RecordedEpisode, SceneObject, Trajectory
from stages.simulators.rlbench.execution import commanded, execute
from stages.simulators.rlbench.installation import check_installation
from stages.simulators.rlbench.live import live_recording
from stages.simulators.rlbench.session import Session, seed_everything

MOTION_SECONDS = 1.0
"""Nominal time of a motion, as RLBench does not tell [s]."""


class Rlbench:
    """RLBench's tasks, moved as GemBench's evaluation does; nothing about a scene is known but what cameras see.

    Scenes follow from the seed. Motions need not be the same twice, as CoppeliaSim's motion planner draws by itself.

    Args:
        image_size: side of the square images [px].
        cameras: names of RLBench's cameras.
        recorded: (task, variation, seed) -> the recorded episode, a folder, in whose scene an episode begins; None =
            scenes are drawn from their seeds.

    Raises:
        UserError: RLBench is not installed; CoppeliaSim starts with the first episode.
    """

    def __init__(
        self, image_size: int = 128, cameras: Sequence[str] = CAMERAS, recorded: RecordedEpisode | None = None
    ) -> None:
        check_installation()
        self._image_size, self._cameras, self._recorded = image_size, tuple(cameras), recorded
        self._session: Session | None = None
        self._task: Any = None
        self._observations: list[Observation] = []
        self._commanded_open = 1.0

    def reset(self, task: str, variation: int, seed: int) -> tuple[list[str], Observation]:
        """Set the scene of an episode; see `Simulator`."""
        self._task = self._running().task(task, variation)
        instructions, seen = self._reset_task(task, variation, seed)
        self._observations = []
        self._keep(seen)
        self._commanded_open = float(seen.gripper_open)
        return list(instructions), self._observations[-1]

    def novel_instructions(self) -> list[str]:
        """None: RLBench has no wordings that training does not hear."""
        return []

    def step(self, action: np.ndarray) -> tuple[Observation, bool, bool, dict[str, Any]]:
        """Move as GemBench's executor does; see `Simulator`."""
        target, error = commanded(action), None
        try:
            seen, success = execute(self._task.step, target, self._commanded_open)
        except self._running().installation.unreachable as refusal:
            seen, success, error = self._task.get_observation(), False, str(refusal)
        self._commanded_open = float(target[7])
        self._keep(seen)
        info = {"error": "unreachable" if error is not None else None, "reason": error}
        return self._observations[-1], success, success or error is not None, info

    def truth(self) -> list[SceneObject]:
        """Nothing: RLBench names no things."""
        return []

    def expert(self) -> Iterator[Motion]:
        """Nobody: RLBench's demonstrator does not act motion by motion; see `demonstration`."""
        return iter(())

    def demonstration(self, task: str, variation: int, seed: int) -> Demonstration | None:
        """RLBench's own demonstration in the scene of a seed; see `Demonstrator`."""
        instructions, _ = self.reset(task, variation, seed)
        seed_everything(seed)
        try:
            (demo,) = self._task.get_demos(1, live_demos=True)
        except RuntimeError:
            return None
        recording = live_recording(list(demo), f"RLBench's demonstration of {task}+{variation}")
        keyframes = recording.keyframes()
        return Demonstration(
            instructions=instructions,
            observations=[recording.observation(int(frame), self._cameras) for frame in keyframes],
            actions=np.array([recording.action(int(frame)) for frame in keyframes[1:]]).reshape(-1, 9),
            trajectory=Trajectory(**recording.trajectory, keyframes=keyframes),
        )

    def trajectory(self) -> Trajectory:
        """The keyframes: RLBench does not tell what was between them."""
        return Trajectory(**keyframe_trajectory(self._observations))

    def render_state(self, state: np.ndarray, camera: str | Sequence[str], image_size: int) -> dict[str, CameraFrame]:
        """Refused: see `observe_state`."""
        raise UserError("RLBench keeps no states of its scenes", "Use the images that were recorded")

    def observe_state(self, state: np.ndarray) -> Observation:
        """Refused: RLBench's scenes cannot be set to what they were."""
        raise UserError("RLBench keeps no states of its scenes", "Use the images that were recorded")

    def close(self) -> None:
        """End CoppeliaSim."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _running(self) -> Session:
        if self._session is None:
            self._session = Session(self._image_size, self._cameras)
        return self._session

    def _reset_task(self, task: str, variation: int, seed: int) -> tuple[Sequence[str], Any]:
        seed_everything(seed)
        try:
            if self._recorded is None:
                return self._task.reset()
            scene = read_scene(self._recorded(task, variation, seed))
            return self._task.reset_to_demo(self._running().demo(scene, variation))
        except self._running().installation.exceptions.TaskEnvironmentError as error:
            what = f"RLBench cannot set the scene of {task}+{variation}"
            raise UserError(f"{what}: {str(error).rstrip('.')}", "Try another seed") from error

    def _keep(self, seen: Any) -> None:
        """Add an observation of RLBench to the episode's."""
        observation = live_recording([seen], "RLBench's observation").observation(0, self._cameras)
        self._observations.append(replace(observation, time=MOTION_SECONDS * len(self._observations)))
