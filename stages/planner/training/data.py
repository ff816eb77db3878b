"""The planner's training data from demonstrations: object positions, language plans, and trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from stages.artifacts.annotations import KeypointAnnotation, Keypoints, PlanAnnotation, Plans
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.core.progress import Progress
from stages.core.steps import parse_step
from stages.geometry.canonical import CanonicalViews
from stages.geometry.clouds import fuse_labelled
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner import prompts
from stages.planner.composing import Composer
from stages.planner.paraphrases import Told, paraphrase, pseudo_word, replace_words, told_apart
from stages.planner.prompts import Memory, Protocol
from stages.planner.rewording import reworded
from stages.planner.training import augmentation
from stages.planner.training.augmentation import Paints, Scene, Thing
from stages.planner.training.loop import NOWHERE, Drawn, Exchange
from stages.planner.training.moments import random_moment
from stages.settings.vlm import VlmConfig

MAX_LOCATED = 4
KEPT = (0.6, 1.0)
"""Shares of a cloud's points that are shown, least and most."""

MAX_DROPPED = 2
"""Cameras left out at once."""

FOLLOWED = 0.5
"""How often a composed plan is told, and the step asked for."""


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

    def scene(self, index: np.ndarray) -> Scene:
        """What the points of an index show."""
        points, colours = _from_centre(self.points.take(index, axis=0)), self.colours.take(index, axis=0)
        return Scene(points, colours, self.labels[index], self.cameras[index], self.things)


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
            keyframes.extend(keyframes_of(demos.episode(index), annotation, plan, index))
        progress(done, len(episodes), "reading keyframes")
    return keyframes


