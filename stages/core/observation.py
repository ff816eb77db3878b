"""What a robot sees and feels at one moment; shared by simulators, artifacts and policies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

OPEN = 0.9
"""A gripper that is open further than this counts as open, in all that is recorded, learned and done (RLBench)."""

CAMERAS = ("left_shoulder", "right_shoulder", "wrist", "front")
"""Camera names in GemBench's order."""


@dataclass(frozen=True)
class CameraFrame:
    """One RGB-D image.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32, distance along the optical axis [m]; 0, or not finite, where nothing was hit.
        intrinsics: (3, 3) pinhole matrix [px], pixel centres at integer + 0.5.
        camera_to_world: (4, 4), OpenCV axes (x right, y down, z into the scene), world frame [m].
        mask: (H, W) uint16 instance ids (0 = background), or None.
    """

    rgb: np.ndarray
    depth: np.ndarray
    intrinsics: np.ndarray
    camera_to_world: np.ndarray
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class Observation:
    """One keyframe's observation.

    Attributes:
        cameras: frames by camera name.
        gripper_pose: (7,) tip position [m] and quaternion xyzw, world frame.
        gripper_open: opening in [0, 1], 1 = fully open.
        joint_positions: (7,) [rad].
        time: simulation time [s].
    """

    cameras: dict[str, CameraFrame]
    gripper_pose: np.ndarray
    gripper_open: float
    joint_positions: np.ndarray
    time: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the gripper counts as open."""
        return self.gripper_open > OPEN


@dataclass(frozen=True)
class PointObservation:
    """One keyframe's observation where the cameras' clouds have been fused already.

    Attributes:
        points: (N, 3) float32, world frame [m], cropped to the workspace.
        colours: (N, 3) uint8.
        gripper_pose: (7,) tip position [m] and quaternion xyzw, world frame.
        gripper_open: opening in [0, 1], 1 = fully open.
        arm: (N,) bool, which points lie on the robot's arm or hand (not its fingers); None = not known.
    """

    points: np.ndarray
    colours: np.ndarray
    gripper_pose: np.ndarray
    gripper_open: float
    arm: np.ndarray | None = None

    @property
    def is_open(self) -> bool:
        """Whether the gripper counts as open."""
        return self.gripper_open > OPEN
