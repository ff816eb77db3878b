"""RLBench's data sets as its generator writes them, read without RLBench or its simulator."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from stages.artifacts.episode import Episode
from stages.artifacts.unlabelled import unlabelled_episode
from stages.bridges.plausible import check_motions, known_level, plausible
from stages.bridges.png import read_png
from stages.core.errors import UserError
from stages.rlbench.images import Images, decoded_depth, decoded_handles
from stages.rlbench.recording import CAMERAS, Recording
from stages.rlbench.scenes import CLASSES, POSES
from stages.rlbench.unpickling import ARRAYS, Record, read_pickle

_DESCRIPTIONS, _NUMBER = "variation_descriptions.pkl", "variation_number.pkl"
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
        recording, path = _recording(place.folder), place.folder / POSES
        keyframes = recording.keyframes(self._keyframes)
        check_motions(len(keyframes) - 1, path)
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
        return plausible(episode, path)


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


def _recording(folder: Path) -> Recording:
    """An episode's frames; images are read when they are asked for."""
    path = folder / POSES
    frames = getattr(read_pickle(path, CLASSES), "_observations", None)
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, Record) for frame in frames):
        raise UserError(f"{path} is not a demonstration of RLBench", "Copy it again")
    return Recording(frames, partial(_images, folder), path)


def _images(folder: Path, frame: int, name: str) -> Images:
    """What a camera recorded at a frame of an episode."""
    kinds = {kind: folder / f"{name}_{kind}" for kind in ("rgb", "depth", "mask")}
    if not kinds["rgb"].is_dir() or not kinds["depth"].is_dir():
        lacking = kinds["depth" if kinds["rgb"].is_dir() else "rgb"]
        raise UserError(f"{lacking} is missing", f"Record RGB and depth of the camera {name} in every episode")
    rgb, depth = (read_png(kinds[kind] / f"{frame}.png") for kind in ("rgb", "depth"))
    mask = read_png(kinds["mask"] / f"{frame}.png") if kinds["mask"].is_dir() else None
    if depth.shape != rgb.shape or mask is not None and mask.shape != rgb.shape:
        raise UserError(f"{kinds['rgb'] / f'{frame}.png'} and depth or mask differ in size", "Copy them again")
    return Images(rgb, decoded_depth(depth), None if mask is None else decoded_handles(mask))