def keyframes_of(
    episode: Episode, annotation: KeypointAnnotation, plan: PlanAnnotation, index: int
) -> Iterator[Keyframe]:
    """The keyframes of episode number `index`, whose plan and keypoints agree with what was done."""
    for k in range(len(episode)):
        observation = episode.observations[k]
        points, colours, masks, cameras = fuse_labelled(observation)
        focus = parse_step(plan.plan[plan.step_index[k]]).focus
        last = Memory(int(plan.step_index[k - 1]), int(plan.motion_index[k - 1]) + 1) if k else Memory()
        yield Keyframe(
            (points - WORKSPACE_CENTRE).astype(np.float16),
            colours,
            _numbered(masks, episode.objects.mask_ids),
            cameras,
            tuple(map(Thing, episode.objects.names, episode.objects.kinds, episode.objects.positions[k])),
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


def _numbered(masks: np.ndarray, mask_ids: np.ndarray) -> np.ndarray:
    """Numbers (N,) uint8 from 1 in a list of ids, 0 for those that it lacks."""
    numbers = np.zeros(max(int(masks.max(initial=0)), int(np.max(mask_ids, initial=0))) + 1, np.uint8)
    numbers[np.asarray(mask_ids, np.int64)] = np.arange(1, len(mask_ids) + 1)
    return numbers[masks]


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
        paints: colours that things have, and rare ones that they are repainted in.
    """

    keyframes: Sequence[Keyframe]
    config: VlmConfig
    views: CanonicalViews
    seed: int
    auxiliary: Callable[[np.random.Generator], Exchange] | None = None
    paints: Paints = field(default_factory=Paints)

    def __call__(self, step: int) -> Sequence[Exchange]:
        """The exchanges of a step, each drawn when it is looked at."""
        return Drawn(self.exchange, (self.seed, step), self.config.batch_size)

    @cached_property
    def nameable(self) -> frozenset[str]:
        """Phrases that training plans mention: nothing else in the scenes is ever named, but in rare colours."""
        return frozenset(phrase for frame in self.keyframes for phrase in prompts.plan_phrases(frame.plan))

    @cached_property
    def pieces(self) -> list[list[Scene]]:
        """The small things of every scene that has any, before anything was moved."""
        untouched = (frame for frame in self.keyframes if frame.index == 0)
        pieces = (augmentation.cut_out(frame.scene(np.flatnonzero(frame.labels))) for frame in untouched)
        return [found for found in pieces if found]

    @cached_property
    def composer(self) -> Composer:
        """Makes instructions of the training ones, each of which counts once."""
        told = dict.fromkeys(Told(text, frame.plan) for frame in self.keyframes for text in frame.instructions)
        return Composer(list(told), self.paints.named, self.paints.rare)

    def exchange(self, rng: np.random.Generator) -> Exchange:
        """One exchange."""
        config = self.config
        draws = (self._locate, self._plan, self._decide, self._composed)
        shares = (config.weight_objects, config.weight_plans, config.weight_trajectories, config.weight_composed)
        weights = np.array([*shares, config.weight_auxiliary if self.auxiliary else 0.0])
        kind = rng.choice(len(weights), p=weights / weights.sum())
        if kind == len(draws) and self.auxiliary:
            return self.auxiliary(rng)
        return draws[kind](rng, self.keyframes[rng.integers(len(self.keyframes))])

    def _locate(self, rng: np.random.Generator, frame: Keyframe) -> Exchange:
        """Where are these things?"""
        look = self._look(rng, frame, frame.objects)
        names = look.nameable(self.nameable)
        asked = [str(name) for name in rng.permutation(sorted(names))[:MAX_LOCATED]]
        spoken = self._unfamiliar(rng, Told("", tuple(asked)), asked).plan
        request, answer = prompts.locate_request(spoken), prompts.locate_answer(spoken)
        return self._shown(rng, look.scene, request, answer, [names[name] for name in asked], asked)

    def _plan(self, rng: np.random.Generator, frame: Keyframe) -> Exchange:
        """What are the steps?"""
        told = Told(self._instruction(rng, frame), frame.plan)
        look = self._look(rng, frame, _texts(told))
        told = look.told(told)
        request, answer = prompts.plan_request(told.instruction), prompts.plan_answer(told.plan)
        return self._shown(rng, look.scene, request, answer)

    def _decide(self, rng: np.random.Generator, frame: Keyframe) -> Exchange:
        """What comes now, and where?"""
        told = Told(self._instruction(rng, frame), frame.plan)
        look = self._look(rng, frame, _texts(told))
        told = look.told(told)
        spoken = self._unfamiliar(rng, told, prompts.plan_phrases(told.plan))
        moment = (frame.memory, frame.gripper_open, frame.step_index)
        request, answer = self._protocol.decision(spoken.instruction, spoken.plan, *moment)
        located = prompts.plan_phrases(frame.plan) if self.config.use_objects else []
        points = [*(frame.objects[phrase] for phrase in located), frame.keypoint]
        return self._shown(rng, look.scene, request, answer, points, prompts.plan_phrases(told.plan))

    def _composed(self, rng: np.random.Generator, frame: Keyframe) -> Exchange:
        """What are the steps of an instruction, or which of them comes now, where nothing is seen of it?"""
        told = self.composer(rng)
        blank = np.zeros((0, self.views.size, self.views.size, 3), np.uint8)
        if rng.random() < FOLLOWED:
            request, answer = self._protocol.decision(told.instruction, told.plan, *random_moment(rng, told.plan))
        else:
            request, answer = prompts.plan_request(told.instruction), prompts.plan_answer(told.plan)
        return Exchange(request, answer, NOWHERE, blank)

    @property
    def _protocol(self) -> Protocol:
        return Protocol(self.config.use_plan, self.config.use_memory, self.config.use_objects)

    def _instruction(self, rng: np.random.Generator, frame: Keyframe) -> str:
        """One of its instructions, as it is, in slightly other words, or in general wordings of its skill."""
        told, kind = Told(str(rng.choice(frame.instructions)), frame.plan), rng.random()
        if kind < self.config.paraphrase / 2:
            told = reworded(rng, told) or told
        elif kind < self.config.paraphrase:
            return paraphrase(rng, told.instruction)
        return told.instruction

    def _unfamiliar(self, rng: np.random.Generator, told: Told, phrases: Sequence[str]) -> Told:
        """The same with a word that means nothing for the noun of something that has a colour.

        What it is called by can then only be the thing of that colour that nothing else is called by.
        """
        coloured = [phrase for phrase in phrases if phrase.partition(" ")[0] in {*self.paints.named, *self.paints.rare}]
        if not coloured or rng.random() > self.config.unfamiliar:
            return told
        phrase = str(rng.choice(coloured))
        words = {phrase: f"{phrase.partition(' ')[0]} {pseudo_word(rng)}"}
        return Told(replace_words(told.instruction, words), tuple(replace_words(text, words) for text in told.plan))

    def _look(self, rng: np.random.Generator, frame: Keyframe, texts: Iterable[str]) -> _Look:
        """A scene with other things on its table that the texts cannot mean, and in other colours."""
        scene = self._cluttered(rng, frame.scene(_some(rng, frame)), list(texts))
        points = augmentation.paintable(scene, self.paints)
        renamed = self._new_colours(rng, sorted(points))
        added = {thing.name: thing.position for thing in scene.things[len(frame.things) :]}
        scene = augmentation.repainted(scene, points, renamed, self.paints)
        if self.config.tint:
            scene = augmentation.tinted(rng, scene, self.paints, self.config.tint)
        return _Look(scene, frame.objects | added, renamed)

    def _cluttered(self, rng: np.random.Generator, scene: Scene, texts: list[str]) -> Scene:
        for _ in range(rng.integers(self.config.distractors + 1) if self.pieces else 0):
            pieces = self.pieces[rng.integers(len(self.pieces))]
            piece = pieces[rng.integers(len(pieces))]
            names = [thing.name for thing in piece.things]
            if all(told_apart(name, texts, self.paints.named) for name in names):
                scene = augmentation.set_down(rng, scene, piece)
                texts = texts + names
        return scene

    def _new_colours(self, rng: np.random.Generator, colours: Sequence[str]) -> dict[str, str]:
        """A rare colour for each of those that are replaced, no two the same."""
        rare = list(self.paints.rare)
        chosen = [colour for colour in colours if rng.random() < self.config.recolour][: len(rare)]
        return dict(zip(chosen, rng.permutation(rare).tolist(), strict=False))

    def _shown(
        self,
        rng: np.random.Generator,
        scene: Scene,
        request: str,
        answer: str,
        points: Sequence[np.ndarray] = (),
        phrases: Sequence[str] = (),
    ) -> Exchange:
        """The exchange about a scene that is moved, seen by fewer cameras that are a little off, and lit otherwise."""
        config = self.config
        if rng.random() < config.drop_cameras:
            seeing = np.unique(scene.cameras)
            dropped = rng.permutation(seeing)[1:][: rng.integers(1, MAX_DROPPED + 1)]
            scene = augmentation.without_cameras(scene, dropped, phrases)
        if config.camera_shift or config.camera_turn:
            scene = augmentation.seen_by_erring_cameras(rng, scene, config.camera_shift, config.camera_turn)
        move = augmentation.random_move(rng, config.turn, config.jitter, config.scale, config.stretch)
        views = self.views.render(move(scene.points), augmentation.relit(rng, scene.colours))[0]
        return Exchange(request, answer, move(np.array(points, float).reshape(-1, 3)), views)


@dataclass(frozen=True)
class _Look:
    """A scene as it is shown once.

    Attributes:
        scene: with its things' names of now.
        objects: places by the names of before.
        renamed: colours that were replaced.
    """

    scene: Scene
    objects: Mapping[str, np.ndarray]
    renamed: Mapping[str, str]

    def told(self, told: Told) -> Told:
        """The same in the words of now."""
        plan = tuple(replace_words(step, self.renamed) for step in told.plan)
        return Told(replace_words(told.instruction, self.renamed), plan)

    def nameable(self, known: frozenset[str]) -> dict[str, np.ndarray]:
        """Places by the names of now: of what is known, and of single things in rare colours whose noun is."""
        names = [thing.name for thing in self.scene.things]
        nouns = {phrase.partition(" ")[2] for phrase in known} - {""}
        found = {}
        for before, place in self.objects.items():
            name = replace_words(before, self.renamed)
            rare = name != before and before.partition(" ")[2] in nouns and names.count(name) == 1
            if before in known or rare:
                found[name] = place
        return found


def _some(rng: np.random.Generator, frame: Keyframe) -> np.ndarray:
    """Index of the points of a keyframe that are shown."""
    return np.flatnonzero(rng.random(len(frame.points), dtype=np.float32) < rng.uniform(*KEPT))


def _texts(told: Told) -> list[str]:
    return [told.instruction, *prompts.plan_phrases(told.plan)]
