"""A real robot in the place of a simulator, for the loop that drives a policy: nothing is known but what is sensed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation
from stages.robots.robot import Robot
from stages.simulators.protocol import Motion, SceneObject, Trajectory


class NotApproved(Exception):
    """Nothing was moved, as a person did not approve of it."""


class RobotScene:
    """`stages.simulators.protocol.Simulator` of a real robot.

    Its scene cannot be reset, and nothing in it is named. A recorded state is the number of the keyframe before it.

    Args:
        robot: connected.
        instruction: what it is to do.
        approve: asked before the first motion; None = approved.

    Attributes:
        trouble: what stopped the robot, or keeps it from seeing; "" = nothing.
    """

    def __init__(self, robot: Robot, instruction: str, approve: Callable[[], bool] | None = None) -> None:
        self._robot, self._instruction, self._approve = robot, instruction, approve
        self._observations: list[Observation] = []
        self.trouble = ""

    def reset(self, task: str, variation: int, seed: int) -> tuple[list[str], Observation]:
        """Begin a recording; the scene stays as it is."""
        self._robot.begin()
        self._observations = [self._robot.observe()]
        return [self._instruction], self._observations[0]

    def novel_instructions(self) -> list[str]:
        """None."""
        return []

    def step(self, action: np.ndarray) -> tuple[Observation, bool, bool, dict[str, Any]]:
        """Move; `error` in the info says why the robot did not, or was stopped. Success is for a person to tell.

        Raises:
            NotApproved: it is the first motion, and it was not approved.
        """
        if self._approve is not None and not self._approve():
            raise NotApproved
        self._approve = None
        error, unseen = self._moved(action), self._observed()
        error = error or unseen
        return self._observations[-1], False, bool(error), {"error": error or None}

    def truth(self) -> list[SceneObject]:
        """Nothing."""
        return []

    def expert(self) -> Iterator[Motion]:
        """Nobody."""
        return iter(())

    def trajectory(self) -> Trajectory:
        """What the robot did since it began."""
        return Trajectory(**self._robot.trajectory())

    def render_state(self, state: np.ndarray, camera: str | Sequence[str], image_size: int) -> dict[str, CameraFrame]:
        """What cameras saw at the keyframe before a recorded state, in their own sizes."""
        frames = self.observe_state(state).cameras
        return {name: frames[name] for name in ([camera] if isinstance(camera, str) else camera)}

    def observe_state(self, state: np.ndarray) -> Observation:
        """The keyframe before a recorded state."""
        return self._observations[min(int(state[0]), len(self._observations) - 1)]

    def close(self) -> None:
        """Let go of the robot."""
        self._robot.close()

    def _moved(self, action: np.ndarray) -> str:
        """Why a motion was not made, or the robot was stopped; "" if all is well."""
        try:
            return self._robot.arm.move(action)
        except UserError as doubt:
            self.trouble = doubt.what
            return str(doubt)

    def _observed(self) -> str:
        """Why nothing can be seen, "" if it can; an observation that fails is that before it."""
        try:
            self._observations.append(self._robot.observe())
        except UserError as failure:
            self.trouble = self.trouble or failure.what
            self._observations.append(self._observations[-1])
            self._robot.repeat_keyframe()
            return str(failure)
        return ""
