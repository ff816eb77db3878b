"""GemBench's challenge protocol: what its client sends, and what it wants back.

Everything is in the client's world frame, RLBench's, in which the workspace and the height of the table are fixed
(`stages.geometry.workspace`). Where its robot stands in it is not: that follows from the tip and the joint angles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import PointObservation
from stages.geometry.arm import base_pose, outside_arm
from stages.geometry.boxes import inside_box
from stages.geometry.workspace import inside_workspace
from stages.serving.encoding import unpack

UPRIGHT = np.deg2rad(5)
"""A robot further from upright than this has joint angles and a tip that contradict each other [rad]."""

_ARM_LINK = re.compile(r"Panda_(link0_visual|link[1-7]_respondable|gripper_visual)_bbox$")

FIELDS = ("taskvar", "episode_id", "step_id", "instruction", "obs_state_dict")
OBSERVATION_FIELDS = ("rgb", "pc", "gripper")


Episode = tuple[str, int]
"""Variation and number."""


@dataclass(frozen=True)
class ChallengeRequest:
    """One question of the client; `step_id` 0 begins an episode."""

    taskvar: str
    episode_id: int
    step_id: int
    instruction: str
    observation: PointObservation

    @property
    def episode(self) -> Episode:
        return self.taskvar, self.episode_id


def read_episode_and_step(body: bytes) -> tuple[Episode, int] | None:
    """Episode and step of a request, whatever else is wrong with it; None if they cannot be read."""
    try:
        message = unpack(body)
        _require(message, ("taskvar", "episode_id", "step_id"), "the request")
        return (_text(message, "taskvar"), _whole(message, "episode_id")), _whole(message, "step_id")
    except UserError:
        return None


def parse_request(body: bytes) -> ChallengeRequest:
    """Read a challenge request.

    Raises:
        UserError: not msgpack-numpy, or a field is missing or malformed.
    """
    message = unpack(body)
    _require(message, FIELDS, "the request")
    _require(message["obs_state_dict"], OBSERVATION_FIELDS, "obs_state_dict")
    episode_id, step_id = (_whole(message, name) for name in ("episode_id", "step_id"))
    taskvar, instruction = (_text(message, name) for name in ("taskvar", "instruction"))
    return ChallengeRequest(taskvar, episode_id, step_id, instruction, point_observation(message["obs_state_dict"]))


def point_observation(state: Mapping[str, Any]) -> PointObservation:
    """Fuse GemBench's point images into one cloud, cropped to the workspace.

    Args:
        state: `rgb` (C, H, W, 3) uint8, `pc` (C, H, W, 3) [m, world], `gripper` (8,) position, quaternion xyzw, open;
            `arm_links_info`, boxes and poses of the links by name, and `joint_positions` (7,) [rad] tell which points
            are the arm's; both may be left out. Where both are sent, the boxes count.
    """
    try:
        rgb, points, gripper = (np.asarray(state[name]) for name in OBSERVATION_FIELDS)
    except ValueError as error:
        raise UserError(
            f"the observation is not made of arrays ({error})", "Send rgb, pc and gripper as arrays"
        ) from error
    if points.ndim != 4 or points.shape[-1] != 3 or points.shape != rgb.shape:
        shapes = f"pc has shape {points.shape}, rgb {rgb.shape}"
        raise UserError(shapes, "Send both as (cameras, height, width, 3)")
    if rgb.dtype != np.uint8 or points.dtype.kind != "f":
        raise UserError(f"rgb is {rgb.dtype}, pc {points.dtype}", "Send rgb as uint8 and pc as float32")
    if gripper.shape != (8,) or gripper.dtype.kind not in "fiu" or not np.isfinite(gripper).all():
        raise UserError("gripper is not 8 finite numbers", "Send position, quaternion xyzw and opening")
    if np.linalg.norm(gripper[3:7]) < 1e-6:
        raise UserError("the gripper's quaternion is zero", "Send a unit quaternion xyzw")
    points = points.reshape(-1, 3).astype(np.float32)
    keep = np.isfinite(points).all(axis=1) & inside_workspace(points)
    points, colours, pose = points[keep], rgb.reshape(-1, 3)[keep], gripper[:7].astype(np.float64)
    arm = _in_boxes(points, state.get("arm_links_info"))
    if arm is None:
        arm = _near_joints(points, pose, state.get("joint_positions"))
    return PointObservation(points, colours, pose, float(gripper[7]), arm)


def _in_boxes(points: np.ndarray, links: Any) -> np.ndarray | None:
    """Which points (N, 3) lie in the boxes of the arm's links and hand; None where the request has no boxes.

    Args:
        links: two maps, "<link>_bbox" -> (6,) low and high per axis [m], "<link>_pose" -> (7,) of the box's centre.
    """
    if links is None:
        return None
    try:
        if not any(map(len, links)):
            return None
        boxes, poses = links
        inside = np.zeros(len(points), bool)
        for name, box in boxes.items():
            if _ARM_LINK.match(name):
                pose, box = (np.asarray(v, float) for v in (poses[name.replace("_bbox", "_pose")], box))
                inside |= inside_box(points, box, pose)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            "arm_links_info is malformed", "Send the boxes and the poses of the links, or leave it out"
        ) from error
    return inside


def _near_joints(points: np.ndarray, gripper_pose: np.ndarray, joints: Any) -> np.ndarray | None:
    """Which points (N, 3) lie on the arm, wherever it stands; None where the request has no joint angles (7,) [rad]."""
    if joints is None:
        return None
    try:
        joints = np.array(joints, float)
    except (TypeError, ValueError):
        joints = np.full(7, np.nan)
    if joints.shape != (7,) or not np.isfinite(joints).all():
        raise UserError("joint_positions is not 7 finite numbers", "Send the angles of the arm's joints in radians")
    base = base_pose(gripper_pose, joints)
    if base[2, 2] < np.cos(UPRIGHT):
        tilt = np.rad2deg(np.arccos(np.clip(base[2, 2], -1, 1)))
        what = (
            f"joint_positions and gripper contradict each other: the robot would stand {tilt:.0f} degrees off upright"
        )
        raise UserError(what, "Send a Panda's joint angles in radians and RLBench's tip pose of the same moment")
    return ~outside_arm(points, joints, base)


def _whole(message: Mapping[str, Any], name: str) -> int:
    """A whole number, also one that is written as a float."""
    value = message[name]
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not 0 <= value < 2**31 or value != int(value):
        raise UserError("episode_id and step_id are not whole numbers", "Send integers from 0")
    return int(value)


def _text(message: Mapping[str, Any], name: str) -> str:
    if not isinstance(message[name], str):
        raise UserError(f"{name} is not a text", "Send a string")
    return message[name]


def _require(message: Any, fields: tuple[str, ...], where: str) -> None:
    if not isinstance(message, Mapping):
        raise UserError(f"{where} is not a map", f"Send a map with {', '.join(fields)}")
    if missing := [name for name in fields if name not in message]:
        raise UserError(f"{where} has no {' and no '.join(missing)}", f"Send {', '.join(fields)}")
