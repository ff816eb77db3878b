"""GemBench's challenge protocol: what its client sends, and what it wants back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.errors import UserError
from stages.geometry.workspace import inside_workspace
from stages.observation import PointObservation
from stages.serving.encoding import unpack

FIELDS = ("taskvar", "episode_id", "step_id", "instruction", "obs_state_dict")
OBSERVATION_FIELDS = ("rgb", "pc", "gripper")


@dataclass(frozen=True)
class ChallengeRequest:
    """One question of the client; `step_id` 0 begins an episode."""

    taskvar: str
    episode_id: int
    step_id: int
    instruction: str
    observation: PointObservation


def parse_request(body: bytes) -> ChallengeRequest:
    """Read a challenge request.

    Raises:
        UserError: not msgpack-numpy, or a field is missing or malformed.
    """
    message = unpack(body)
    _require(message, FIELDS, "the request")
    _require(message["obs_state_dict"], OBSERVATION_FIELDS, "obs_state_dict")
    try:
        episode_id, step_id = int(message["episode_id"]), int(message["step_id"])
    except (TypeError, ValueError) as error:
        raise UserError("episode_id and step_id are not whole numbers", "Send integers") from error
    observation = point_observation(message["obs_state_dict"])
    return ChallengeRequest(str(message["taskvar"]), episode_id, step_id, str(message["instruction"]), observation)


def point_observation(state: Mapping[str, Any]) -> PointObservation:
    """Fuse GemBench's point images into one cloud, cropped to the workspace.

    Args:
        state: `rgb` (C, H, W, 3) uint8, `pc` (C, H, W, 3) [m, world], `gripper` (8,) position, quaternion xyzw, open.
    """
    rgb, points, gripper = (np.asarray(state[name]) for name in OBSERVATION_FIELDS)
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
    pose = gripper[:7].astype(np.float64)
    return PointObservation(points[keep], rgb.reshape(-1, 3)[keep], pose, float(gripper[7]))


def _require(message: Any, fields: tuple[str, ...], where: str) -> None:
    if not isinstance(message, Mapping):
        raise UserError(f"{where} is not a map", f"Send a map with {', '.join(fields)}")
    if missing := [name for name in fields if name not in message]:
        raise UserError(f"{where} has no {' and no '.join(missing)}", f"Send {', '.join(fields)}")
