"""GemBench's key steps: LMDB data bases of msgpack-numpy records, one data base a variation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts.episode import Episode
from stages.artifacts.unlabelled import UNKNOWN_JOINTS, unlabelled_episode
from stages.bridges.plausible import check_motions, known_level, plausible
from stages.core.errors import UserError
from stages.core.observation import CAMERAS, OPEN, CameraFrame, Observation
from stages.geometry.boxes import inside_box
from stages.geometry.poses import pose_to_matrix
from stages.geometry.projection_fit import fit_camera
from stages.serving.encoding import unpack

INSTRUCTIONS = "taskvars_instructions_new.json"
"""GemBench's file of the wordings of every variation."""

WORST_FIT = 0.5
"""Median distance between pixels and where the camera that is fitted to their points sees these, at most [px]."""

STEP = 0.05
"""Simulated time between two frames [s]."""

_DATA_BASE, _TASKVAR, _EPISODE = "data.mdb", re.compile(r"\w+\+\d+"), re.compile(r"episode(\d+)")
_FIELDS = ("key_frameids", "rgb", "pc", "action")
_ARM_LINK = re.compile(r"Panda_(link0_visual|link[1-7]_respondable|gripper_visual)_bbox$")


class GembenchData:
    """A folder with data bases named "task+variation".

    Args:
        root: the folder, at any height above them.
        instructions: GemBench's JSON file of wordings; None = beside the data bases or in a folder above them.

    Raises:
        UserError: there is no such folder, data base or file.
    """

    def __init__(self, root: Path, instructions: Path | None = None) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise UserError(f"{root} is not a folder", "Name the folder that has the data bases task+variation")
        folders = sorted(file.parent for file in self.root.rglob(_DATA_BASE))
        folders = [folder for folder in folders if _TASKVAR.fullmatch(folder.name)]
        if not folders:
            raise UserError(f"{root} has no data base named task+variation", "Name the folder of GemBench's key steps")
        self._episodes = [(folder, key) for folder in folders for key in _keys(folder)]
        self._wordings = instructions or _find_instructions(self.root)

    @property
    def taskvars(self) -> Sequence[str]:
        """The variation of each episode."""
        return [folder.name for folder, _ in self._episodes]

    @cached_property
    def instructions(self) -> Mapping[str, Sequence[str]]:
        """The wordings of every variation."""
        try:
            texts = json.loads(self._wordings.read_text())
            return {name: [said] if isinstance(said, str) else list(said) for name, said in texts.items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{self._wordings} is not a JSON map of wordings", "Give GemBench's file") from error

    def episode(self, number: int) -> Episode:
        """One episode; see `DataSet`."""
        folder, key = self._episodes[number]
        if not self.instructions.get(folder.name):
            raise UserError(f"{self._wordings} has no wording of {folder.name}", "Add it, or leave the variation out")
        task, _, variation = folder.name.partition("+")
        where = Path(f"{folder / _DATA_BASE}:{key}")
        record = _Record(_read(folder, key, where), where)
        check_motions(len(record.action) - 1, where)
        episode = unlabelled_episode(
            task,
            int(variation),
            self.instructions[folder.name],
            record.observations(),
            record.motions(),
            seed=int(_EPISODE.fullmatch(key)[1]),
            level=known_level(task, int(variation)),
        )
        return plausible(episode, where)


class _Record:
    """One episode as it is stored: T key steps, C cameras."""

    def __init__(self, values: Any, where: Path) -> None:
        self._where = where
        if not isinstance(values, Mapping) or any(name not in values for name in _FIELDS):
            raise self._malformed(f"has not {', '.join(_FIELDS)}")
        try:
            self.frames = np.array(values["key_frameids"], int).reshape(-1)
            self.action = np.array(values["action"], float).reshape(len(self.frames), 8)
            self.rgb, self.points = np.asarray(values["rgb"]), np.asarray(values["pc"], np.float32)
            self.mask = None if values.get("mask") is None else np.asarray(values["mask"])
        except (TypeError, ValueError) as error:
            raise self._malformed("has arrays of other shapes") from error
        self._links = values.get("bbox_info"), values.get("pose_info")
        shape = self.rgb.shape
        fits = len(shape) == 5 and shape[0] == len(self.frames) and 0 < shape[1] <= len(CAMERAS) and shape[4] == 3
        if not fits or self.points.shape != shape or self.rgb.dtype != np.uint8:
            raise self._malformed(f"has rgb of {shape} {self.rgb.dtype} and pc of {self.points.shape}")
        if self.mask is not None and self.mask.shape != shape[:4]:
            raise self._malformed(f"has masks of {self.mask.shape}")

    def motions(self) -> np.ndarray:
        """(K, 9): the pose that each motion leads to, and no collision checking, as GemBench plans."""
        later = self.action[1:]
        return np.column_stack([later[:, :7], later[:, 7] > OPEN, np.ones(len(later))])

    def observations(self) -> list[Observation]:
        """What was seen at every key step."""
        frames = {name: self._frames(number, name) for number, name in enumerate(CAMERAS[: self.rgb.shape[1]])}
        return [
            Observation(
                cameras={name: seen[k] for name, seen in frames.items()},
                gripper_pose=self.action[k, :7],
                gripper_open=float(self.action[k, 7]),
                joint_positions=UNKNOWN_JOINTS,
                time=STEP * float(self.frames[k]),
            )
            for k in range(len(self.frames))
        ]

    def _frames(self, number: int, name: str) -> list[CameraFrame]:
        """A camera's images, without what they show of the arm, whose joint angles are not known."""
        hands = pose_to_matrix(self.action[:, :7]) if name == "wrist" else np.tile(np.eye(4), (len(self.frames), 1, 1))
        intrinsics, mount = self._fitted(number, name, hands)
        poses, frames = hands @ mount, []
        for k, pose in enumerate(poses):
            points = self.points[k, number]
            depth = ((points - pose[:3, 3]) @ pose[:3, 2]).astype(np.float32)
            shown = np.isfinite(depth) & (depth > 0) & ~self._on_arm(k, points)
            mask = None if self.mask is None else _handles(self.mask[k, number])
            frames.append(CameraFrame(self.rgb[k, number], np.where(shown, depth, 0), intrinsics, pose, mask))
        return frames

    def _fitted(self, number: int, name: str, hands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Intrinsics of a camera, and its pose (4, 4) in a frame that stands still for it, (T, 4, 4) to world: its own
        place, or the hand."""
        points = self.points[:, number].reshape(len(hands), -1, 3).astype(float)
        local = np.einsum("tnd,tde->tne", points - hands[:, None, :3, 3], hands[:, :3, :3])
        rows, columns = np.mgrid[: self.points.shape[2], : self.points.shape[3]] + 0.5
        pixels = np.tile(np.stack([columns, rows], axis=-1).reshape(-1, 2), (len(hands), 1))
        known = np.isfinite(local.reshape(-1, 3)).all(axis=1)
        try:
            intrinsics, mount, error = fit_camera(pixels[known], local.reshape(-1, 3)[known])
        except (ValueError, np.linalg.LinAlgError) as error:
            raise self._malformed(f"has points of the camera {name} that no camera sees so ({error})") from error
        if not error < WORST_FIT:
            raise self._malformed(f"has points of the camera {name} that are {error:.1f} pixels off any camera's")
        return intrinsics, mount

    def _on_arm(self, k: int, points: np.ndarray) -> np.ndarray:
        """Which points (H, W, 3) lie in the boxes of the arm's links (H, W); none where there are no boxes."""
        boxes, poses = self._links
        inside = np.zeros(points.shape[:2], bool)
        if not isinstance(boxes, Mapping) or not isinstance(poses, Mapping):
            return inside
        for name, box in boxes.items():
            pose = poses.get(name.replace("_bbox", "_pose"))
            if _ARM_LINK.match(name) and pose is not None:
                inside |= inside_box(points, np.asarray(box, float)[k], np.asarray(pose, float)[k])
        return inside

    def _malformed(self, what: str) -> UserError:
        return UserError(f"{self._where} {what}", "Give GemBench's key steps as 3D-LOTUS publishes them")


def _handles(mask: np.ndarray) -> np.ndarray:
    """Object handles (H, W) uint16; 0 for those that it cannot hold."""
    return np.where((mask < 0) | (mask > np.iinfo(np.uint16).max), 0, mask).astype(np.uint16)


def _find_instructions(root: Path) -> Path:
    """The file of wordings in the folder, below it, or in the two above it."""
    beside = [folder / INSTRUCTIONS for folder in (root, *root.resolve().parents[:2])]
    found = next((path for path in (*beside, *sorted(root.rglob(INSTRUCTIONS))) if path.is_file()), None)
    if found is None:
        raise UserError(f"{root} has no {INSTRUCTIONS}", "Copy GemBench's file there, or name it with --instructions")
    return found


def _keys(folder: Path) -> list[str]:
    """Names of the episodes of a data base, in the order of their numbers."""
    with _opened(folder) as transaction:
        names = [bytes(key).decode(errors="replace") for key in transaction.cursor().iternext(values=False)]
    numbered = [(int(match[1]), match[0]) for match in map(_EPISODE.fullmatch, names) if match]
    if not numbered:
        raise UserError(f"{folder / _DATA_BASE} has no key 'episode0'", "Give GemBench's key steps")
    return [name for _, name in sorted(numbered)]


def _read(folder: Path, key: str, where: Path) -> Any:
    with _opened(folder) as transaction:
        data = transaction.get(key.encode())
    try:
        return unpack(data)
    except UserError as error:
        raise UserError(f"{where} is not a msgpack-numpy record", "Give GemBench's key steps") from error


@contextmanager
def _opened(folder: Path) -> Iterator[Any]:
    """A transaction that reads a data base; nothing is written, not even a lock."""
    import lmdb

    try:
        with lmdb.open(str(folder), readonly=True, lock=False, create=False, readahead=False) as environment:
            with environment.begin() as transaction:
                yield transaction
    except lmdb.Error as error:
        raise UserError(f"{folder / _DATA_BASE} cannot be read as LMDB ({error})", "Copy it again") from error
