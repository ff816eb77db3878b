"""The moments of demonstrations that the planner is trained on and asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.artifacts.annotations import KeypointAnnotation, Keypoints, PlanAnnotation, Plans, labelled
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode, ObjectTracks
from stages.core.progress import Progress
from stages.core.steps import parse_step
from stages.geometry.clouds import fuse_labelled
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner.hand import Hand, hands
from stages.planner.language.text import Example
from stages.planner.prompts import Memory
from stages.planner.training.augmentation import LabelledCloud, Thing

AROUND = 0.03
"""How far something that no mask shows is taken to reach from its place [m]."""


@dataclass(frozen=True)
class Keyframe:
    """One moment of a demonstration, before a motion.

    Attributes:
        points: (N, 3) float16 from the workspace's centre [m]; colours: (N, 3) uint8; the arm left out.
        labels: (N,) uint8, number in `things` from 1 of what a point lies on, or 0; cameras: (N,) uint8 that saw it.
        things: all that has a name.
        instructions: paraphrases of the task.
        plan: texts of its steps.
        memory, gripper_open: what is known before the decision.
        hand: the gripper.
        step_index: the step that comes now.
        keypoint: (3,) where, world frame [m].
        objects: the scene's things by noun phrase, the one at hand where several share a name.
        taskvar, episode, index: where this comes from.
    """

    points: np.ndarray
    colours: np.ndarray
    labels: np.ndarray
    cameras: np.ndarray
    things: tuple[Thing, ...]
    instructions: tuple[str, ...]
    plan: tuple[str, ...]
    memory: Memory
    gripper_open: bool
    hand: Hand
    step_index: int
    keypoint: np.ndarray
    objects: dict[str, np.ndarray]
    taskvar: str
    episode: int
    index: int

    @property
    def cloud(self) -> np.ndarray:
        """(N, 3) float32, world frame [m]."""
        return _from_centre(self.points)

    @property
    def visible(self) -> tuple[str, ...]:
        """Names of the things that the cameras see, one entry a thing."""
        return tuple(self.things[number - 1].name for number in np.unique(self.labels) if number)

    def scene(self, index: np.ndarray) -> LabelledCloud:
        """What the points of an index show."""
        points, colours = _from_centre(self.points.take(index, axis=0)), self.colours.take(index, axis=0)
        return LabelledCloud(points, colours, self.labels[index], self.cameras[index], self.things)


def _from_centre(points: np.ndarray) -> np.ndarray:
    return points.astype(np.float32) + WORKSPACE_CENTRE.astype(np.float32)


def read_keyframes(
    demos: Demonstrations, keypoints: Keypoints, plans: Plans, episodes: Iterable[int], progress: Progress
) -> list[Keyframe]:
    """The keyframes of those episodes whose plans and keypoints agree with what was done."""
    episodes, keyframes = list(episodes), []
    for done, index in enumerate(episodes, 1):
        plan, annotation = plans.episode(index), keypoints.episode(index)
        if plan.ok and not annotation.problem:
            keyframes.extend(keyframes_of(labelled(demos.episode(index), annotation), annotation, plan, index))
        progress(done, len(episodes), "reading keyframes")
    return keyframes


def keyframes_of(
    episode: Episode, annotation: KeypointAnnotation, plan: PlanAnnotation, index: int
) -> Iterator[Keyframe]:
    """The keyframes of episode number `index`, whose plan and keypoints agree with what was done."""
    for k, hand in enumerate(hands(episode.observations[: len(episode)])):
        observation = episode.observations[k]
        points, colours, masks, cameras = fuse_labelled(observation)
        focus = parse_step(plan.plan[plan.step_index[k]]).focus
        last = Memory(int(plan.step_index[k - 1]), int(plan.motion_index[k - 1]) + 1) if k else Memory()
        yield Keyframe(
            (points - WORKSPACE_CENTRE).astype(np.float16),
            colours,
            _numbered(points, masks, episode.objects, k),
            cameras,
            tuple(map(Thing, episode.objects.names, episode.objects.kinds, episode.objects.positions[k])),
            episode.instructions,
            plan.plan,
            last,
            observation.is_open,
            hand,
            int(plan.step_index[k]),
            annotation.keypoints[k],
            _objects_at_hand(annotation.names, annotation.positions[k], focus, annotation.keypoints[k]),
            episode.taskvar,
            index,
            k,
        )


def _numbered(points: np.ndarray, masks: np.ndarray, objects: ObjectTracks, motion: int) -> np.ndarray:
    """The number (N,) uint8 from 1 of the object that each point shows, 0 = none; objects without a mask reach
    `AROUND` their place."""
    mask_ids = np.asarray(objects.mask_ids, np.int64)
    numbers = np.zeros(max(int(masks.max(initial=0)), int(np.max(mask_ids, initial=0))) + 1, np.uint8)
    numbers[mask_ids[mask_ids > 0]] = np.flatnonzero(mask_ids > 0) + 1
    labels = numbers[masks]
    for index in np.flatnonzero(mask_ids == 0):
        near = np.linalg.norm(points - objects.positions[motion, index], axis=1) < AROUND
        labels[near & (labels == 0)] = index + 1
    return labels


def _objects_at_hand(
    names: Sequence[str], positions: np.ndarray, focus: str, keypoint: np.ndarray
) -> dict[str, np.ndarray]:
    """One position per name: of several things of the focus's name the one nearest to the keypoint, else the first."""
    objects: dict[str, np.ndarray] = {}
    for name, position in zip(names, positions, strict=True):
        known = objects.get(name)
        if known is None or name == focus and _distance(position, keypoint) < _distance(known, keypoint):
            objects[name] = position
    return objects


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(first - second))


def text_examples(keyframes: Sequence[Keyframe]) -> list[Example]:
    """Instructions with plans and the names of what is there, each once, of the first keyframes of episodes."""
    found = {
        Example(text, tuple(map(parse_step, frame.plan)), frame.visible): None
        for frame in keyframes
        if frame.index == 0
        for text in frame.instructions
    }
    return list(found)
