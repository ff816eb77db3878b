"""What a planner said about the keyframes of an episode, beside the truth; with pictures of some of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

import h5py
import numpy as np

from stages.core.plan_equivalence import same_plan
from stages.core.steps import parse_step

_TEXT = h5py.string_dtype()
_ATTRIBUTES = ("taskvar", "seed", "episode", "instruction", "plan_confidence", "ordered")
_LISTS = ("plan", "true_plan", "view_names", "listed")
_TEXTS = ("steps", "true_steps", "phrases", "names")
_ARRAYS = (
    *("motions", "step_index", "true_step_index", "keypoints", "true_keypoints", "objects", "true_objects"),
    *("confidence", "positions", "visible", "listed_places", "pictured"),
)
_PICTURES = ("views", "heatmaps")

MISTAKE = 0.05
"""A place farther off than this is a mistake [m]."""


@dataclass(frozen=True)
class Answers:
    """One episode: its plan, and what was said of K keyframes with the true plan and memory given.

    Attributes:
        taskvar, seed, episode: which scene; the episode's number in its file or within its variation.
        instruction: the wording that the planner was given.
        plan, true_plan: step texts; no plan was found where the first is empty.
        plan_confidence: of the plan.
        ordered: whether the instruction tells in which order things are treated.
        motions: (K,) numbers of the keyframes within the episode.
        step_index, true_step_index: (K,) lines of the true plan; -1 where a step was said in words.
        steps, true_steps: K texts.
        keypoints, true_keypoints: (K, 3) world frame [m].
        phrases: P noun phrases of the true plan; none where the planner does not locate objects.
        objects, true_objects: (K, P, 3) world frame [m]; NaN where the planner did not name the object.
        confidence: (K,) of the decisions.
        names, positions: the M named things of the scene, (K, M, 3) world frame [m].
        visible: (M,) bool, which of them the cameras see at the first keyframe.
        listed, listed_places: the L things that the planner listed then, (L, 3) world frame [m]; none where it did not.
        pictured: (Q,) which of the K keyframes have pictures.
        view_names: V canonical views.
        views: (Q, V, S, S, 3) uint8.
        heatmaps: (Q, V, C, C) float16 probabilities of the keypoint; empty where the planner has none.
    """

    taskvar: str
    seed: int
    episode: int
    instruction: str
    plan: tuple[str, ...]
    true_plan: tuple[str, ...]
    plan_confidence: float
    ordered: bool
    motions: np.ndarray
    step_index: np.ndarray
    true_step_index: np.ndarray
    steps: tuple[str, ...]
    true_steps: tuple[str, ...]
    keypoints: np.ndarray
    true_keypoints: np.ndarray
    phrases: tuple[str, ...]
    objects: np.ndarray
    true_objects: np.ndarray
    confidence: np.ndarray
    names: tuple[str, ...]
    positions: np.ndarray
    visible: np.ndarray
    listed: tuple[str, ...]
    listed_places: np.ndarray
    pictured: np.ndarray
    view_names: tuple[str, ...]
    views: np.ndarray
    heatmaps: np.ndarray

    def __len__(self) -> int:
        """Number of keyframes K."""
        return len(self.steps)

    @cached_property
    def plan_right(self) -> bool:
        """Whether the plan is the true one, as of `same_plan`."""
        plan, truth = (tuple(map(parse_step, steps)) for steps in (self.plan, self.true_plan))
        return same_plan(plan, truth, self.names, self.ordered)

    @cached_property
    def steps_right(self) -> np.ndarray:
        """(K,) bool."""
        words = np.array([step == truth for step, truth in zip(self.steps, self.true_steps, strict=True)], bool)
        return np.where(self.step_index < 0, words, self.step_index == self.true_step_index)

    @cached_property
    def keypoint_errors(self) -> np.ndarray:
        """(K,) distances to the true keypoints [m]."""
        return np.linalg.norm(self.keypoints - self.true_keypoints, axis=-1)

    @cached_property
    def errors_to_equals(self) -> np.ndarray:
        """(K,) distances to the true keypoints or, if nearer, to another thing of the same name [m]."""
        errors = self.keypoint_errors.copy()
        for k, step in enumerate(self.true_steps):
            equals = [m for m, name in enumerate(self.names) if name == parse_step(step).focus]
            distances = np.linalg.norm(self.positions[k, equals] - self.keypoints[k], axis=-1)
            errors[k] = min([errors[k], *distances])
        return errors

    @cached_property
    def far_off(self) -> np.ndarray:
        """(K,) bool, right steps with a keypoint farther than `MISTAKE` from the true one and all equal things."""
        return self.steps_right & (self.errors_to_equals > MISTAKE)

    @cached_property
    def listed_right(self) -> np.ndarray:
        """(L,) bool, which listed things are in view, within `MISTAKE` of its place; each counts once."""
        left = set(np.flatnonzero(self.visible))
        right = np.zeros(len(self.listed), bool)
        for number, (name, place) in enumerate(zip(self.listed, self.listed_places, strict=True)):
            meant = [m for m in left if self.names[m] == name and _distance(self.positions[0, m], place) <= MISTAKE]
            if meant:
                left.remove(min(meant, key=lambda m: _distance(self.positions[0, m], place)))
                right[number] = True
        return right

    @cached_property
    def object_errors(self) -> np.ndarray:
        """(K, P) distances to the true positions [m]; NaN where the planner did not name the object."""
        return np.linalg.norm(self.objects - self.true_objects, axis=-1)


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(first - second))


def write_answers(group: h5py.Group, answers: Answers) -> None:
    """Fill the group of an episode."""
    for name in _ATTRIBUTES:
        group.attrs[name] = getattr(answers, name)
    for name in _LISTS:
        group.attrs[name] = json.dumps(getattr(answers, name))
    for name in _TEXTS:
        texts = getattr(answers, name)
        group.create_dataset(name, data=np.array(texts, object), dtype=_TEXT, shape=(len(texts),))
    for name in _ARRAYS:
        group[name] = getattr(answers, name)
    for name in _PICTURES:
        values = getattr(answers, name)
        group.create_dataset(name, data=values, **({"compression": "gzip", "shuffle": True} if values.size else {}))


def read_answers(group: h5py.Group, *, pictures: bool = True) -> Answers:
    """The answers of an episode's group; without `pictures` none are kept."""
    attributes = {name: group.attrs[name] for name in _ATTRIBUTES}
    arrays = {name: group[name][()] for name in _ARRAYS}
    images = {name: group[name][()] if pictures else group[name][:0] for name in _PICTURES}
    return Answers(
        **{name: value.item() if hasattr(value, "item") else value for name, value in attributes.items()},
        **{name: tuple(json.loads(group.attrs[name])) for name in _LISTS},
        **{name: tuple(group[name].asstr()[()]) for name in _TEXTS},
        **(arrays if pictures else arrays | {"pictured": arrays["pictured"][:0]}),
        **images,
    )
