"""GemBench's four cameras, three fixed in the room and one that rides on the hand, and one for pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stages.geometry.cameras import intrinsics_from_fov

WRIST = "wrist"
STUDIO = "studio"
"""A camera for people: over the robot's right shoulder, so that fronts of furniture are seen. No policy sees it."""

WRIST_IN_TIP = np.array([0.042, 0.0, -0.0996])
"""Position of the wrist camera in the tip's frame [m]; it looks along the tip."""


@dataclass(frozen=True)
class Camera:
    """A camera as GemBench lists it.

    Attributes:
        position: [m]; look, x_axis: directions; all in the world, or in the tip's frame for the wrist.
        vertical_fov: [degrees].
    """

    position: tuple[float, float, float]
    look: tuple[float, float, float]
    x_axis: tuple[float, float, float]
    vertical_fov: float

    @cached_property
    def pose(self) -> np.ndarray:
        """(4, 4) with OpenCV axes. GemBench's focal lengths are negative: image right is minus its x axis."""
        forward = np.array(self.look) / np.linalg.norm(self.look)
        right = -np.array(self.x_axis, float)
        right -= right @ forward * forward
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = self.position
        return pose

    def intrinsics(self, size: int) -> np.ndarray:
        """(3, 3) of a square image [px]."""
        return intrinsics_from_fov(np.deg2rad(self.vertical_fov), size, size)


CAMERAS = {
    "left_shoulder": Camera((-0.175, 0.2, 1.98), (0.416, -0.073, -0.906), (0.174, 0.985, 0.0), 40),
    "right_shoulder": Camera((-0.175, -0.2, 1.98), (0.416, 0.073, -0.906), (-0.174, 0.985, 0.0), 40),
    WRIST: Camera(tuple(WRIST_IN_TIP), (0, 0, 1), (0, -1, 0), 60),
    "front": Camera((1.35, 0.0, 1.58), (-0.906, 0.0, -0.423), (0.0, -1.0, 0.0), 40),
    STUDIO: Camera((-0.36, -0.86, 1.62), (0.480, 0.677, -0.559), (-0.816, 0.579, 0.0), 37),
}


def camera_pose(name: str, tip: np.ndarray) -> np.ndarray:
    """(4, 4) camera to world, given where the tip (4, 4) is."""
    pose = CAMERAS[name].pose
    return tip @ pose if name == WRIST else pose.copy()
