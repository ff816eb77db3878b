"""Draws the planner's training samples from demonstrations: object positions, language plans, and trajectories."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from stages.core.steps import parse_step
from stages.geometry.canonical import CanonicalViews
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner import prompts
from stages.planner.hand import Hand
from stages.planner.language.plan_text import write_plan
from stages.planner.language.text import Example, TextSampler, in_view
from stages.planner.pointing.answer_graphs import MAX_LISTED
from stages.planner.pointing.views import CHANNELS, render_views
from stages.planner.prompts import Protocol
from stages.planner.renaming import InstructedPlan, replace_words, told_apart
from stages.planner.training import augmentation
from stages.planner.training.augmentation import LabelledCloud, Move, Paints
from stages.planner.training.batches import NOWHERE, LazyBatch, Sample
from stages.planner.training.execution_states import random_execution_state
from stages.planner.training.keyframes import Keyframe, text_examples
from stages.settings.vlm import VlmConfig

KEPT = (0.6, 1.0)
"""Shares of a cloud's points that are shown, least and most."""

MAX_DROPPED = 2
"""Cameras left out at once."""

LISTED = 0.3
"""How often a sample about objects lists what is in view, where it is listed in words."""

IN_TEXT = 0.5
"""How often a decision is about a plan in text alone."""

MAX_ABSENT = 6
"""Names of things that are not in view in a sample about objects."""


