"""Writes demonstrations as RLBench's generator does, byte for byte, with pickles that name its classes."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from stages.artifacts.episode import Episode
from stages.core.observation import OPEN, CameraFrame, Observation

NEAR, FAR = 0.01, 4.5
LOW_DIM = "low_dim_obs.pkl"
DESCRIPTIONS = "variation_descriptions.pkl"


@contextmanager
def real_classes() -> Iterator[tuple[type, type]]:
    """`rlbench.demo.Demo` and `rlbench.backend.observation.Observation`, known by these names while pickling."""
    classes = {"rlbench.demo": "Demo", "rlbench.backend.observation": "Observation"}
    names = ["rlbench", "rlbench.backend", *classes]
    made = []
    for name in names:
        sys.modules[name] = ModuleType(name)
    try:
        for module, name in classes.items():
            made.append(type(name, (), {"__module__": module}))
            setattr(sys.modules[module], name, made[-1])
        yield made[0], made[1]
    finally:
        for name in names:
            del sys.modules[name]


def write_episode(
    task: Path,
    episode: Episode,
    number: int,
    frames: Mapping[int, Observation] | None = None,
    cameras: Sequence[str] | None = None,
) -> Path:
    """One episode into TASK/variation<V>/episodes/episode<E>.

    Args:
        frames: what was seen at every sample of the trajectory; by default at the keyframes only, and other images
            are those of the keyframe before.
        cameras: that are written.
    """
    variation = task / f"variation{episode.variation}"
    folder = variation / "episodes" / f"episode{number}"
    folder.mkdir(parents=True)
    (variation / DESCRIPTIONS).write_bytes(pickle.dumps(list(episode.instructions)))
    frames = frames or keyframes(episode)
    names = list(cameras or episode.observations[0].cameras)
    trajectory, seen = dense(episode, frames)
    for sample, observation in frames.items():
        for name in names:
            write_images(folder, name, sample, observation.cameras[name])
    write_low_dim(folder / LOW_DIM, trajectory, seen, names)
    return folder


def keyframes(episode: Episode) -> dict[int, Observation]:
    """What was seen at the samples of the keyframes."""
    return dict(zip(episode.trajectory["keyframes"].tolist(), episode.observations, strict=True))


def dense(
    episode: Episode, frames: Mapping[int, Observation] | None = None
) -> tuple[dict[str, np.ndarray], list[Observation]]:
    """The trajectory, with the poses that were seen, and what was seen last at each of its samples."""
    frames = frames or keyframes(episode)
    trajectory = {key: values.copy() for key, values in episode.trajectory.items()}
    latest, seen = frames[0], []
    for sample in range(len(trajectory["time"])):
        latest = frames.get(sample, latest)
        seen.append(latest)
        if sample in frames:
            trajectory["gripper_pose"][sample] = latest.gripper_pose
    return trajectory, seen


def write_images(folder: Path, camera: str, sample: int, frame: CameraFrame) -> None:
    """Colours, depth and handles of a camera."""
    images = {"rgb": frame.rgb, "depth": encoded_depth(frame.depth), "mask": encoded_handles(frame.mask)}
    for kind, pixels in images.items():
        path = folder / f"{camera}_{kind}" / f"{sample}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)


def encoded_depth(depth: np.ndarray) -> np.ndarray:
    """Depth (H, W) [m] as 24-bit fixed point in three channels, the highest first; what is not hit is far."""
    share = (np.where(depth > 0, depth, FAR).astype(float) - NEAR) / (FAR - NEAR)
    steps = np.round(np.clip(share, 0, 1) * (2**24 - 1)).astype(np.int64)
    return np.stack([steps >> 16, steps >> 8 & 255, steps & 255], axis=-1).astype(np.uint8)


def encoded_handles(mask: np.ndarray) -> np.ndarray:
    """Handles (H, W) in three channels, the lowest first."""
    wide = mask.astype(np.int64)
    return np.stack([wide & 255, wide >> 8 & 255, wide >> 16], axis=-1).astype(np.uint8)


def rlbench_camera(frame: CameraFrame) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics with negative focal lengths and pixels at integers, and the pose with x and y the other way."""
    intrinsics = frame.intrinsics.copy()
    intrinsics[[0, 1], [0, 1]] *= -1
    intrinsics[:2, 2] -= 0.5
    return intrinsics, frame.camera_to_world @ np.diag([-1.0, -1, 1, 1])


def write_low_dim(
    path: Path, trajectory: Mapping[str, np.ndarray], seen: Sequence[Observation], cameras: Sequence[str]
) -> None:
    """The pickled `Demo`."""
    with real_classes() as (demo_class, observation_class):
        demo = demo_class()
        demo._observations = []
        for sample, observation in enumerate(seen):
            record = observation_class()
            record.__dict__.update(low_dim(trajectory, sample, observation, cameras))
            demo._observations.append(record)
        demo.random_seed = np.random.RandomState(0).get_state()
        path.write_bytes(pickle.dumps(demo))


def low_dim(
    trajectory: Mapping[str, np.ndarray], sample: int, observation: Observation, cameras: Sequence[str]
) -> dict[str, Any]:
    """The attributes of one `Observation`, without images."""
    opening = float(trajectory["gripper_open"][sample])
    misc: dict[str, Any] = {}
    images: dict[str, Any] = {}
    for name in cameras:
        intrinsics, extrinsics = rlbench_camera(observation.cameras[name])
        misc |= {
            f"{name}_camera_extrinsics": extrinsics,
            f"{name}_camera_intrinsics": intrinsics,
            f"{name}_camera_near": NEAR,
            f"{name}_camera_far": FAR,
        }
        images |= {f"{name}_{kind}": None for kind in ("rgb", "depth", "mask", "point_cloud")}
    return {
        **images,
        "joint_velocities": trajectory["joint_velocities"][sample],
        "joint_positions": trajectory["joint_positions"][sample],
        "joint_forces": np.zeros(7),
        "gripper_open": 1.0 if opening > OPEN else 0.0,
        "gripper_pose": trajectory["gripper_pose"][sample],
        "gripper_matrix": None,
        "gripper_joint_positions": np.full(2, 0.04 * opening),
        "gripper_touch_forces": None,
        "task_low_dim_state": np.zeros(3),
        "misc": misc,
    }
