"""What a LeRobot data set says of itself: `info.json`, and our two files beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.bridges.lerobot.features import VISUAL
from stages.bridges.lerobot.layout import (
    CAMERAS,
    DEPTH,
    IMAGES,
    INFO,
    JOINTS,
    OPENING,
    ORIGIN,
    POINTS,
    POSE,
    STATE,
    VERSION,
    extrinsics_key,
    intrinsics_key,
)
from stages.core.errors import UserError

UNITS = {"m": 1.0, "mm": 0.001}

FRAMES = ("world", "robot_base")


@dataclass(frozen=True)
class Camera:
    """One RGB-D camera of a data set.

    Attributes:
        name: of it.
        organised: whether its shape is given as clouds instead of depth.
        scale: metres of one unit of its depth or clouds.
        intrinsics: (3, 3) [px], or None where a column has them.
        camera_to_world: (4, 4) [m] of a camera that does not move, or None.
        camera_to_tip: (4, 4) [m] of a camera on the hand, or None.
    """

    name: str
    organised: bool
    scale: float
    intrinsics: np.ndarray | None = None
    camera_to_world: np.ndarray | None = None
    camera_to_tip: np.ndarray | None = None

    @property
    def shape_key(self) -> str:
        """Column of its depth or clouds."""
        return f"{POINTS if self.organised else DEPTH}{self.name}"

    @property
    def columns(self) -> list[str]:
        """Columns of its shape and, where they vary, its parameters."""
        varying = [] if self.intrinsics is not None else [intrinsics_key(self.name)]
        fixed = self.camera_to_world is not None or self.camera_to_tip is not None
        return [self.shape_key, *varying, *([] if fixed else [extrinsics_key(self.name)])]


@dataclass(frozen=True)
class Description:
    """What is needed to read a data set's episodes.

    Attributes:
        folder: of it.
        features: entries of `info.json`.
        fps: frames a second.
        data_path, video_path: templates.
        state_names: of the state's components.
        cameras: RGB-D cameras.
        frame: of reference, one of `FRAMES`.
        keyframes_only: whether every frame is a keyframe, as in our exports of keyframes.
        ours: whether it is an export of this tool, whose actions are absolute poses.
    """

    folder: Path
    features: Mapping[str, Mapping[str, Any]]
    fps: float
    data_path: str
    video_path: str
    state_names: tuple[str, ...]
    cameras: tuple[Camera, ...]
    frame: str
    keyframes_only: bool
    ours: bool

    @property
    def has_joints(self) -> bool:
        """Whether the state has the joint positions."""
        return set(JOINTS) <= set(self.state_names)


def read_description(folder: Path) -> Description:
    """Read what a data set says of itself.

    Raises:
        UserError: it is no data set v3.0, or has not what demonstrations need; names the file.
    """
    path = folder / INFO
    info = _read_json(path, "Name the folder of a LeRobot data set, which has meta/info.json")
    version = info.get("codebase_version")
    if version != VERSION:
        hint = "Convert it with `python -m lerobot.datasets.v30.convert_dataset_v21_to_v30`"
        raise UserError(f"{path} is of version {version}, this tool reads {VERSION}", hint)
    missing = [name for name in ("features", "fps", "data_path") if not info.get(name)]
    if missing:
        raise UserError(f"{path} has no {missing[0]}", "Copy the data set again")
    more = _read_json(folder / CAMERAS) if (folder / CAMERAS).exists() else {}
    origin = _read_json(folder / ORIGIN) if (folder / ORIGIN).exists() else {}
    features, frame = info["features"], more.get("frame", "world")
    if frame not in FRAMES:
        raise UserError(f"{folder / CAMERAS} has the unknown frame '{frame}'", f"Write one of {', '.join(FRAMES)}")
    return Description(
        folder=folder,
        features=features,
        fps=float(info["fps"]),
        data_path=info["data_path"],
        video_path=info.get("video_path") or "",
        state_names=_state_names(path, features),
        cameras=_cameras(path, features, folder / CAMERAS, more.get("cameras", {})),
        frame=frame,
        keyframes_only=origin.get("frames") == "keyframes",
        ours=bool(origin),
    )


def _read_json(path: Path, hint: str = "Correct the file") -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON", hint) from error
    if not isinstance(values, dict):
        raise UserError(f"{path} is not a JSON object", hint)
    return values


def _state_names(path: Path, features: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    if STATE not in features:
        raise UserError(f"{path} has no feature {STATE}", "Import a data set that has the hand's pose")
    names = features[STATE].get("names") or ()
    names = tuple(next(iter(names.values())) if isinstance(names, dict) else names)
    lacking = [name for name in (*POSE, OPENING) if name not in names]
    if lacking:
        hint = f"Write the names {', '.join((*POSE, OPENING))} of its components there"
        raise UserError(f"{STATE} in {path} has no {', '.join(lacking)}", hint)
    return names


def _cameras(path: Path, features: Mapping[str, Any], file: Path, given: Mapping[str, Any]) -> tuple[Camera, ...]:
    """All cameras with images and either depth or clouds."""
    coloured = [key.removeprefix(IMAGES) for key in features if key.startswith(IMAGES)]
    shaped = [name for name in coloured if f"{DEPTH}{name}" in features or f"{POINTS}{name}" in features]
    if not shaped:
        hint = f"Import one with {DEPTH}<camera> or {POINTS}<camera> beside {IMAGES}<camera>"
        raise UserError(f"{path} has no camera with depth or clouds, which CLAP needs", hint)
    return tuple(_camera(name, path, features, file, given.get(name, {})) for name in shaped)


def _camera(name: str, path: Path, features: Mapping[str, Any], file: Path, given: Mapping[str, Any]) -> Camera:
    organised = f"{DEPTH}{name}" not in features
    feature = features[f"{POINTS if organised else DEPTH}{name}"]
    camera = Camera(
        name,
        organised,
        _scale(name, path, feature, given),
        _matrix(file, name, "intrinsics", 3, given),
        _matrix(file, name, "camera_to_world", 4, given),
        _matrix(file, name, "camera_to_tip", 4, given),
    )
    if unknown := [key for key in camera.columns if key not in features]:
        hint = f"Give intrinsics and camera_to_world or camera_to_tip of '{name}' in {CAMERAS}"
        raise UserError(f"{path} has no feature {unknown[0]}", hint)
    return camera


def _scale(name: str, path: Path, feature: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    """Metres of one unit of depth; whole numbers must say what they count."""
    whole = feature["dtype"] in VISUAL or np.dtype(feature["dtype"]).kind in "iu"
    unit = given.get("unit") or (feature.get("info") or {}).get("unit") or ("" if whole else "m")
    if not unit:
        hint = f'Write "unit": "mm" or "m" for the camera in {CAMERAS}'
        raise UserError(f"{path} does not say in which unit the depth of '{name}' is", hint)
    if unit not in UNITS:
        raise UserError(f"{path} has depth of '{name}' in the unknown unit '{unit}'", "Use m or mm")
    return UNITS[unit]


def _matrix(file: Path, name: str, key: str, size: int, given: Mapping[str, Any]) -> np.ndarray | None:
    if key not in given:
        return None
    try:
        matrix = np.array(given[key], float)
    except (TypeError, ValueError):
        matrix = np.zeros(0)
    if matrix.shape != (size, size) or not np.isfinite(matrix).all():
        raise UserError(f"the {key} of '{name}' in {file} is not {size} rows of {size} numbers", "Correct the file")
    return matrix
