"""Writing a LeRobot data set, episode by episode, into an empty folder."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.bridges.lerobot import layout
from stages.bridges.lerobot.features import INDICES, Feature, column, schema
from stages.bridges.lerobot.frames import Values
from stages.bridges.lerobot.packages import need
from stages.bridges.lerobot.statistics import Statistics, combined, episode_statistics
from stages.bridges.lerobot.video import CODEC, PIXELS, VideoWriter

if TYPE_CHECKING:
    import pyarrow

_MB = 1 << 20


class DataSetWriter:
    """A data set that grows; `close` makes it complete.

    Args:
        folder: new or empty.
        features: of every frame, without `INDICES`.
        fps: nominal frames a second.
        robot: its name.

    Raises:
        UserError: pyarrow, or for videos PyAV, is not installed.
    """

    def __init__(self, folder: Path, features: Mapping[str, Feature], fps: int, robot: str) -> None:
        self._folder, self._own, self._fps, self._robot = folder, dict(features), fps, robot
        self._features = self._own | INDICES
        self._schema = schema(self._features)
        self._parquet = need("pyarrow.parquet")
        self._tasks: dict[str, int] = {}
        self._episodes: list[dict[str, Any]] = []
        self._statistics: list[dict[str, Statistics]] = []
        self._frames, self._file, self._file_bytes = 0, 0, 0
        self._data: Any = None
        self._videos: dict[str, tuple[int, VideoWriter]] = {}

    def add(self, values: Values, task: str, metadata: Mapping[str, Any]) -> None:
        """Add an episode.

        Args:
            values: of its frames, by the keys of the features.
            task: its instruction.
            metadata: kept with it in the table of episodes, by names that no other part of the format has.
        """
        length = len(values[layout.STATE])
        values = values | self._indices(length, self._tasks.setdefault(task, len(self._tasks)))
        table = self._table(values)
        if self._file_bytes + table.nbytes > layout.DATA_MB * _MB and self._file_bytes:
            self._next_file()
        self._data_writer().write_table(table)
        self._file_bytes += table.nbytes
        chunk, file = layout.place(self._file)
        where = {"data/chunk_index": chunk, "data/file_index": file}
        span = {"dataset_from_index": self._frames, "dataset_to_index": self._frames + length}
        row = {"episode_index": len(self._episodes), "tasks": [task], "length": length} | where | span
        self._statistics.append(episode_statistics(self._features, values))
        self._episodes.append(row | self._add_videos(values) | dict(metadata))
        self._frames += length

    def close(self) -> None:
        """Write what describes the data set."""
        if self._data is not None:
            self._data.close()
        for _, video in self._videos.values():
            video.close()
        (self._folder / "meta").mkdir(parents=True, exist_ok=True)
        self._write_tasks()
        self._write_episodes()
        together = {key: combined([part[key] for part in self._statistics]) for key in self._statistics[0]}
        self._write_json(layout.STATS, {key: _listed(value) for key, value in together.items()})
        self._write_json(layout.INFO, self._info())

    def _indices(self, length: int, task: int) -> Values:
        frame = np.arange(length)
        return {
            "timestamp": (frame / self._fps).astype(np.float32),
            "frame_index": frame,
            "episode_index": np.full(length, len(self._episodes)),
            "index": self._frames + frame,
            "task_index": np.full(length, task),
        }

    def _table(self, values: Values) -> pyarrow.Table:
        pa = need("pyarrow")
        stored = {key: feature for key, feature in self._features.items() if feature.dtype != "video"}
        columns = [
            column(feature, map(png_bytes, values[key]) if feature.dtype == "image" else values[key])
            for key, feature in stored.items()
        ]
        return pa.Table.from_arrays(columns, schema=self._schema)

    def _data_writer(self) -> Any:
        if self._data is None:
            path = self._folder / layout.numbered(layout.DATA, self._file)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._data = self._parquet.ParquetWriter(path, self._schema, compression="zstd")
        return self._data

    def _next_file(self) -> None:
        self._data.close()
        self._data, self._file, self._file_bytes = None, self._file + 1, 0

    def _add_videos(self, values: Values) -> dict[str, Any]:
        """Write an episode's images to the videos; where they are, for the table of episodes."""
        row: dict[str, Any] = {}
        for key, feature in self._own.items():
            if feature.dtype == "video":
                number, video = self._video(key, feature)
                start = video.frames
                video.write(values[key])
                chunk, file = layout.place(number)
                row |= {
                    f"videos/{key}/chunk_index": chunk,
                    f"videos/{key}/file_index": file,
                    f"videos/{key}/from_timestamp": start / self._fps,
                    f"videos/{key}/to_timestamp": video.frames / self._fps,
                }
        return row

    def _video(self, key: str, feature: Feature) -> tuple[int, VideoWriter]:
        """Number and writer of the video that is to be added to."""
        number, video = self._videos.get(key, (-1, None))
        if video is None or video.size > layout.VIDEO_MB * _MB:
            if video is not None:
                video.close()
            path = self._folder / layout.numbered(layout.VIDEO, number + 1, video_key=key)
            self._videos[key] = number + 1, VideoWriter(path, feature.shape[:2], self._fps)
        return self._videos[key]

    def _write_tasks(self) -> None:
        """The table of tasks with the texts as pandas' index."""
        pa = need("pyarrow")
        index = {"name": None, "field_name": layout.TASK_TEXT, "pandas_type": "unicode", "numpy_type": "object"}
        number = dict.fromkeys(("name", "field_name"), layout.TASK_INDEX)
        described = {
            "index_columns": [layout.TASK_TEXT],
            "column_indexes": [],
            "columns": [number | dict.fromkeys(("pandas_type", "numpy_type"), "int64"), index],
        }
        columns = {layout.TASK_INDEX: list(self._tasks.values()), layout.TASK_TEXT: list(self._tasks)}
        table = pa.table(columns).replace_schema_metadata({"pandas": json.dumps(described)})
        self._parquet.write_table(table, self._folder / layout.TASKS)

    def _write_episodes(self) -> None:
        pa = need("pyarrow")
        rows = [
            row
            | {f"stats/{key}/{name}": value for key, own in found.items() for name, value in _listed(own).items()}
            | {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
            for row, found in zip(self._episodes, self._statistics, strict=True)
        ]
        path = self._folder / layout.numbered(layout.EPISODES, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._parquet.write_table(pa.Table.from_pylist(rows), path)

    def _info(self) -> dict[str, Any]:
        features = {key: feature.as_json() for key, feature in self._features.items()}
        for key, feature in self._own.items():
            if feature.dtype == "video":
                features[key]["info"] = _video_info(feature, self._fps)
        return {
            "codebase_version": layout.VERSION,
            "robot_type": self._robot,
            "total_episodes": len(self._episodes),
            "total_frames": self._frames,
            "total_tasks": len(self._tasks),
            "chunks_size": layout.CHUNK_FILES,
            "data_files_size_in_mb": layout.DATA_MB,
            "video_files_size_in_mb": layout.VIDEO_MB,
            "fps": self._fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": layout.DATA,
            "video_path": layout.VIDEO if self._videos else None,
            "features": features,
        }

    def _write_json(self, name: str, values: dict[str, Any]) -> None:
        (self._folder / name).write_text(json.dumps(values, indent=4))


def png_bytes(image: np.ndarray) -> bytes:
    """An image (H, W, 3) uint8 as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


def _listed(found: Statistics) -> dict[str, list]:
    return {name: value.tolist() for name, value in found.items()}


def _video_info(feature: Feature, fps: int) -> dict[str, Any]:
    """What LeRobot says of a video's encoding."""
    height, width, channels = feature.shape
    said = {"height": height, "width": width, "codec": CODEC, "pix_fmt": PIXELS, "is_depth_map": False, "fps": fps}
    return {f"video.{name}": value for name, value in said.items()} | {"video.channels": channels, "has_audio": False}
