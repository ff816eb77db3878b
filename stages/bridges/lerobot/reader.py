"""Reading the demonstrations of a LeRobot data set v3.0 that has depth or clouds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stages.artifacts.episode import Episode
from stages.artifacts.unlabelled import UNKNOWN_JOINTS, unlabelled_episode
from stages.bridges.lerobot.description import Camera, Description, read_description
from stages.bridges.lerobot.features import VISUAL
from stages.bridges.lerobot.layout import (
    ACTION,
    EPISODES_FOLDER,
    IGNORE_COLLISION,
    IMAGES,
    JOINTS,
    METADATA,
    OPENING,
    POSE,
    STATE,
    SUCCESS,
    TASK_INDEX,
    TASKS,
    TIME,
    extrinsics_key,
    intrinsics_key,
)
from stages.bridges.lerobot.tables import array, images, read_table
from stages.bridges.lerobot.video import read_video
from stages.bridges.plausible import check_motions, plausible
from stages.core.errors import UserError
from stages.core.keyframes import find_keyframes, marked_keyframes
from stages.core.observation import OPEN, CameraFrame, Observation
from stages.geometry.arm import BASE
from stages.geometry.poses import pose_to_matrix

if TYPE_CHECKING:
    import pyarrow

Keyframes = Literal["stops", "marks", "all"]

_ROWS = ("episode_index", "tasks", "length", "data/chunk_index", "data/file_index")


@dataclass(frozen=True)
class _Recording:
    """The low-dimensional part of an episode of T frames: time (T,) [s], pose (T, 7), opening (T,), joints (T, 7)."""

    time: np.ndarray
    pose: np.ndarray
    opening: np.ndarray
    joints: np.ndarray

    def trajectory(self, keyframes: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays by the names of `TRAJECTORY`."""
        still = len(self.time) < 2
        return {
            "time": self.time,
            "joint_positions": self.joints,
            "joint_velocities": np.zeros((1, 7)) if still else np.gradient(self.joints, self.time, axis=0),
            "gripper_pose": self.pose,
            "gripper_open": self.opening,
            "states": np.zeros((len(self.time), 0)),
            "keyframes": keyframes,
        }


