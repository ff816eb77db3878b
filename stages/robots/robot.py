"""An arm and the cameras that see it: what a policy drives, and what a person demonstrates with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.core.observation import Observation
from stages.robots.arm import Arm, ArmState
from stages.robots.cameras import Camera

RECORD_HZ = 20.0
"""Sampling rate of what is recorded [Hz]."""


class Robot:
    """A real robot. What it does is recorded since `begin`.

    Args:
        arm: connected.
        cameras: open.
    """

    def __init__(self, arm: Arm, cameras: Sequence[Camera]) -> None:
        self.arm, self._cameras = arm, cameras
        self.begin()
        arm.on_state = self._sample

    def begin(self) -> None:
        """Forget what was recorded."""
        self._samples: list[ArmState] = []
        self._keyframes: list[int] = []
        self._of_keyframe: list[int] = []

    def observe(self) -> Observation:
        """What the robot sees and feels now, a keyframe of the recording.

        Raises:
            UserError: the connection with the arm or a camera is lost.
        """
        state = self.arm.state()
        frames = {camera.name: camera.read(state.tip_pose) for camera in self._cameras}
        self._keyframe(state)
        return Observation(frames, state.tip_pose, state.gripper_open, state.joint_positions, state.time)

    def repeat_keyframe(self) -> None:
        """Record the keyframe that was last once more, in place of one that could not be sensed."""
        self._keyframe(self._samples[-1])

    def trajectory(self) -> dict[str, np.ndarray]:
        """The recording, by the names of `stages.simulators.protocol.Trajectory`.

        `states` (T, 1) is the number of the keyframe that was last.
        """
        samples = self._samples
        return {
            "time": np.array([sample.time for sample in samples], float),
            "joint_positions": _rows([sample.joint_positions for sample in samples]),
            "joint_velocities": _rows([sample.joint_velocities for sample in samples]),
            "gripper_pose": _rows([sample.tip_pose for sample in samples]),
            "gripper_open": np.array([sample.gripper_open for sample in samples], float),
            "states": np.array(self._of_keyframe, float).reshape(-1, 1),
            "keyframes": np.array(self._keyframes, np.int64),
        }

    def close(self) -> None:
        """Stop the arm if it moves, and let go of everything."""
        try:
            self.arm.close()
        finally:
            for camera in self._cameras:
                camera.close()

    def _sample(self, state: ArmState) -> None:
        if not self._samples or state.time >= self._samples[-1].time + 1 / RECORD_HZ:
            self._add(state)

    def _keyframe(self, state: ArmState) -> None:
        if not self._samples or self._samples[-1] is not state:
            self._add(state)
        self._keyframes.append(len(self._samples) - 1)
        self._of_keyframe[-1] = len(self._keyframes) - 1

    def _add(self, state: ArmState) -> None:
        self._samples.append(state)
        self._of_keyframe.append(max(len(self._keyframes) - 1, 0))


def _rows(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.array(values, float).reshape(len(values), 7)
