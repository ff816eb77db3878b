"""RLBench's data sets as its generator writes them, read without RLBench or its simulator."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts.episode import Episode
from stages.artifacts.unlabelled import UNKNOWN_JOINTS, unlabelled_episode
from stages.bridges.plausible import check_motions, known_level, plausible
from stages.bridges.png import read_png
from stages.bridges.unpickling import ARRAYS, Record, read_pickle
from stages.core.errors import UserError
from stages.core.keyframes import find_keyframes, marked_keyframes
from stages.core.observation import OPEN, CameraFrame, Observation
from stages.geometry.cameras import from_rlbench

CAMERAS = ("left_shoulder", "right_shoulder", "overhead", "wrist", "front")

STEP = 0.05
"""Simulated time between two frames [s]; the data set does not record time."""

FINGER_TRAVEL = 0.04
"""Stroke of one finger [m]."""

DEPTH_STEPS = 2**24 - 1
"""Depth is written as a whole number from 0 at the near plane to this at the far plane, where nothing was hit."""

_CLASSES = {"rlbench.demo.Demo": Record, "rlbench.backend.observation.Observation": Record, **ARRAYS}
_POSES, _DESCRIPTIONS, _NUMBER = "low_dim_obs.pkl", "variation_descriptions.pkl", "variation_number.pkl"
_ALL, _VARIATION, _EPISODE = "all_variations", re.compile(r"variation(\d+)"), re.compile(r"episode(\d+)")


@dataclass(frozen=True)
class _Place:
    """Where an episode lies, and what it is called."""

    folder: Path
    descriptions: Path
    task: str
    variation: int
    number: int


class RlbenchData:
    """A folder of tasks, or of one task, in RLBench's layout.

    Args:
        root: the folder.
        keyframes: "stops" or "marks"; see `ImportConfig`.

    Raises:
        UserError: there is no such folder, or nothing in it has that layout.
    """

    def __init__(self, root: Path, keyframes: str = "stops") -> None:
        self.root, self._keyframes = Path(root), keyframes
        if not self.root.is_dir():
            raise UserError(f"{root} is not a folder", "Name the folder that has the data set's tasks")
        self._places = [place for task in _task_folders(self.root) for place in _places(task)]
        if not self._places:
            hint = "Name the folder above TASK/variation0/episodes/episode0"
            raise UserError(f"{root} has no episode in RLBench's layout", hint)

    @property
    def taskvars(self) -> Sequence[str]:
        """The variation of each episode."""
        return [f"{place.task}+{place.variation}" for place in self._places]

    @cached_property
    def cameras(self) -> tuple[str, ...]:
        """The cameras that the first episode has, as all others must have them."""
        first = self._places[0].folder
        found = tuple(name for name in CAMERAS if (first / f"{name}_rgb").is_dir())
        if not found:
            raise UserError(f"{first} has no camera", "Record RGB and depth of at least one camera")
        return found

    def episode(self, number: int) -> Episode:
        """One episode; see `DataSet`."""
        place = self._places[number]
        recording = _Recording(place.folder)
        keyframes = recording.keyframes(self._keyframes)
        check_motions(len(keyframes) - 1, recording.path)
        episode = unlabelled_episode(
            place.task,
            place.variation,
            _instructions(place.descriptions),
            [recording.observation(int(frame), self.cameras) for frame in keyframes],
            np.array([recording.action(int(frame)) for frame in keyframes[1:]]),
            seed=place.number,
            level=known_level(place.task, place.variation),
            trajectory=recording.trajectory | {"keyframes": keyframes},
        )
        return plausible(episode, recording.path)


def _task_folders(root: Path) -> list[Path]:
    """Folders that hold variations: the root, those in it, and those in these, as where tasks are split in parts."""
    candidates = [root, *sorted(root.glob("*")), *sorted(root.glob("*/*"))]
    return [path for path in candidates if _numbered(path, _VARIATION) or (path / _ALL).is_dir()]


def _places(task: Path) -> Iterator[_Place]:
    """The episodes of a task, variation after variation."""
    for variation, folder in _numbered(task, _VARIATION):
        for number, episode in _numbered(folder / "episodes", _EPISODE):
            yield _Place(episode, folder / _DESCRIPTIONS, task.name, variation, number)
    for number, episode in _numbered(task / _ALL / "episodes", _EPISODE):
        yield _Place(episode, episode / _DESCRIPTIONS, task.name, _variation(episode / _NUMBER), number)


def _variation(path: Path) -> int:
    number = read_pickle(path, ARRAYS)
    if not isinstance(number, int | np.integer):
        raise UserError(f"{path} is not the number of a variation", "Copy it again")
    return int(number)


def _folders(path: Path) -> list[Path]:
    return [child for child in path.iterdir() if child.is_dir()] if path.is_dir() else []


def _numbered(path: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    """Folders by the number in their names, ascending."""
    matches = [(pattern.fullmatch(child.name), child) for child in _folders(path)]
    return sorted((int(match[1]), child) for match, child in matches if match)


def _instructions(path: Path) -> list[str]:
    texts = read_pickle(path, {})
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise UserError(f"{path} is not a list of instructions", "Copy it again")
    return list(texts)


class _Recording:
    """What was recorded of one episode; images are read one at a time.

    Attributes:
        path: of the poses.
        trajectory: arrays over all T frames, but for the keyframes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.path = folder, folder / _POSES
        self._frames = self._read()
        self.trajectory = {
            "time": STEP * np.arange(len(self._frames)),
            "joint_positions": self._array("joint_positions", 7, UNKNOWN_JOINTS),
            "joint_velocities": self._array("joint_velocities", 7),
            "gripper_pose": self._array("gripper_pose", 7),
            "gripper_open": self._opening(),
            "states": np.zeros((len(self._frames), 0)),
        }

    def keyframes(self, mode: str) -> np.ndarray:
        """Frames (K + 1,) of the observations, by one of the modes of `ImportConfig`."""
        if len(self._frames) < 2 or mode == "all":
            return np.arange(len(self._frames))
        speed, opening = self.trajectory["joint_velocities"], self.trajectory["gripper_open"]
        return marked_keyframes(speed, opening) if mode == "marks" else find_keyframes(self.trajectory)

    def action(self, frame: int) -> np.ndarray:
        """The motion (9,) that ends at a frame; without collision checking, as RLBench plans, unless it says more."""
        ignore = float(getattr(self._frames[frame], "ignore_collisions", 1.0))
        return np.append(
            self.trajectory["gripper_pose"][frame], [self.trajectory["gripper_open"][frame] > OPEN, ignore]
        )

    def observation(self, frame: int, cameras: Sequence[str]) -> Observation:
        """What the robot saw and felt at a frame."""
        misc = getattr(self._frames[frame], "misc", None)
        return Observation(
            cameras={name: self._camera_frame(frame, name, misc) for name in cameras},
            gripper_pose=self.trajectory["gripper_pose"][frame],
            gripper_open=float(self.trajectory["gripper_open"][frame]),
            joint_positions=self.trajectory["joint_positions"][frame],
            time=float(self.trajectory["time"][frame]),
        )

    def _read(self) -> list[Record]:
        frames = getattr(read_pickle(self.path, _CLASSES), "_observations", None)
        if not isinstance(frames, list) or not frames or not all(isinstance(frame, Record) for frame in frames):
            raise UserError(f"{self.path} is not a demonstration of RLBench", "Copy it again")
        return frames

    def _array(self, name: str, width: int, default: np.ndarray | None = None) -> np.ndarray:
        """Values (T, width) of every frame."""
        rows = [getattr(frame, name, None) for frame in self._frames]
        if default is not None and all(row is None for row in rows):
            return np.tile(default, (len(rows), 1))
        try:
            return np.array(rows, float).reshape(len(rows), width)
        except (TypeError, ValueError) as error:
            hint = f"Record it: obs_config.{name} = True"
            raise UserError(f"{self.path} lacks {name.replace('_', ' ')} of a frame", hint) from error

    def _opening(self) -> np.ndarray:
        """Opening (T,) of the gripper: of its fingers where that agrees with the state that RLBench writes."""
        state = self._array("gripper_open", 1)[:, 0]
        fingers = self._array("gripper_joint_positions", 2, np.full(2, np.nan)).mean(axis=1) / FINGER_TRAVEL
        agrees = np.isfinite(fingers) & ((fingers > OPEN) == (state > OPEN))
        return np.where(agrees, np.clip(fingers, 0, 1), state)

    def _camera_frame(self, frame: int, name: str, misc: Any) -> CameraFrame:
        images = {kind: self._folder / f"{name}_{kind}" for kind in ("rgb", "depth", "mask")}
        if not images["rgb"].is_dir() or not images["depth"].is_dir():
            lacking = images["depth" if images["rgb"].is_dir() else "rgb"]
            raise UserError(f"{lacking} is missing", f"Record RGB and depth of the camera {name} in every episode")
        rgb, depth = (read_png(images[kind] / f"{frame}.png") for kind in ("rgb", "depth"))
        has_masks = images["mask"].is_dir()
        mask = read_png(images["mask"] / f"{frame}.png") if has_masks else None
        if depth.shape != rgb.shape or mask is not None and mask.shape != rgb.shape:
            raise UserError(f"{images['rgb'] / f'{frame}.png'} and depth or mask differ in size", "Copy them again")
        near, far, intrinsics, extrinsics = self._parameters(name, misc)
        handles = None if mask is None else decoded_handles(mask)
        return CameraFrame(rgb, decoded_depth(depth, near, far), *from_rlbench(intrinsics, extrinsics), handles)

    def _parameters(self, name: str, misc: Any) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Near and far plane [m], intrinsics (3, 3) and pose (4, 4) of a camera, in RLBench's terms."""
        try:
            near, far = (float(misc[f"{name}_camera_{key}"]) for key in ("near", "far"))
            intrinsics = np.array(misc[f"{name}_camera_intrinsics"], float).reshape(3, 3)
            return near, far, intrinsics, np.array(misc[f"{name}_camera_extrinsics"], float).reshape(4, 4)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.path} lacks the parameters of the camera {name}", "Copy it again") from error


def decoded_depth(pixels: np.ndarray, near: float, far: float) -> np.ndarray:
    """Depth (H, W) float32 [m] of an image (H, W, 3) uint8; 0 where nothing was hit."""
    steps = pixels.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    depth = (near + steps * ((far - near) / DEPTH_STEPS)).astype(np.float32)
    return np.where(steps == DEPTH_STEPS, np.float32(0), depth)


def decoded_handles(pixels: np.ndarray) -> np.ndarray:
    """Object handles (H, W) uint16 of an image (H, W, 3) uint8; 0 for those that are too large, as of nothing."""
    handles = pixels.astype(np.int32) @ np.array([1, 256, 65536], np.int32)
    return np.where(handles > np.iinfo(np.uint16).max, 0, handles).astype(np.uint16)