@dataclass(frozen=True)
class PlannerSampler:
    """Draws the samples of a training step; the same step always the same ones.

    Attributes:
        keyframes: of the training episodes.
        config: weights and augmentation.
        views: canonical cameras.
        seed: of everything drawn.
        paints: colours that things have, and rare ones that they are repainted in.
        auxiliary: draws an example that is not from demonstrations.
    """

    keyframes: Sequence[Keyframe]
    config: VlmConfig
    views: CanonicalViews
    seed: int
    paints: Paints
    auxiliary: Callable[[np.random.Generator], Sample] | None = None

    def __call__(self, step: int) -> Sequence[Sample]:
        """The samples of a step, each drawn when it is looked at."""
        return LazyBatch(self.sample, (self.seed, step), self.config.batch_size)

    @cached_property
    def nameable(self) -> frozenset[str]:
        """Phrases that training plans mention, and names without a colour of the training scenes' things.

        Nothing else is ever named, but in rare colours: colours of what merely lies about are left to test variations.
        """
        colours = {*self.paints.named, *self.paints.rare}
        mentioned = {phrase for frame in self.keyframes for phrase in prompts.plan_phrases(frame.plan)}
        there = {name for frame in self.keyframes for name in frame.objects}
        return frozenset(mentioned | {name for name in there if colours.isdisjoint(name.split())})

    @cached_property
    def named_in_training(self) -> tuple[str, ...]:
        """Those, and what comes in colours in rare ones."""
        return tuple(sorted(self.nameable.union(self._coloured(self.paints.rare))))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What can be listed: those, and what comes in colours in every one."""
        return tuple(sorted(self.nameable.union(self._coloured([*self.paints.named, *self.paints.rare]))))

    def _coloured(self, colours: Iterable[str]) -> set[str]:
        known = {*self.paints.named, *self.paints.rare}
        nouns = {name.partition(" ")[2] for name in self.nameable if name.partition(" ")[0] in known} - {""}
        return {f"{colour} {noun}" for colour in colours for noun in nouns}

    @cached_property
    def pieces(self) -> list[list[LabelledCloud]]:
        """The small things of every scene that has any, before anything was moved."""
        untouched = (frame for frame in self.keyframes if frame.index == 0)
        pieces = (augmentation.cut_out(frame.scene(np.flatnonzero(frame.labels))) for frame in untouched)
        return [found for found in pieces if found]

    @cached_property
    def text(self) -> TextSampler:
        """Draws instructions with plans, made of the training ones."""
        return TextSampler(text_examples(self.keyframes), tuple(self.paints.named), tuple(self.paints.rare))

    def sample(self, rng: np.random.Generator) -> Sample:
        """One sample."""
        config = self.config
        draws = (self._objects, self._plan, self._decide)
        plans = config.weight_plans if config.plans_itself else 0.0
        shares = (config.weight_objects, plans, config.weight_trajectories)
        weights = np.array([*shares, config.weight_auxiliary if self.auxiliary else 0.0])
        kind = rng.choice(len(weights), p=weights / weights.sum())
        if kind == len(draws) and self.auxiliary:
            return self.auxiliary(rng)
        return draws[kind](rng, self.keyframes[rng.integers(len(self.keyframes))])

    def varied(self, rng: np.random.Generator, frame: Keyframe) -> Keyframe:
        """A keyframe as it is shown once in training, with one wording."""
        task = InstructedPlan(str(rng.choice(frame.instructions)), frame.plan)
        look = self._look(rng, frame, _texts(task))
        task = look.recoloured(task)
        scene, move = self._seen(rng, look.scene, prompts.plan_phrases(task.plan))
        return replace(
            frame,
            points=(scene.points - WORKSPACE_CENTRE).astype(np.float16),
            colours=scene.colours,
            labels=scene.labels,
            cameras=scene.cameras,
            things=tuple(replace(thing, position=move(thing.position)) for thing in scene.things),
            instructions=(task.instruction,),
            plan=task.plan,
            hand=frame.hand.moved(move),
            keypoint=move(frame.keypoint),
            objects={replace_words(name, look.renamed): move(place) for name, place in frame.objects.items()},
        )

    def _objects(self, rng: np.random.Generator, frame: Keyframe) -> Sample:
        """Where are these things, some of which are not in view, and where does the step happen that comes now?

        In words also: what is in view?
        """
        look = self._look(rng, frame, [*frame.objects, frame.plan[frame.step_index]])
        names = look.nameable(rng, self.named_in_training)
        asked = [str(name) for name in rng.permutation(sorted(names))]
        places = [names[name] for name in asked]
        if self.config.keypoints == "text" and rng.random() < LISTED:
            answer = prompts.list_answer(asked[:MAX_LISTED])
            return self._shown(rng, look.scene, frame.hand, prompts.list_request(), answer, places[:MAX_LISTED], asked)
        if self.config.keypoints == "pointer":
            there = {thing.name for thing in look.scene.things}
            absent = [str(name) for name in rng.choice(self.named_in_training, MAX_ABSENT) if name not in there]
            step = replace_words(frame.plan[frame.step_index], look.renamed)
            asked = [*asked, step, *absent]
            places = [*places, frame.keypoint, *[np.full(3, np.nan)] * len(absent)]
        return self._shown(rng, look.scene, frame.hand, "", prompts.locate_answer(asked), places, asked)

    def _plan(self, rng: np.random.Generator, frame: Keyframe) -> Sample:
        """What are the steps? Of the scene, or in text alone."""
        if rng.random() < 0.5:
            task = InstructedPlan(str(rng.choice(frame.instructions)), frame.plan)
            look = self._look(rng, frame, _texts(task))
            task = look.recoloured(task)
            names = [thing.name for thing in look.scene.things]
            example = Example(task.instruction, tuple(map(parse_step, task.plan)), tuple(names))
            example = in_view(rng, example, tuple(self.paints.rare))
            request, answer = prompts.plan_request(example.instruction, example.names), write_plan(example.plan)
            return self._shown(rng, look.scene, frame.hand, request, answer)
        example = self.text(rng)
        request, answer = prompts.plan_request(example.instruction, example.names), write_plan(example.plan)
        return Sample(request, answer, NOWHERE, self._blank)

    def _decide(self, rng: np.random.Generator, frame: Keyframe) -> Sample:
        """What comes now, and where? At times of a plan in text alone, where it is longer than those demonstrated."""
        if self.config.keypoints == "pointer" and rng.random() < IN_TEXT:
            return self._moment(rng)
        task = InstructedPlan(str(rng.choice(frame.instructions)), frame.plan)
        look = self._look(rng, frame, _texts(task))
        task = look.recoloured(task)
        moment = (frame.memory, frame.gripper_open, frame.step_index)
        request, answer = self._protocol.decision(task.instruction, task.plan, *moment)
        located = prompts.plan_phrases(frame.plan) if self.config.use_objects else []
        points = [*(frame.objects[phrase] for phrase in located), frame.keypoint]
        return self._shown(rng, look.scene, frame.hand, request, answer, points, prompts.plan_phrases(task.plan))

    def _moment(self, rng: np.random.Generator) -> Sample:
        """What comes now, at a moment of following one of the plans that the planning model is trained on?"""
        example = self.text(rng)
        plan = list(map(str, example.plan))
        request, answer = self._protocol.decision(example.instruction, plan, *random_execution_state(rng, plan))
        return Sample(request, answer, NOWHERE, self._blank)

    @property
    def _blank(self) -> np.ndarray:
        """No views."""
        return np.zeros((0, self.views.size, self.views.size, CHANNELS), np.uint8)

    @property
    def _protocol(self) -> Protocol:
        return Protocol(self.config.use_plan, self.config.use_memory, self.config.use_objects)

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

    def _cluttered(self, rng: np.random.Generator, scene: LabelledCloud, texts: list[str]) -> LabelledCloud:
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
        scene: LabelledCloud,
        hand: Hand,
        request: str,
        answer: str,
        points: Sequence[np.ndarray] = (),
        phrases: Sequence[str] = (),
    ) -> Sample:
        """The sample about a scene as it is seen once."""
        scene, move = self._seen(rng, scene, phrases)
        views = render_views(self.views, scene.points, scene.colours, hand.moved(move))
        return Sample(request, answer, move(np.array(points, float).reshape(-1, 3)), views)

    def _seen(
        self, rng: np.random.Generator, scene: LabelledCloud, phrases: Sequence[str]
    ) -> tuple[LabelledCloud, Move]:
        """A scene that is moved, seen by fewer cameras that are a little off, and lit otherwise; and the move."""
        config = self.config
        if rng.random() < config.drop_cameras:
            seeing = np.unique(scene.cameras)
            dropped = rng.permutation(seeing)[1:][: rng.integers(1, MAX_DROPPED + 1)]
            scene = augmentation.without_cameras(scene, dropped, phrases)
        if config.camera_shift or config.camera_turn:
            scene = augmentation.seen_by_erring_cameras(rng, scene, config.camera_shift, config.camera_turn)
        move = augmentation.random_move(rng, config.turn, config.jitter, config.scale, config.stretch)
        return replace(scene, points=move(scene.points), colours=augmentation.relit(rng, scene.colours)), move


@dataclass(frozen=True)
class _Look:
    """A scene as it is shown once.

    Attributes:
        scene: with its things' names of now.
        objects: places by the names of before.
        renamed: colours that were replaced.
    """

    scene: LabelledCloud
    objects: Mapping[str, np.ndarray]
    renamed: Mapping[str, str]

    def recoloured(self, task: InstructedPlan) -> InstructedPlan:
        """An instruction with its plan in the words of now."""
        plan = tuple(replace_words(step, self.renamed) for step in task.plan)
        return InstructedPlan(replace_words(task.instruction, self.renamed), plan)

    def nameable(self, rng: np.random.Generator, known: Container[str]) -> dict[str, np.ndarray]:
        """Places of the visible things with known names of now; of several that share one, any."""
        visible = self.scene.visible() >= augmentation.FEWEST_POINTS
        things = [thing for thing, seen in zip(self.scene.things, visible, strict=True) if seen and thing.name in known]
        return {things[i].name: things[i].position for i in rng.permutation(len(things))}


def _some(rng: np.random.Generator, frame: Keyframe) -> np.ndarray:
    """Index of the points of a keyframe that are shown."""
    return np.flatnonzero(rng.random(len(frame.points), dtype=np.float32) < rng.uniform(*KEPT))


def _texts(task: InstructedPlan) -> list[str]:
    return [task.instruction, *prompts.plan_phrases(task.plan)]
