"""LeRobot's form of a policy: a batch of observations as tensors in, a tensor of actions out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from stages.bridges.lerobot.layout import DEPTH, IMAGES, STATE, extrinsics_key, intrinsics_key
from stages.core.decision import Decision
from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation

if TYPE_CHECKING:
    import torch

POSE_AND_OPENING = 8
"""Numbers of an action; a state has the joint positions besides."""

STATE_LENGTH = POSE_AND_OPENING + 7


class OneRobotPolicy(Protocol):
    """A policy in closed loop with one robot."""

    def reset(self, instruction: str) -> None: ...

    def select_action(self, observation: Observation) -> Decision: ...


class BatchedPolicy:
    """A policy for each robot of a batch; a robot's episode begins with its first observation, or with another task.

    Attributes:
        decisions: what was decided last, one a robot.
    """

    def __init__(self, make: Callable[[], OneRobotPolicy]) -> None:
        self._make = make
        self._robots: list[tuple[str, OneRobotPolicy]] = []
        self.decisions: list[Decision] = []

    def select_action(self, batch: Mapping[str, Any], instruction: str) -> torch.Tensor:
        """Actions (B, 8): tip pose (position [m], quaternion xyzw) and gripper open; see `observations` for the batch.

        Args:
            batch: `task`, a text or B texts, says what to do; without it `instruction` does.
            instruction: what all robots do where the batch does not say it.

        Raises:
            UserError: something is missing in the batch, or has another shape.
        """
        import torch

        seen = observations(batch)
        tasks = _tasks(batch, instruction, len(seen))
        if len(self._robots) != len(seen):
            self._robots = [("", self._make()) for _ in seen]
        for number, task in enumerate(tasks):
            if task != self._robots[number][0]:
                self._robots[number][1].reset(task)
                self._robots[number] = task, self._robots[number][1]
        self.decisions = [robot.select_action(one) for (_, robot), one in zip(self._robots, seen, strict=True)]
        actions = np.stack([decision.action[:POSE_AND_OPENING] for decision in self.decisions])
        return torch.as_tensor(actions, dtype=torch.float32, device=getattr(batch[STATE], "device", "cpu"))


def observations(batch: Mapping[str, Any]) -> list[Observation]:
    """The B observations of a batch.

    Its keys are those of `clap export lerobot`: `observation.state` (B, 15), tip pose, gripper open and joint
    positions; of each camera `observation.images.<camera>` (B, 3, H, W) in 0..1 or (B, H, W, 3) uint8,
    `observation.depth.<camera>` (B, H, W) or (B, 1, H, W) [m], `camera.<camera>.intrinsics` (B, 3, 3) and
    `camera.<camera>.extrinsics` (B, 4, 4).

    Raises:
        UserError: something is missing, or has another shape.
    """
    state = _array(batch, STATE)
    if state.ndim != 2 or state.shape[1] != STATE_LENGTH:
        raise UserError(
            f"{STATE} has the shape {state.shape}", "Give tip pose, gripper open and joint positions, (B, 15)"
        )
    names = [key.removeprefix(IMAGES) for key in batch if key.startswith(IMAGES) and not key.endswith("_is_pad")]
    if not names:
        raise UserError("the batch has no camera", f"Give {IMAGES}<camera>, {DEPTH}<camera> and its parameters")
    cameras = {name: _frames(batch, name, len(state)) for name in names}
    return [
        Observation(
            cameras={name: frames[number] for name, frames in cameras.items()},
            gripper_pose=row[:7],
            gripper_open=float(row[7]),
            joint_positions=row[POSE_AND_OPENING:],
        )
        for number, row in enumerate(state.astype(float))
    ]


def _frames(batch: Mapping[str, Any], name: str, count: int) -> list[CameraFrame]:
    images, depth = _array(batch, f"{IMAGES}{name}"), _array(batch, f"{DEPTH}{name}").astype(np.float32)
    depth = depth[:, 0] if depth.ndim == 4 else depth
    colours = images if images.dtype == np.uint8 else np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    colours = np.moveaxis(colours, 1, -1) if colours.ndim == 4 and colours.shape[1] == 3 else colours
    intrinsics = _array(batch, intrinsics_key(name)).astype(float)
    transforms = _array(batch, extrinsics_key(name)).astype(float)
    shapes = (depth.shape[:1], colours.shape, intrinsics.shape, transforms.shape)
    if shapes != ((count,), (*depth.shape, 3), (count, 3, 3), (count, 4, 4)):
        what = f"the camera '{name}' has depth {depth.shape}, colours {colours.shape} and parameters {shapes[2:]}"
        raise UserError(what, f"Give all of them for {count} robots, in one size")
    return [CameraFrame(*one) for one in zip(colours, depth, intrinsics, transforms, strict=True)]


def _array(batch: Mapping[str, Any], key: str) -> np.ndarray:
    if key not in batch:
        raise UserError(f"the batch has no {key}", "See docs/interoperability.md for the keys that CLAP needs")
    value = batch[key]
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _tasks(batch: Mapping[str, Any], instruction: str, count: int) -> list[str]:
    """What each robot does."""
    given = batch.get("task") or instruction
    tasks = [given] * count if isinstance(given, str) else [str(task) for task in given]
    if len(tasks) != count or not all(tasks):
        raise UserError("the batch has not one task for each robot", "Give `task`, or call reset(instruction) first")
    return tasks
