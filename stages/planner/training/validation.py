"""What the planner says of keyframes whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from time import perf_counter

import h5py
import numpy as np

from stages.artifacts.answers import MISTAKE, Answers, write_answers
from stages.artifacts.shards import NAME
from stages.core.errors import UserError
from stages.core.progress import Progress
from stages.planner.calibration import NEAR, Calibration, Graded
from stages.planner.planner import Plan, Planner, StepDecision
from stages.planner.pointing.reading import Pointing
from stages.planner.pointing.views import COLOURS
from stages.planner.prompts import plan_phrases
from stages.planner.second_look import decide_with_second_look
from stages.planner.training.keyframes import Keyframe
from stages.simulators.tabletop.tasks import is_ordered

FREE = -1
"""Line of the plan of a step that was said in words."""


@dataclass(frozen=True)
class TeacherForcedEpisode:
    """One episode's questions and answers.

    Attributes:
        frames: its K keyframes.
        instruction: the wording that was given.
        plan: planned from the first keyframe; None where the planner had no plan.
        decisions: K, the true plan and memory given.
        views: K of (V, S, S, 6) uint8.
        view_names: V.
        follows_plan: whether the planner is given the plan, and so chooses one of its lines.
        listed: what it found in view of the first keyframe, where it was asked.
        seconds: wall-clock times of "views", "list", "plan" and "decide" [s].
    """

    frames: Sequence[Keyframe]
    instruction: str
    plan: Plan | None
    decisions: Sequence[StepDecision]
    views: Sequence[np.ndarray]
    view_names: tuple[str, ...]
    follows_plan: bool
    listed: Sequence[tuple[str, Pointing]]
    seconds: Mapping[str, list[float]]

    def answers(self, seed: int, episode: int, all_pictures: bool) -> Answers:
        """What was said beside the truth, with pictures of all keyframes or of the first mistake."""
        frames, decisions = self.frames, self.decisions
        phrases = tuple(plan_phrases(frames[0].plan)) if any(decision.objects for decision in decisions) else ()
        chosen = [decision.step_index if self.follows_plan else FREE for decision in decisions]
        answers = Answers(
            taskvar=frames[0].taskvar,
            seed=seed,
            episode=episode,
            instruction=self.instruction,
            plan=tuple(self.plan.steps) if self.plan else (),
            true_plan=tuple(frames[0].plan),
            plan_confidence=self.plan.confidence if self.plan else 0.0,
            ordered=is_ordered(frames[0].taskvar),
            motions=np.array([frame.index for frame in frames]),
            step_index=np.array(chosen),
            true_step_index=np.array([frame.step_index for frame in frames]),
            steps=tuple(decision.step for decision in decisions),
            true_steps=tuple(frame.plan[frame.step_index] for frame in frames),
            keypoints=np.array([decision.keypoint.point for decision in decisions]),
            true_keypoints=np.array([frame.keypoint for frame in frames]),
            phrases=phrases,
            objects=_places([[_place(decision, phrase) for phrase in phrases] for decision in decisions]),
            true_objects=_places([[frame.objects[phrase] for phrase in phrases] for frame in frames]),
            confidence=np.array([decision.confidence for decision in decisions]),
            names=tuple(thing.name for thing in frames[0].things),
            positions=_places([[thing.position for thing in frame.things] for frame in frames]),
            visible=np.isin(np.arange(1, len(frames[0].things) + 1), frames[0].labels),
            listed=tuple(name for name, _ in self.listed),
            listed_places=np.array([pointing.point for _, pointing in self.listed], float).reshape(-1, 3),
            pictured=np.arange(0),
            view_names=self.view_names,
            views=np.zeros(0, np.uint8),
            heatmaps=np.zeros(0, np.float16),
        )
        mistakes = np.flatnonzero(~answers.steps_right | (answers.keypoint_errors > MISTAKE))
        return self._pictured(answers, np.arange(len(frames)) if all_pictures else mistakes[:1])

    def recalibrated(self, calibration: Calibration) -> TeacherForcedEpisode:
        """The same answers with the confidences that a calibration gives them."""
        plan, decisions = self.plan, self.decisions
        if plan and calibration.plan:
            plan = replace(plan, confidence=float(calibration.plan(plan.features)))
        if calibration.keypoint:
            decisions = [replace(one, confidence=float(calibration.keypoint(one.features))) for one in decisions]
        return replace(self, plan=plan, decisions=decisions)

    def _pictured(self, answers: Answers, which: np.ndarray) -> Answers:
        heatmaps = [self.decisions[k].keypoint.heatmaps for k in which]
        return replace(
            answers,
            pictured=which,
            views=np.array([self.views[k][..., COLOURS] for k in which], np.uint8),
            heatmaps=np.array([] if any(heatmap is None for heatmap in heatmaps) else heatmaps, np.float16),
        )


def teacher_forced_episode(
    planner: Planner,
    frames: Sequence[Keyframe],
    instruction: str,
    names: str = "true",
    *,
    constrained: bool = True,
    plans: bool = True,
    look_again_below: float = 0.0,
) -> TeacherForcedEpisode:
    """Plan from the first keyframe of an episode, then decide at every one with the true plan and memory.

    Args:
        names: what the planner is given as in view: "true", in random order, or "listed" by itself.
        constrained: as of `Planner.plan`.
        plans: whether a plan is asked for.
        look_again_below: confidence below which a decision is made from other sides too.
    """
    rng = np.random.default_rng([frames[0].episode, len(frames)])
    known = [str(name) for name in rng.permutation(frames[0].visible)] if names == "true" else None
    seconds: dict[str, list[float]] = {"views": [], "plan": [], "decide": []}
    plan, listed, decisions, views = None, [], [], []
    for frame in frames:
        with _clocked(seconds["views"]):
            views.append(planner.views(frame.cloud, frame.colours, frame.hand))
        if plans and known is None and len(views) == 1:
            with _clocked(seconds.setdefault("list", [])):
                listed = planner.list_things(views[0])
            known = [name for name, _ in listed]
        if plans and len(views) == 1:
            with _clocked(seconds["plan"]), suppress(UserError):
                plan = planner.plan(instruction, views[0], known, constrained=constrained)
        with _clocked(seconds["decide"]):
            decisions.append(_decision(planner, instruction, frame, views[-1], look_again_below))
    return TeacherForcedEpisode(
        frames,
        instruction,
        plan,
        decisions,
        views,
        tuple(planner.model.views.names),
        planner.protocol.plan,
        listed,
        seconds,
    )


def _decision(
    planner: Planner, instruction: str, frame: Keyframe, views: np.ndarray, look_again_below: float
) -> StepDecision:
    def ask(views: np.ndarray, excluded: Sequence[np.ndarray]) -> StepDecision:
        known = frame.memory, frame.gripper_open
        return planner.decide(instruction, list(frame.plan), *known, views, excluded=excluded)

    return decide_with_second_look(planner, ask, views, (frame.cloud, frame.colours), frame.hand, look_again_below)


@dataclass(frozen=True)
class HeldOut:
    """Teacher-forced answers about the held-out episodes."""

    episodes: Sequence[TeacherForcedEpisode]

    def answers(self) -> list[Answers]:
        """One per episode; those of a variation's first have pictures of all keyframes."""
        seen: set[str] = set()
        found = []
        for one in self.episodes:
            first = one.frames[0]
            found.append(one.answers(0, first.episode, all_pictures=first.taskvar not in seen))
            seen.add(first.taskvar)
        return found

    def graded(self) -> dict[str, Graded]:
        """What confidence can be learnt from, by the fields of `Calibration`, where there are answers."""
        kinds = {"plan": _graded_plans, "keypoint": _graded_keypoints, "place": _graded_places}
        told = [(one, one.answers(0, 0, all_pictures=False)) for one in self.episodes]
        rows = {kind: [row for pair in told for row in grade(*pair)] for kind, grade in kinds.items()}
        return {kind: Graded(*map(np.array, zip(*found, strict=True))) for kind, found in rows.items() if found}

    def recalibrated(self, calibration: Calibration) -> HeldOut:
        """The same answers with the confidences that a calibration gives them."""
        return HeldOut([one.recalibrated(calibration) for one in self.episodes])

    def summary(self) -> dict[str, float]:
        """Shares in [0, 1] and median errors [m]."""
        answers = [one.answers(0, 0, all_pictures=False) for one in self.episodes]
        steps = np.concatenate([one.steps_right for one in answers])
        keypoints = np.concatenate([one.keypoint_errors for one in answers])
        objects = np.concatenate([one.object_errors.ravel() for one in answers])
        located = {
            "object_median": float(np.nanmedian(objects)),
            "object_within_3cm": float(np.mean(objects <= 0.03)),
        }
        return {
            "plan_accuracy": float(np.mean([one.plan_right for one in answers])),
            "step_accuracy": float(np.mean(steps)),
            "keypoint_median": float(np.median(keypoints)),
            "keypoint_within_3cm": float(np.mean(keypoints <= 0.03)),
            **(located if objects.size else {}),
        }


