"""What the predictor looks at: the part of a cloud around the keypoint, without the hand, drawn in canonical views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.core.observation import Observation
from stages.geometry.canonical import CanonicalViews
from stages.geometry.clouds import frame_points
from stages.geometry.poses import quaternion_to_matrix
from stages.predictor.rotation import CELLS, log_density

EMPTY = 2.0
"""Scaled depth of pixels where nothing is seen."""

HAND_LOW = np.array([-0.07, -0.12, -0.40])
HAND_HIGH = np.array([0.07, 0.12, -0.045])
"""Box in the tip's frame [m] with the hand and the wrist behind it, but not the fingers."""


@dataclass(frozen=True)
class PointCloud:
    """A thinned cloud.

    Attributes:
        points: (N, 3) float32 [m], world frame.
        colours: (N, 3) uint8.
        cameras: (N,) uint8, which camera saw the point; all 0 where that is not known.
    """

    points: np.ndarray
    colours: np.ndarray
    cameras: np.ndarray

    def __getitem__(self, keep: np.ndarray) -> PointCloud:
        """The points that a mask (N,) or an index array keeps."""
        return PointCloud(self.points[keep], self.colours[keep], self.cameras[keep])

    def around(self, centre: np.ndarray, extent: float) -> PointCloud:
        """The part within the cube of side `extent` [m] around `centre`."""
        return self[np.abs(self.points - centre.astype(np.float32)).max(1) <= extent / 2]

    def thinned(self, voxel: float) -> PointCloud:
        """One point for every camera and cube of side `voxel` [m], so that a camera can still be left out."""
        return self[_first(_cells(self.points, voxel) << 8 | self.cameras)]

    def merged(self, voxel: float) -> PointCloud:
        """One point for every cube of side `voxel` [m], whichever camera saw it."""
        return self[_first(_cells(self.points, voxel))]

    def without_hand(self, gripper_pose: np.ndarray) -> PointCloud:
        """The points that do not belong to the hand at `gripper_pose` (7,)."""
        local = (self.points - gripper_pose[:3].astype(np.float32)) @ quaternion_to_matrix(gripper_pose[3:])
        return self[~np.all((local > HAND_LOW) & (local < HAND_HIGH), axis=1)]


def cloud_of(observation: Observation) -> PointCloud:
    """The clouds of all cameras, each point with the number of its camera."""
    clouds = [frame_points(frame) for frame in observation.cameras.values()]
    return PointCloud(
        points=np.concatenate([points for points, _ in clouds]),
        colours=np.concatenate([colours for _, colours in clouds]),
        cameras=np.repeat(np.arange(len(clouds), dtype=np.uint8), [len(points) for points, _ in clouds]),
    )


def _cells(points: np.ndarray, voxel: float) -> np.ndarray:
    """A number (N,) of the cube that each point lies in."""
    cell = np.floor(points / voxel).astype(np.int64) + 2**15
    return (cell[:, 0] << 16 | cell[:, 1]) << 16 | cell[:, 2]


def _first(keys: np.ndarray) -> np.ndarray:
    """Where each key comes first, in ascending order."""
    return np.sort(np.unique(keys, return_index=True)[1])


def draw(cloud: PointCloud, views: CanonicalViews) -> tuple[np.ndarray, np.ndarray]:
    """Colours (V, 3, S, S) uint8 and depths (V, S, S) float32 scaled to [-1, 1] in the cube, `EMPTY` where empty."""
    rgb, depth = views.render(cloud.points, cloud.colours)
    scaled = np.where(depth < 0, np.float32(EMPTY), depth * np.float32(2 / views.extent) - 1)
    return rgb.transpose(0, 3, 1, 2), scaled.astype(np.float32)


def hand_features(
    pose: np.ndarray, opening: float, centre: np.ndarray, extent: float, turn: float = 0.0, proprioception: bool = True
) -> np.ndarray:
    """The gripper's state (13,) as `transformer.Inputs` wants it.

    Args:
        pose: (7,) of the gripper, in the frame of the scene.
        opening: 1 = open.
        centre, extent: of the cube [m].
        turn: by how much the world was turned about the vertical [rad]. Experts choose among equivalent grasps by
            how far they are from the robot's home, so where the robot stands must be known.
        proprioception: False hides all but the turn.
    """
    turned = [np.cos(turn), np.sin(turn)]
    if not proprioception:
        return np.array([0.0] * 11 + turned, np.float32)
    place = (pose[:3] - centre) * 2 / extent
    columns = quaternion_to_matrix(pose[3:])[:, :2].T.ravel()
    return np.concatenate([place, columns, [opening, 1.0], turned]).astype(np.float32)


def next_features(place: np.ndarray | None, centre: np.ndarray, extent: float) -> np.ndarray:
    """Where the plan goes next (4,) as `transformer.Inputs` wants it.

    Args:
        place: (3,) in the frame of the scene; None = not known.
        centre, extent: of the cube [m].
    """
    if place is None:
        return np.zeros(4, np.float32)
    return np.append((place - centre) * 2 / extent, 1.0).astype(np.float32)


def hand_density(pose: np.ndarray, proprioception: bool = True) -> np.ndarray:
    """Log-density (CELLS,) of the rotation of a pose (7,) over the grid; 0 without proprioception."""
    return log_density(quaternion_to_matrix(pose[3:])) if proprioception else np.zeros(CELLS, np.float32)
