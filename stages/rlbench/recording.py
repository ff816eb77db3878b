"""A recorded sequence of RLBench's observations: a demonstration, or the one observation of this moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stages.artifacts.unlabelled import UNKNOWN_JOINTS
from stages.core.errors import UserError
from stages.core.keyframes import find_keyframes, marked_keyframes
from stages.core.observation import OPEN, Observation
from stages.rlbench.images import Images, camera_frame

CAMERAS = ("left_shoulder", "right_shoulder", "overhead", "wrist", "front")

STEP = 0.05
"""Simulated time between two frames [s]; RLBench does not record time."""

FINGER_TRAVEL = 0.04
"""Stroke of one finger [m]."""


class Recording:
    """T frames of RLBench in our terms; images are asked for one at a time.

    Args:
        frames: RLBench's observations, or anything with their attributes.
        images: what a camera recorded at a frame, by the frame's number and the camera's name.
        where: the frames are from, for errors.

    Attributes:
        trajectory: arrays over all T frames, but for the keyframes.

    Raises:
        UserError: a frame lacks joint velocities, the gripper's pose or its opening.
    """

    def __init__(self, frames: Sequence[Any], images: Callable[[int, str], Images], where: object) -> None:
        self._frames, self._images, self._where = frames, images, where
        self.trajectory = {
            "time": STEP * np.arange(len(frames)),
            "joint_positions": self._array("joint_positions", 7, UNKNOWN_JOINTS),
            "joint_velocities": self._array("joint_velocities", 7),
            "gripper_pose": self._array("gripper_pose", 7),
            "gripper_open": self._opening(),
            "states": np.zeros((len(frames), 0)),
        }

    def keyframes(self, mode: str = "stops") -> np.ndarray:
        """Frames (K + 1,) of the observations, by one of the modes of `ImportConfig`."""
        if len(self._frames) < 2 or mode == "all":
            return np.arange(len(self._frames))
        speed, opening = self.trajectory["joint_velocities"], self.trajectory["gripper_open"]
        return marked_keyframes(speed, opening) if mode == "marks" else find_keyframes(self.trajectory)

    def action(self, frame: int) -> np.ndarray:
        """The motion (9,) that ends at a frame; without collision checking, as RLBench plans, unless it says more."""
        ignore = float(getattr(self._frames[frame], "ignore_collisions", 1.0))
        return np.append(
            self.trajectory["gripper_pose"][frame], [self.trajectory["gripper_open"][frame] > OPEN, ignore]
        )

    def observation(self, frame: int, cameras: Sequence[str]) -> Observation:
        """What the robot saw and felt at a frame."""
        misc = getattr(self._frames[frame], "misc", None)
        return Observation(
            cameras={name: camera_frame(self._images(frame, name), name, misc, self._where) for name in cameras},
            gripper_pose=self.trajectory["gripper_pose"][frame],
            gripper_open=float(self.trajectory["gripper_open"][frame]),
            joint_positions=self.trajectory["joint_positions"][frame],
            time=float(self.trajectory["time"][frame]),
        )

    def _array(self, name: str, width: int, default: np.ndarray | None = None) -> np.ndarray:
        """Values (T, width) of every frame."""
        rows = [getattr(frame, name, None) for frame in self._frames]
        if default is not None and all(row is None for row in rows):
            return np.tile(default, (len(rows), 1))
        try:
            return np.array(rows, float).reshape(len(rows), width)
        except (TypeError, ValueError) as error:
            hint = f"Record it: obs_config.{name} = True"
            raise UserError(f"{self._where} lacks {name.replace('_', ' ')} of a frame", hint) from error

    def _opening(self) -> np.ndarray:
        """Opening (T,) of the gripper: of its fingers where that agrees with the state that RLBench writes."""
        state = self._array("gripper_open", 1)[:, 0]
        fingers = self._array("gripper_joint_positions", 2, np.full(2, np.nan)).mean(axis=1) / FINGER_TRAVEL
        agrees = np.isfinite(fingers) & ((fingers > OPEN) == (state > OPEN))
        return np.where(agrees, np.clip(fingers, 0, 1), state)