def held_out_predictions(planner: Planner, keyframes: Sequence[Keyframe], progress: Progress) -> HeldOut:
    """Ask the planner about every keyframe, episode by episode, with the first paraphrase of its instruction."""
    episodes, done = [], 0
    for _, episode in groupby(keyframes, lambda frame: frame.episode):
        frames = list(episode)
        episodes.append(teacher_forced_episode(planner, frames, frames[0].instructions[0]))
        done += len(frames)
        progress(done, len(keyframes), "held-out keyframes")
    return HeldOut(episodes)


def single_predictions(planner: Planner, keyframes: Sequence[Keyframe], progress: Progress) -> HeldOut:
    """Ask the planner about every keyframe as an episode of its own, without a plan."""
    episodes = []
    for done, frame in enumerate(keyframes, 1):
        episodes.append(teacher_forced_episode(planner, [frame], frame.instructions[0], plans=False))
        progress(done, len(keyframes), "varied held-out keyframes")
    return HeldOut(episodes)


def write_held_out(group: h5py.Group, held_out: HeldOut) -> None:
    """Fill a group with the answers of every held-out episode."""
    for number, answers in enumerate(held_out.answers()):
        write_answers(group.create_group(NAME.format(number)), answers)


_Row = tuple[np.ndarray, bool, int]
"""Features of an answer, whether it is right, and its episode."""


