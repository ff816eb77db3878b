"""Features of a LeRobot data set: their entries in `info.json`, their columns, and Hugging Face's names of these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.bridges.lerobot.layout import (
    ACTION,
    DEPTH,
    DONE,
    IGNORE_COLLISION,
    IMAGES,
    JOINTS,
    OPENING,
    POSE,
    REWARD,
    STATE,
    STEP,
    SUCCESS,
    TIME,
    extrinsics_key,
    intrinsics_key,
)
from stages.bridges.lerobot.packages import need

if TYPE_CHECKING:
    import pyarrow

VISUAL = ("image", "video")


@dataclass(frozen=True)
class Feature:
    """One key of a frame.

    Attributes:
        dtype: image, video, string, or numpy's name.
        shape: of its value in one frame.
        names: of its components or axes.
        info: what else there is to say, such as a unit.
    """

    dtype: str
    shape: tuple[int, ...] = (1,)
    names: tuple[str, ...] | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The entry in `info.json`."""
        entry = {"dtype": self.dtype, "shape": list(self.shape), "names": self.names and list(self.names)}
        return entry | ({"info": dict(self.info)} if self.info else {})


INDICES = {
    "timestamp": Feature("float32"),
    **{name: Feature("int64") for name in ("frame_index", "episode_index", "index", "task_index")},
}
"""What LeRobot counts in every data set."""

MOTION = {
    STATE: Feature("float32", (len(POSE) + 1 + len(JOINTS),), (*POSE, OPENING, *JOINTS)),
    ACTION: Feature("float32", (len(POSE) + 1,), (*POSE, OPENING)),
    TIME: Feature("float64", info={"unit": "s"}),
}
"""What every frame of ours has."""

OUTCOME = {
    IGNORE_COLLISION: Feature("bool"),
    STEP: Feature("string"),
    REWARD: Feature("float32"),
    DONE: Feature("bool"),
    SUCCESS: Feature("bool"),
}
"""What a keyframe of ours has besides."""


def camera_features(name: str, height: int, width: int, video: bool) -> dict[str, Feature]:
    """What a keyframe of ours has of a camera."""
    axes = ("height", "width", "channels")
    return {
        f"{IMAGES}{name}": Feature("video" if video else "image", (height, width, 3), axes),
        f"{DEPTH}{name}": Feature("float32", (height, width), axes[:2], {"unit": "m"}),
        intrinsics_key(name): Feature("float64", (3, 3), info={"unit": "px"}),
        extrinsics_key(name): Feature("float64", (4, 4), info={"unit": "m", "axes": "OpenCV camera to world"}),
    }


def schema(features: Mapping[str, Feature]) -> pyarrow.Schema:
    """The columns of the features that parquet holds, all but videos, annotated as Hugging Face's `datasets` does."""
    pa = need("pyarrow")
    kept = {key: feature for key, feature in features.items() if feature.dtype != "video"}
    described = {key: _hugging_face(feature) for key, feature in kept.items()}
    fields = [pa.field(key, _type(feature), metadata=_extension(feature)) for key, feature in kept.items()]
    return pa.schema(fields, {"huggingface": json.dumps({"info": {"features": described}})})


def column(feature: Feature, values: Any) -> pyarrow.Array:
    """The values of N frames as a column: images as N PNG bytes, texts as N strings, else an array (N, *shape)."""
    pa = need("pyarrow")
    if feature.dtype == "image":
        return pa.array([{"bytes": png, "path": None} for png in values], _type(feature))
    if feature.dtype == "string":
        return pa.array(values, pa.string())
    values = np.asarray(values, feature.dtype)
    built = pa.array(values.reshape(-1))
    if feature.shape == (1,):
        return built
    if len(feature.shape) == 1:
        return pa.FixedSizeListArray.from_arrays(built, feature.shape[0])
    for size in feature.shape[::-1]:
        built = pa.ListArray.from_arrays(np.arange(0, len(built) + 1, size, dtype=np.int32), built)
    return built


def _type(feature: Feature) -> pyarrow.DataType:
    pa = need("pyarrow")
    if feature.dtype == "image":
        return pa.struct({"bytes": pa.binary(), "path": pa.string()})
    plain = pa.string() if feature.dtype == "string" else pa.from_numpy_dtype(feature.dtype)
    if feature.shape == (1,):
        return plain
    if len(feature.shape) == 1:
        return pa.list_(plain, feature.shape[0])
    for _ in feature.shape:
        plain = pa.list_(plain)
    return plain


def _extension(feature: Feature) -> dict[str, str] | None:
    """How `datasets` marks a column of arrays."""
    if feature.dtype in VISUAL or len(feature.shape) == 1:
        return None
    name = f"datasets.features.features.Array{len(feature.shape)}DExtensionType"
    described = json.dumps([list(feature.shape), feature.dtype])
    return {"ARROW:extension:name": name, "ARROW:extension:metadata": described}


def _hugging_face(feature: Feature) -> dict[str, Any]:
    """How `datasets` describes a column."""
    if feature.dtype == "image":
        return {"_type": "Image"}
    value = {"dtype": feature.dtype, "_type": "Value"}
    if feature.shape == (1,):
        return value
    if len(feature.shape) == 1:
        return {"feature": value, "length": feature.shape[0], "_type": "List"}
    return {"shape": list(feature.shape), "dtype": feature.dtype, "_type": f"Array{len(feature.shape)}D"}
