"""The plain route: keys as in LeRobot's data sets, arrays as nested lists, base64 or msgpack.

A request is one flat map, of these keys and no others:

| key | value |
|---|---|
| `task` | instruction; needed in the first request, a new one or `reset: true` begins a new episode |
| `session` | name of the robot, where several are served at once; the 64 used last are remembered |
| `observation.state` | (8,) tip position [m], quaternion xyzw, gripper opening |
| `observation.images.<camera>` | (H, W, 3) uint8 |
| `observation.depth.<camera>` | (H, W) [m] along the optical axis; 0, NaN or infinite where nothing was seen |
| `observation.intrinsics.<camera>` | (3, 3) [px] |
| `observation.extrinsics.<camera>` | (4, 4) camera to world, OpenCV axes |
| `observation.joint_positions` | (7,) [rad] optional, lets the planner look past the robot's own arm |
| `observation.points`, `observation.colours` | (N, 3) [m, world], (N, 3) uint8, instead of cameras |
| `keypoint` | (3,) [m, world] optional, replaces the planner's |

Images and colours may be floats in [0, 1] too, which are taken times 255. Keys that are null are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation, PointObservation
from stages.geometry.clouds import fuse
from stages.geometry.workspace import inside_workspace
from stages.safety import check_observation
from stages.serving.encoding import array_from_json
from stages.settings.loader import nearest

IMAGES, DEPTH = "observation.images.", "observation.depth."
CAMERA_KEYS = (IMAGES, DEPTH, "observation.intrinsics.", "observation.extrinsics.")
KEYS = (
    "task",
    "session",
    "reset",
    "keypoint",
    "observation.state",
    "observation.joint_positions",
    "observation.points",
    "observation.colours",
)


EXAMPLE = {
    "task": "push the maroon button",
    "observation.state": [0.28, 0.0, 1.1, 1.0, 0.0, 0.0, 0.0, 1.0],
    "observation.points": [[0.2, 0.1, 0.76], [0.2, 0.12, 0.76]],
    "observation.colours": [[128, 0, 0], [128, 0, 0]],
}
"""A whole request, though with fewer points than a policy acts on."""


@dataclass(frozen=True)
class ActRequest:
    """One question on the plain route."""

    task: str | None
    session: str
    reset: bool
    observation: Observation | PointObservation
    keypoint: np.ndarray | None


def parse_act(message: Any) -> ActRequest:
    """Read a request, already decoded from JSON or msgpack.

    Raises:
        UserError: a key is missing or its value malformed.
    """
    if not isinstance(message, Mapping):
        raise UserError("the request is not a map", "Send a map with task, observation.state and camera images")
    message = {key: value for key, value in message.items() if value is not None}
    if unknown := [key for key in message if not (key in KEYS or isinstance(key, str) and key.startswith(CAMERA_KEYS))]:
        raise UserError(f"the request has an unknown key {unknown[0]!r}", nearest(str(unknown[0]), KEYS + CAMERA_KEYS))
    task, session, reset = message.get("task"), message.get("session", ""), message.get("reset", False)
    if not isinstance(task, str | None) or not isinstance(session, str) or not isinstance(reset, bool):
        what = "'task' or 'session' is not a text, or 'reset' not true or false"
        raise UserError(what, "Send them so, or leave them out")
    keypoint = _array(message, "keypoint", np.float64, (3,)) if "keypoint" in message else None
    return ActRequest(task, session, reset, _observation(message), keypoint)


def observation_message(observation: Observation | PointObservation) -> dict[str, np.ndarray]:
    """The keys of an observation as `parse_act` reads them."""
    message: dict[str, np.ndarray] = {
        "observation.state": np.append(observation.gripper_pose, observation.gripper_open).astype(np.float64)
    }
    if isinstance(observation, PointObservation):
        return message | {"observation.points": observation.points, "observation.colours": observation.colours}
    message["observation.joint_positions"] = observation.joint_positions
    for name, frame in observation.cameras.items():
        message |= {
            f"{IMAGES}{name}": frame.rgb,
            f"{DEPTH}{name}": frame.depth,
            f"observation.intrinsics.{name}": frame.intrinsics,
            f"observation.extrinsics.{name}": frame.camera_to_world,
        }
    return message


def _observation(message: Mapping[str, Any]) -> Observation | PointObservation:
    state = _array(message, "observation.state", np.float64, (8,))
    if np.linalg.norm(state[3:7]) < 1e-6:
        raise UserError("the quaternion in 'observation.state' is zero", "Send a unit quaternion xyzw")
    pose, opening = state[:7], float(state[7])
    if "observation.points" in message:
        points = _array(message, "observation.points", np.float32, (None, 3))
        colours = _array(message, "observation.colours", np.uint8, points.shape)
        keep = inside_workspace(points)
        return PointObservation(points[keep], colours[keep], pose, opening)
    names = [key.removeprefix(IMAGES) for key in message if isinstance(key, str) and key.startswith(IMAGES)]
    if not names:
        raise UserError("the request has no camera", f"Send {IMAGES}<camera>, or observation.points")
    cameras = {name: _frame(message, name) for name in names}
    if "observation.joint_positions" in message:
        joints = _array(message, "observation.joint_positions", np.float64, (7,))
        return Observation(cameras, pose, opening, joints)
    observation = Observation(cameras, pose, opening, joint_positions=np.zeros(7))
    check_observation(observation)
    points, colours = fuse(observation)
    return PointObservation(points, colours, pose, opening)


def _frame(message: Mapping[str, Any], name: str) -> CameraFrame:
    rgb = _array(message, f"{IMAGES}{name}", np.uint8, (None, None, 3))
    depth = _array(message, f"{DEPTH}{name}", np.float32, rgb.shape[:2])
    intrinsics = _array(message, f"observation.intrinsics.{name}", np.float64, (3, 3))
    extrinsics = _array(message, f"observation.extrinsics.{name}", np.float64, (4, 4))
    return CameraFrame(rgb, depth, intrinsics, extrinsics)


def _array(message: Mapping[str, Any], key: str, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    if key not in message:
        raise UserError(f"the request has no '{key}'", "See the keys of the /act route")
    array = array_from_json(message[key], dtype, key)
    if len(array.shape) != len(shape) or any(b is not None and a != b for a, b in zip(array.shape, shape, strict=True)):
        wanted = "(" + ", ".join("any" if side is None else str(side) for side in shape) + ")"
        raise UserError(f"'{key}' has shape {array.shape}", f"Send {wanted}")
    if array.dtype.kind == "f" and not key.startswith(DEPTH) and not np.isfinite(array).all():
        raise UserError(f"'{key}' has values that are not finite", "Send numbers")
    return array