class LerobotData:
    """A data set; see `stages.bridges.data_set.DataSet`.

    Args:
        folder: of the data set.
        keyframes: which frames of a dense recording are kept: "stops", "marks" (`stages.core.keyframes`), or "all".

    Raises:
        UserError: it is no data set v3.0, or lacks depth, the cameras' parameters or the hand's pose.
    """

    def __init__(self, folder: Path, keyframes: Keyframes = "stops") -> None:
        self._said: Description = read_description(folder)
        self._keyframes: Keyframes = "all" if self._said.keyframes_only else keyframes
        self._rows = _episode_rows(folder)
        if self._keyframes != "all" and not self._said.has_joints:
            what = f"{STATE} in {folder} has no {JOINTS[0]} to {JOINTS[-1]}, by which keyframes are found"
            raise UserError(what, "Take every frame as one with --set import_data.keyframes=all")

    @property
    def taskvars(self) -> Sequence[str]:
        """Of our exports the variation, otherwise a name made of the instruction."""
        return [f"{task}+{variation}" for task, variation in map(_variation, self._rows)]

    def episode(self, number: int) -> Episode:
        """One episode; images are read of its keyframes only.

        Raises:
            UserError: a file is missing or damaged, or the episode cannot be a demonstration.
        """
        row = self._rows[number]
        path = self._said.folder / self._said.data_path.format(
            chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]
        )
        table = self._read(path, row)
        recording = self._recording(table, path)
        keyframes = self._find(recording)
        check_motions(len(keyframes) - 1, path)
        rows = table.take(keyframes)
        frames = [self._frames(camera, rows, row, keyframes, path) for camera in self._said.cameras]
        observations = [
            Observation(
                cameras={camera.name: own[k] for camera, own in zip(self._said.cameras, frames, strict=True)},
                gripper_pose=recording.pose[frame],
                gripper_open=float(recording.opening[frame]),
                joint_positions=recording.joints[frame],
                time=float(recording.time[frame]),
            )
            for k, frame in enumerate(keyframes)
        ]
        task, variation = _variation(row)
        episode = unlabelled_episode(
            task,
            variation,
            row.get(f"{METADATA}instructions") or row["tasks"],
            observations,
            self._actions(table, recording, keyframes, path),
            seed=row.get(f"{METADATA}seed", number),
            level=row.get(f"{METADATA}level", "train"),
            success=self._success(table, row, path),
            trajectory=None if self._keyframes == "all" else recording.trajectory(keyframes),
        )
        return plausible(episode, path)

    def _read(self, path: Path, row: dict[str, Any]) -> pyarrow.Table:
        """The frames of an episode, those columns that are needed."""
        wanted = {STATE, "timestamp", "episode_index"}
        wanted |= {key for camera in self._said.cameras for key in camera.columns}
        wanted |= {f"{IMAGES}{camera.name}" for camera in self._said.cameras}
        wanted |= {ACTION, IGNORE_COLLISION} if self._said.ours else set()
        wanted |= {SUCCESS, TIME} & self._said.features.keys()
        stored = sorted(key for key in wanted if self._said.features.get(key, {}).get("dtype") != "video")
        table = read_table(path, stored, filters=[("episode_index", "=", row["episode_index"])])
        if table.num_rows != row["length"]:
            what = f"{path} has {table.num_rows} frames of episode {row['episode_index']}, not {row['length']}"
            raise UserError(what, "Copy the data set again")
        return table

    def _array(self, table: pyarrow.Table, key: str, path: Path) -> np.ndarray:
        return array(table, key, self._said.features[key]["shape"], path)

    def _recording(self, table: pyarrow.Table, path: Path) -> _Recording:
        state = self._array(table, STATE, path).astype(float).reshape(table.num_rows, -1)
        if state.shape[1] != len(self._said.state_names):
            raise UserError(f"{STATE} of {path} has not one number for each of its names", "Correct meta/info.json")
        place = {name: number for number, name in enumerate(self._said.state_names)}
        pose = state[:, [place[name] for name in POSE]]
        pose[:, :3] += self._origin
        known = self._said.has_joints
        return _Recording(
            time=self._array(table, TIME if TIME in table.column_names else "timestamp", path).astype(float),
            pose=pose,
            opening=state[:, place[OPENING]],
            joints=state[:, [place[name] for name in JOINTS]] if known else np.tile(UNKNOWN_JOINTS, (len(state), 1)),
        )

    @property
    def _origin(self) -> np.ndarray:
        """Origin (3,) of the data's frame of reference in our world [m]."""
        return BASE if self._said.frame == "robot_base" else np.zeros(3)

    def _find(self, recording: _Recording) -> np.ndarray:
        if self._keyframes == "all" or len(recording.time) < 2:
            return np.arange(len(recording.time))
        trajectory = recording.trajectory(np.zeros(0, int))
        if self._keyframes == "marks":
            return marked_keyframes(trajectory["joint_velocities"], trajectory["gripper_open"])
        return find_keyframes(trajectory)

    def _actions(self, table: pyarrow.Table, recording: _Recording, keyframes: np.ndarray, path: Path) -> np.ndarray:
        """Actions (K, 9): of our exports those commanded, otherwise where the hand was at the end of each motion."""
        if self._said.ours and self._keyframes == "all":
            commanded = self._array(table, ACTION, path)[:-1]
            return np.column_stack([commanded, self._array(table, IGNORE_COLLISION, path)[:-1]]).astype(float)
        ends = keyframes[1:]
        opened = (recording.opening[ends] > OPEN).astype(float)
        return np.column_stack([recording.pose[ends], opened, np.ones(len(ends))])

    def _success(self, table: pyarrow.Table, row: dict[str, Any], path: Path) -> bool:
        """Whether the task was done; demonstrations that do not say so are taken as successes."""
        if f"{METADATA}success" in row:
            return bool(row[f"{METADATA}success"])
        return bool(self._array(table, SUCCESS, path).any()) if SUCCESS in table.column_names else True

    def _frames(
        self, camera: Camera, table: pyarrow.Table, row: dict[str, Any], keyframes: np.ndarray, path: Path
    ) -> list[CameraFrame]:
        """The images of a camera at the keyframes, the rows of `table`."""
        colours = self._colours(camera, table, row, keyframes, path)
        intrinsics, transforms = self._parameters(camera, table, path)
        depth = self._depth(camera, table, transforms, path)
        frames = []
        for k, (rgb, distance) in enumerate(zip(colours, depth, strict=True)):
            if rgb.shape != (*distance.shape, 3) or rgb.dtype != np.uint8:
                what = f"colours {rgb.shape} and depth {distance.shape} of '{camera.name}' in {path} do not match"
                raise UserError(what, "Import images of one size, colours as 8 bits of red, green and blue")
            frames.append(CameraFrame(rgb, distance, intrinsics[k], transforms[k]))
        return frames

    def _colours(
        self, camera: Camera, table: pyarrow.Table, row: dict[str, Any], keyframes: np.ndarray, path: Path
    ) -> Sequence[np.ndarray]:
        key = f"{IMAGES}{camera.name}"
        if self._said.features[key]["dtype"] == "image":
            return images(table, key, path)
        numbers = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
        video = self._said.folder / self._said.video_path.format(video_key=key, **numbers)
        return read_video(video, row[f"videos/{key}/from_timestamp"], row["length"])[keyframes]

    def _parameters(self, camera: Camera, table: pyarrow.Table, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Intrinsics (N, 3, 3) and camera-to-world transforms (N, 4, 4) at N frames."""
        count = table.num_rows
        if camera.intrinsics is not None:
            intrinsics = np.tile(camera.intrinsics, (count, 1, 1))
        else:
            intrinsics = self._array(table, intrinsics_key(camera.name), path).astype(float).reshape(count, 3, 3)
        if camera.camera_to_tip is not None:
            return intrinsics, pose_to_matrix(self._recording(table, path).pose) @ camera.camera_to_tip
        if camera.camera_to_world is not None:
            transforms = np.tile(camera.camera_to_world, (count, 1, 1))
        else:
            transforms = self._array(table, extrinsics_key(camera.name), path).astype(float).reshape(count, 4, 4)
        transforms[:, :3, 3] += self._origin
        return intrinsics, transforms

    def _depth(self, camera: Camera, table: pyarrow.Table, transforms: np.ndarray, path: Path) -> np.ndarray:
        """Depth (N, H, W) float32 [m], from the distances along the axis or from clouds (N, H, W, 3)."""
        key = camera.shape_key
        stored = self._said.features[key]["dtype"] in VISUAL
        values = np.stack(images(table, key, path)) if stored else self._array(table, key, path)
        scaled = values.astype(np.float32) * np.float32(camera.scale)
        if not camera.organised:
            return scaled.reshape(scaled.shape[:3])
        axis, centre = transforms[:, None, None, :3, 2], transforms[:, None, None, :3, 3]
        return np.sum((scaled + self._origin - centre) * axis, axis=-1).astype(np.float32)


def _episode_rows(folder: Path) -> list[dict[str, Any]]:
    """What the tables of episodes say of each, without the statistics."""
    paths = sorted((folder / EPISODES_FOLDER).glob("*/*.parquet"))
    if not paths:
        raise UserError(f"{folder / EPISODES_FOLDER} has no table of episodes", "Copy the data set again")
    tasks = read_table(folder / TASKS, [TASK_INDEX])
    rows: list[dict[str, Any]] = []
    for path in paths:
        table = read_table(path)
        if lacking := [name for name in _ROWS if name not in table.column_names]:
            raise UserError(f"{path} has no column {lacking[0]}", "Copy the data set again")
        rows += table.select([name for name in table.column_names if not name.startswith("stats/")]).to_pylist()
    for row in rows:
        if not row["tasks"] or tasks.num_rows == 0:
            raise UserError(f"episode {row['episode_index']} of {folder} has no task", "Write its instruction there")
    return sorted(rows, key=lambda row: row["episode_index"])


def _variation(row: dict[str, Any]) -> tuple[str, int]:
    """Task and variation of an episode."""
    if f"{METADATA}task" in row:
        return row[f"{METADATA}task"], int(row[f"{METADATA}variation"])
    return re.sub(r"\W+", "_", row["tasks"][0].lower()).strip("_")[:60] or "task", 0