def _graded_plans(told: TeacherForcedEpisode, answers: Answers) -> Iterator[_Row]:
    if told.plan:
        yield told.plan.features, answers.plan_right, told.frames[0].episode


def _graded_keypoints(told: TeacherForcedEpisode, answers: Answers) -> Iterator[_Row]:
    for k, decision in enumerate(told.decisions):
        right = bool(answers.steps_right[k] and answers.errors_to_equals[k] <= NEAR)
        yield decision.features, right, told.frames[0].episode


def _graded_places(told: TeacherForcedEpisode, answers: Answers) -> Iterator[_Row]:
    for k, decision in enumerate(told.decisions):
        for p, phrase in enumerate(answers.phrases):
            if phrase in decision.objects:
                right = bool(answers.object_errors[k, p] <= NEAR)
                yield decision.objects[phrase].features, right, told.frames[0].episode


@contextmanager
def _clocked(seconds: list[float]) -> Iterator[None]:
    """Add the time that the block takes [s]."""
    started = perf_counter()
    yield
    seconds.append(perf_counter() - started)


def _place(decision: StepDecision, phrase: str) -> np.ndarray:
    """Where a thing was said to be (3,); NaN if it was not named."""
    return decision.objects[phrase].point if phrase in decision.objects else np.full(3, np.nan)


def _places(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    return np.array(rows, float).reshape(len(rows), len(rows[0]), 3)
