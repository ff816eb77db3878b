"""Executing one action in physics: the arm moves first, then the gripper opens or closes."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from stages.geometry.poses import pose_to_matrix
from stages.simulators.tabletop.kinematics import Kinematics
from stages.simulators.tabletop.motion import MotionPlanner, timed
from stages.simulators.tabletop.panda import (
    ARM_JOINTS,
    CLOSED_COMMAND,
    FINGER_JOINTS,
    FINGER_TRAVEL,
    GRIPPER_ACTUATOR,
    OPEN_COMMAND,
)

UNREACHABLE = "unreachable"

ARRIVED, ARRIVED_TO_GRIP = 0.05, 0.02
"""How near to the commanded position the tip must come; the gripper only acts within the second [m]."""

TRIES = 3
SETTLE = 0.05
"""Rest after a move [s]."""

GRIPPER_TIME = 0.30
"""Time given to the fingers [s]."""

FINGER_SPEED = 0.30
"""[m/s]"""


class Executor:
    """Carries out actions in one scene.

    Args:
        model, data: MuJoCo's.

    Attributes:
        after_step: called after every simulation step.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model, self._data = model, data
        self.after_step: Callable[[], None] = lambda: None
        self._kinematics = Kinematics(model)
        self._planner = MotionPlanner(self._kinematics)
        self._arm = np.array([model.joint(name).qposadr[0] for name in ARM_JOINTS])
        self._arm_servos = np.array([model.actuator(name).id for name in ARM_JOINTS])
        self._gripper = model.actuator(GRIPPER_ACTUATOR).id
        self._finger = model.joint(FINGER_JOINTS[0]).qposadr[0]

    def stand(self, joints: np.ndarray) -> None:
        """Put the arm at rest at joint angles (7,) with an open gripper."""
        self._data.qpos[self._arm] = joints
        for name in FINGER_JOINTS:
            self._data.joint(name).qpos[0] = FINGER_TRAVEL
        self._data.ctrl[self._arm_servos] = joints
        self._data.ctrl[self._gripper] = OPEN_COMMAND

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / self._model.opt.timestep)):
            self._step()

    def execute(self, action: np.ndarray) -> str | None:
        """Carry out an action (8,) or (9,).

        Returns:
            None, or `UNREACHABLE`, in which case nothing has moved.
        """
        goal = pose_to_matrix(action[:7])
        change = bool(action[7] > 0.5) != self._is_open()
        avoid = len(action) > 8 and action[8] < 0.5
        for _ in range(TRIES):
            if not self._move(goal, avoid):
                return UNREACHABLE
            distance = np.linalg.norm(self._tip() - goal[:3, 3])
            if distance < (ARRIVED_TO_GRIP if change else ARRIVED):
                break
        if change and distance < ARRIVED_TO_GRIP:
            self._actuate(not self._is_open())
        return None

    def _move(self, goal: np.ndarray, avoid: bool) -> bool:
        self._kinematics.follow(self._data.qpos)
        path = self._planner.plan(self._data.qpos[self._arm], goal, avoid)
        if path is None:
            return False
        for target in timed(path, self._model.opt.timestep):
            self._data.ctrl[self._arm_servos] = target
            self._step()
        self.wait(SETTLE)
        return True

    def _actuate(self, open_: bool) -> None:
        end = OPEN_COMMAND if open_ else CLOSED_COMMAND
        stride = FINGER_SPEED * self._model.opt.timestep
        command = float(self._data.qpos[self._finger])
        for _ in range(round(GRIPPER_TIME / self._model.opt.timestep)):
            command += np.clip(end - command, -stride, stride)
            self._data.ctrl[self._gripper] = command
            self._step()

    def _is_open(self) -> bool:
        return bool(self._data.ctrl[self._gripper] > 0)

    def _tip(self) -> np.ndarray:
        return self._kinematics.forward(self._data.qpos[self._arm])[:3, 3]

    def _step(self) -> None:
        mujoco.mj_step(self._model, self._data)
        self.after_step()
