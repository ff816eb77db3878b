"""Recording what the robot and the world do while actions are executed."""

from __future__ import annotations

import mujoco
import numpy as np

from stages.simulators.protocol import Trajectory
from stages.simulators.tabletop.panda import ARM_JOINTS
from stages.simulators.tabletop.state import State

FULL_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS


class Recorder:
    """Takes a sample of the simulation at a fixed rate and at every keyframe.

    Args:
        state: live view of the simulation.
        rate: samples per second [Hz].
    """

    def __init__(self, state: State, rate: float) -> None:
        self._state = state
        self._stride = max(1, round(1 / (rate * state.model.opt.timestep)))
        self._positions = np.array([state.model.joint(name).qposadr[0] for name in ARM_JOINTS])
        self._velocities = np.array([state.model.joint(name).dofadr[0] for name in ARM_JOINTS])
        self._steps = 0
        self._samples: list[tuple] = []
        self._keyframes: list[int] = []

    def after_step(self) -> None:
        """Called after every simulation step."""
        self._steps += 1
        if self._steps % self._stride == 0:
            self._sample()

    def keyframe(self) -> None:
        """The present moment is an observation."""
        if not self._samples or self._samples[-1][0] != self._state.data.time:
            self._sample()
        self._keyframes.append(len(self._samples) - 1)
        self._steps = 0

    def __len__(self) -> int:
        """Number of keyframes."""
        return len(self._keyframes)

    def adopt(self, other: Recorder, motions: int) -> None:
        """Take over another recording of the same episode, as far as its first motions go."""
        self._keyframes = other._keyframes[: motions + 1]
        self._samples = other._samples[: self._keyframes[-1] + 1]
        self._steps = 0

    def trajectory(self) -> Trajectory:
        """Everything recorded so far."""
        columns = [np.array(column) for column in zip(*self._samples, strict=True)]
        return Trajectory(*columns, keyframes=np.array(self._keyframes))

    def _sample(self) -> None:
        model, data = self._state.model, self._state.data
        full = np.empty(mujoco.mj_stateSize(model, FULL_STATE))
        mujoco.mj_getState(model, data, full, FULL_STATE)
        self._samples.append(
            (
                data.time,
                data.qpos[self._positions],
                data.qvel[self._velocities],
                self._state.tip_pose,
                self._state.gripper_open,
                full,
            )
        )
