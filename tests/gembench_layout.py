"""Writes demonstrations as GemBench's key steps: LMDB data bases of msgpack-numpy records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lmdb
import msgpack
import numpy as np

from stages.artifacts.episode import Episode
from stages.core.observation import CAMERAS, Observation
from stages.geometry.cameras import deproject

INSTRUCTIONS = "taskvars_instructions_new.json"
FAR = 4.5


def write_data_set(root: Path, episodes: Sequence[Episode], cameras: Sequence[str] = CAMERAS) -> Path:
    """Data bases seed0/<task>+<V> of episodes, and the wordings beside them."""
    root.mkdir(parents=True, exist_ok=True)
    texts = {episode.taskvar: list(episode.instructions) for episode in episodes}
    (root / INSTRUCTIONS).write_text(json.dumps(texts))
    numbers: dict[str, int] = {}
    for episode in episodes:
        number = numbers[episode.taskvar] = numbers.get(episode.taskvar, -1) + 1
        write_record(root / "seed0" / episode.taskvar, f"episode{number}", packed(record(episode, cameras)))
    return root


def write_record(folder: Path, key: str, value: bytes) -> None:
    """One record of a data base."""
    folder.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(folder), map_size=2**30) as environment, environment.begin(write=True) as transaction:
        transaction.put(key.encode("ascii"), value)


def record(episode: Episode, cameras: Sequence[str] = CAMERAS) -> dict[str, Any]:
    """What GemBench stores of an episode."""
    seen = episode.observations
    images = [[observation.cameras[name] for name in cameras] for observation in seen]
    tips = np.array([np.append(o.gripper_pose, float(o.is_open)) for o in seen], np.float64)
    return {
        "key_frameids": np.array(episode.trajectory["keyframes"], np.int64),
        "rgb": np.array([[frame.rgb for frame in row] for row in images], np.uint8),
        "pc": np.array([point_images(observation, cameras) for observation in seen], np.float32),
        "depth": np.array([[frame.depth / FAR for frame in row] for row in images], np.float32),
        "mask": np.array([[frame.mask for frame in row] for row in images], np.int32),
        "action": tips,
        "gripper_pose": tips[:, :7],
        "bbox_info": {},
        "pose_info": {},
    }


def point_images(observation: Observation, cameras: Sequence[str]) -> list[np.ndarray]:
    """What every pixel shows (H, W, 3), world frame [m]; what is not hit is at the far plane."""
    frames = [observation.cameras[name] for name in cameras]
    depths = [np.where(frame.depth > 0, frame.depth, FAR) for frame in frames]
    return [deproject(d, f.intrinsics, f.camera_to_world) for d, f in zip(depths, frames, strict=True)]


def packed(value: Any) -> bytes:
    """As msgpack-numpy's `packb` writes it."""
    return msgpack.packb(value, default=_encoded, use_bin_type=True)


def _encoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {b"nd": True, b"type": value.dtype.str, b"kind": b"", b"shape": value.shape, b"data": value.tobytes()}
    if isinstance(value, np.generic):
        return {b"nd": False, b"type": value.dtype.str, b"data": value.tobytes()}
    raise TypeError(type(value).__name__)
