"""What is said about the episodes of a file: keypoints (clap.keypoints) and plans (clap.plans)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from stages.artifacts.episode import Episode, ObjectTracks
from stages.artifacts.files import check_parent, open_artifact
from stages.artifacts.header import EPISODES, get_header
from stages.artifacts.shards import NAME
from stages.core.errors import UserError

_TEXT = h5py.string_dtype()


@dataclass(frozen=True)
class InferredLabels:
    """What an episode without ground truth is taken to show.

    Attributes:
        steps: K step texts.
        kinds: M of object, part, place.
        mask_ids: (M,) ids in the instance masks; 0 where no mask shows the object.
    """

    steps: tuple[str, ...]
    kinds: tuple[str, ...]
    mask_ids: np.ndarray


@dataclass(frozen=True)
class KeypointAnnotation:
    """Keypoints of one episode with K motions, M objects and V canonical views.

    Attributes:
        phrases: K noun phrases that the keypoints belong to.
        keypoints: (K, 3) world frame [m].
        names: M noun phrases.
        positions: (K, M, 3) world frame [m].
        keypoint_pixels: (K, V, 2) column, row in the canonical views.
        object_pixels: (K, M, V, 2).
        object_visible: (K, M, V) whether the object's own surface is what the view shows there.
        views: V view names.
        extent: side of the views' cube [m].
        size: side of the views [px].
        problem: what does not fit, or empty.
        inferred: steps and objects of an episode that had none; None where the demonstrations have them.
    """

    phrases: tuple[str, ...]
    keypoints: np.ndarray
    names: tuple[str, ...]
    positions: np.ndarray
    keypoint_pixels: np.ndarray
    object_pixels: np.ndarray
    object_visible: np.ndarray
    views: tuple[str, ...]
    extent: float
    size: int
    problem: str = ""
    inferred: InferredLabels | None = None


@dataclass(frozen=True)
class PlanAnnotation:
    """The plan of one episode with K motions.

    Attributes:
        instruction: the task instruction.
        plan: step texts.
        step_index: (K,) the line of the plan that each motion executes.
        motion_index: (K,) its number within that step, from 0.
        ok: whether the trajectory shows what the plan says.
        problem: what it does not, or empty.
    """

    instruction: str
    plan: tuple[str, ...]
    step_index: np.ndarray
    motion_index: np.ndarray
    ok: bool = True
    problem: str = ""


def write_keypoints(group: h5py.Group, annotation: KeypointAnnotation) -> None:
    """Fill the group of an episode."""
    for name in ("extent", "size", "problem"):
        group.attrs[name] = getattr(annotation, name)
    group.attrs["views"] = json.dumps(annotation.views)
    _write_texts(group, "names", annotation.phrases)
    group["keypoints"] = annotation.keypoints
    _write_texts(group, "objects/names", annotation.names)
    group["objects/positions"] = annotation.positions
    for name in ("keypoint_pixels", "object_pixels", "object_visible"):
        group[f"views/{name}"] = getattr(annotation, name)
    if annotation.inferred is not None:
        _write_texts(group, "inferred/steps", annotation.inferred.steps)
        _write_texts(group, "inferred/kinds", annotation.inferred.kinds)
        group["inferred/mask_ids"] = np.asarray(annotation.inferred.mask_ids, np.int64)


def read_keypoints(group: h5py.Group) -> KeypointAnnotation:
    """The keypoints of an episode's group."""
    return KeypointAnnotation(
        phrases=tuple(group["names"].asstr()[()]),
        keypoints=group["keypoints"][()],
        names=tuple(group["objects/names"].asstr()[()]),
        positions=group["objects/positions"][()],
        **{name: group[f"views/{name}"][()] for name in ("keypoint_pixels", "object_pixels", "object_visible")},
        views=tuple(json.loads(group.attrs["views"])),
        extent=float(group.attrs["extent"]),
        size=int(group.attrs["size"]),
        problem=str(group.attrs["problem"]),
        inferred=_read_inferred(group["inferred"]) if "inferred" in group else None,
    )


def labelled(episode: Episode, annotation: KeypointAnnotation) -> Episode:
    """The episode with what was inferred of it, where it has no labels of its own."""
    if annotation.inferred is None:
        return episode
    inferred = annotation.inferred
    objects = ObjectTracks(annotation.names, inferred.kinds, inferred.mask_ids, annotation.positions)
    return replace(episode, steps=inferred.steps, targets=annotation.keypoints, objects=objects)


def write_plan(group: h5py.Group, annotation: PlanAnnotation) -> None:
    """Fill the group of an episode."""
    for name in ("instruction", "ok", "problem"):
        group.attrs[name] = getattr(annotation, name)
    group.attrs["plan"] = json.dumps(annotation.plan)
    group["step_index"] = np.asarray(annotation.step_index, np.int64)
    group["motion_index"] = np.asarray(annotation.motion_index, np.int64)


def read_plan(group: h5py.Group) -> PlanAnnotation:
    """The plan of an episode's group."""
    return PlanAnnotation(
        instruction=str(group.attrs["instruction"]),
        plan=tuple(json.loads(group.attrs["plan"])),
        step_index=group["step_index"][()],
        motion_index=group["motion_index"][()],
        ok=bool(group.attrs["ok"]),
        problem=str(group.attrs["problem"]),
    )


class Annotations:
    """An open file of annotations, one per episode of the demonstrations at `demos`.

    Raises:
        UserError: the file is missing, damaged, incomplete, of another schema, or made from other demonstrations.
    """

    SCHEMA: str

    def __init__(self, path: Path, demos: Path | None = None) -> None:
        self.path = Path(path)
        if demos is not None:
            check_parent(self.path, self.SCHEMA, demos, *EPISODES)
        self._file = open_artifact(self.path, self.SCHEMA)
        self.header = get_header(self._file, self.path)
        self._count = len(self._file["episodes"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._count

    @property
    def summary(self) -> dict[str, Any]:
        """What the stage that wrote the file returned."""
        return json.loads(self._file.attrs["summary"])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _group(self, index: int) -> h5py.Group:
        if not 0 <= index < len(self):
            raise UserError(f"{self.path} has no episode {index}", f"Give a number from 0 to {len(self) - 1}")
        return self._file["episodes"][NAME.format(index)]


class Keypoints(Annotations):
    """An open file of keypoints; see `Annotations`."""

    SCHEMA = "clap.keypoints"

    def episode(self, index: int) -> KeypointAnnotation:
        """The keypoints of one episode."""
        return read_keypoints(self._group(index))


class Plans(Annotations):
    """An open file of plans; see `Annotations`."""

    SCHEMA = "clap.plans"

    def episode(self, index: int) -> PlanAnnotation:
        """The plan of one episode."""
        return read_plan(self._group(index))


def _read_inferred(group: h5py.Group) -> InferredLabels:
    return InferredLabels(*(tuple(group[name].asstr()[()]) for name in ("steps", "kinds")), group["mask_ids"][()])


def _write_texts(group: h5py.Group, name: str, texts: tuple[str, ...]) -> None:
    group.create_dataset(name, data=np.array(texts, object), dtype=_TEXT, shape=(len(texts),))
