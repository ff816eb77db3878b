"""RLBench's images in our terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CameraFrame
from stages.geometry.cameras import from_rlbench

DEPTH_STEPS = 2**24 - 1
"""Depth is written as a whole number from 0 at the near plane to this at the far plane, where nothing was hit."""


@dataclass(frozen=True)
class Images:
    """What a camera recorded at one moment.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) from 0 at the near plane to 1 at the far plane, where nothing was hit.
        handles: (H, W) uint16 object handles, or None.
    """

    rgb: np.ndarray
    depth: np.ndarray
    handles: np.ndarray | None = None


def camera_frame(images: Images, name: str, misc: Mapping[str, Any] | None, where: object) -> CameraFrame:
    """What a camera saw.

    Args:
        misc: of the observation, with the camera's parameters.
        where: the observation is from, for errors.

    Raises:
        UserError: the camera's parameters are missing or malformed.
    """
    near, far, intrinsics, extrinsics = _parameters(name, misc, where)
    depth = metric_depth(images.depth, near, far)
    return CameraFrame(images.rgb, depth, *from_rlbench(intrinsics, extrinsics), images.handles)


def metric_depth(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """Depth (H, W) float32 [m] of shares of the way from the near to the far plane; 0 where nothing was hit."""
    metres = (near + depth * (far - near)).astype(np.float32)
    return np.where(depth >= 1, np.float32(0), metres)


def decoded_depth(pixels: np.ndarray) -> np.ndarray:
    """Depth (H, W) from 0 to 1 of an image (H, W, 3) uint8."""
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return ((red << 16) + (green << 8) + blue) / DEPTH_STEPS


def decoded_handles(pixels: np.ndarray) -> np.ndarray:
    """Object handles (H, W) uint16 of an image (H, W, 3) uint8; 0 for those that are too large, as of nothing."""
    low, high, too_large = (pixels[..., channel] for channel in range(3))
    return np.where(too_large > 0, 0, low.astype(np.uint16) + (high.astype(np.uint16) << 8)).astype(np.uint16)


def _parameters(
    name: str, misc: Mapping[str, Any] | None, where: object
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Near and far plane [m], intrinsics (3, 3) and pose (4, 4) of a camera, in RLBench's terms."""
    try:
        near, far = (float(misc[f"{name}_camera_{key}"]) for key in ("near", "far"))
        intrinsics = np.array(misc[f"{name}_camera_intrinsics"], float).reshape(3, 3)
        return near, far, intrinsics, np.array(misc[f"{name}_camera_extrinsics"], float).reshape(4, 4)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{where} lacks the parameters of the camera {name}", "Record it again") from error
