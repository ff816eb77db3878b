"""The planner's training data from demonstrations: object positions, language plans, and trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stages.artifacts.annotations import Keypoints, Plans
from stages.artifacts.demonstrations import Demonstrations
from stages.geometry.canonical import CanonicalViews
from stages.geometry.clouds import fuse
from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner import prompts
from stages.planner.config import VlmConfig
from stages.planner.prompts import Memory
from stages.planner.training import Exchange
from stages.progress import Progress
from stages.steps import parse_step

MAX_LOCATED = 4
TURNING_POINT = np.array([0.2, 0.0, 0.0])
"""Scenes are turned about the vertical through this point, amid the table, world frame [m]."""


@dataclass(frozen=True)
class Keyframe:
    """One moment of a demonstration, before a motion.

    Attributes:
        points: (N, 3) float16 from the workspace's centre [m]; colours: (N, 3) uint8; the arm left out.
        instructions: paraphrases of the task.
        plan: texts of its steps.
        memory, gripper_open: what is known before the decision.
        step_index: the step that comes now.
        keypoint: (3,) where, world frame [m].
        objects: the scene's things by noun phrase, the one at hand where several share a name.
        taskvar, episode, index: where this comes from.
    """

    points: np.ndarray
    colours: np.ndarray
    instructions: tuple[str, ...]
    plan: tuple[str, ...]
    memory: Memory
    gripper_open: bool
    step_index: int
    keypoint: np.ndarray
    objects: dict[str, np.ndarray]
    taskvar: str
    episode: int
    index: int

    @property
    def cloud(self) -> np.ndarray:
        """(N, 3) float32, world frame [m]."""
        return self.points.astype(np.float32) + WORKSPACE_CENTRE.astype(np.float32)

    def decide_exchange(self, instruction: str) -> tuple[str, str, np.ndarray]:
        """Request, answer and keypoints (K, 3) of round 2."""
        phrases = prompts.plan_phrases(self.plan)
        points = np.array([*(self.objects[phrase] for phrase in phrases), self.keypoint])
        answer = prompts.decide_reasoning(self.plan) + prompts.decide_choice(self.plan, self.step_index)
        return prompts.decide_request(instruction, self.plan, self.memory, self.gripper_open), answer, points


def read_keyframes(
    demos: Demonstrations, keypoints: Keypoints, plans: Plans, episodes: Iterable[int], progress: Progress
) -> list[Keyframe]:
    """The keyframes of those episodes whose plans and keypoints agree with what was done."""
    episodes, keyframes = list(episodes), []
    for done, index in enumerate(episodes, 1):
        plan, annotation = plans.episode(index), keypoints.episode(index)
        if plan.ok and not annotation.problem:
            episode = demos.episode(index)
            for k in range(len(episode)):
                observation = episode.observations[k]
                points, colours = fuse(observation, hide_arm=True)
                focus = parse_step(plan.plan[plan.step_index[k]]).focus
                last = Memory(int(plan.step_index[k - 1]), int(plan.motion_index[k - 1]) + 1) if k else Memory()
                keyframes.append(
                    Keyframe(
                        (points - WORKSPACE_CENTRE).astype(np.float16),
                        colours,
                        episode.instructions,
                        plan.plan,
                        last,
                        bool(observation.gripper_open > 0.5),
                        int(plan.step_index[k]),
                        annotation.keypoints[k],
                        _objects_at_hand(annotation.names, annotation.positions[k], focus, annotation.keypoints[k]),
                        episode.taskvar,
                        index,
                        k,
                    )
                )
        progress(done, len(episodes), "reading keyframes")
    return keyframes


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


@dataclass(frozen=True)
class Sampler:
    """Draws the exchanges of a training step; the same step always the same ones.

    Attributes:
        keyframes: of the training episodes.
        config: weights and augmentation.
        views: canonical cameras.
        seed: of everything drawn.
        auxiliary: draws an example that is not from demonstrations.
    """

    keyframes: Sequence[Keyframe]
    config: VlmConfig
    views: CanonicalViews
    seed: int
    auxiliary: Callable[[np.random.Generator], Exchange] | None = None

    def __call__(self, step: int) -> list[Exchange]:
        rng = np.random.default_rng([self.seed, step])
        return [self._exchange(rng) for _ in range(self.config.batch_size)]

    @cached_property
    def nameable(self) -> frozenset[str]:
        """Phrases that training plans mention: nothing else in the scenes is ever named."""
        return frozenset(phrase for frame in self.keyframes for phrase in prompts.plan_phrases(frame.plan))

    def _exchange(self, rng: np.random.Generator) -> Exchange:
        config = self.config
        auxiliary = config.weight_auxiliary if self.auxiliary else 0.0
        weights = np.array([config.weight_objects, config.weight_plans, config.weight_trajectories, auxiliary])
        kind = rng.choice(4, p=weights / weights.sum())
        if kind == 3 and self.auxiliary:
            return self.auxiliary(rng)
        frame = self.keyframes[rng.integers(len(self.keyframes))]
        instruction = str(rng.choice(frame.instructions))
        if kind == 0:
            phrases = [str(name) for name in rng.permutation(sorted(self.nameable & frame.objects.keys()))][
                :MAX_LOCATED
            ]
            request, answer = prompts.locate_request(phrases), prompts.locate_answer(phrases)
            points = np.array([frame.objects[phrase] for phrase in phrases])
        elif kind == 1:
            request, answer = prompts.plan_request(instruction), prompts.plan_answer(frame.plan)
            points = np.zeros((0, 3))
        else:
            request, answer, points = frame.decide_exchange(instruction)
        return Exchange(request, answer, *self._shown(rng, frame, points))

    def _shown(self, rng: np.random.Generator, frame: Keyframe, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The places, and the views, of a scene turned and shifted a little, in other light, with fewer points."""
        config = self.config
        turn = axis_rotation(2, rng.uniform(-config.turn, config.turn))
        offset = TURNING_POINT + np.append(rng.uniform(-config.jitter, config.jitter, 2), 0)
        keep = rng.random(len(frame.points)) < rng.uniform(0.6, 1)
        cloud = ((frame.cloud[keep] - TURNING_POINT) @ turn.T + offset).astype(np.float32)
        gain = (rng.normal(1, 0.05) * rng.normal(1, 0.02, 3)).astype(np.float32)
        colours = np.clip(frame.colours[keep] * gain, 0, 255).astype(np.uint8)
        return (points - TURNING_POINT) @ turn.T + offset, self.views.render(cloud, colours)[0]
