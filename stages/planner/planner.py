"""The planner at work: plan once, then decide at every keyframe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError

from stages.core.errors import UserError
from stages.core.instruction import read_instruction
from stages.core.steps import parse_step
from stages.planner import prompts
from stages.planner.calibration import Calibration
from stages.planner.hand import Hand
from stages.planner.language.beam_search import BEAMS
from stages.planner.language.grammar import copied_phrases, words_of
from stages.planner.language.planning_model import PlanningModel, write_constrained
from stages.planner.pointing.answer_grammar import Grammar
from stages.planner.pointing.answer_graphs import Graph, answers_graph, list_graph, step_graph
from stages.planner.pointing.coordinates import read_keypoints
from stages.planner.pointing.greedy_decoding import Answer, greedy_answer
from stages.planner.pointing.listing import list_things
from stages.planner.pointing.model import PlannerModel
from stages.planner.pointing.pointer import Votes
from stages.planner.pointing.reading import Pointing, log_odds, read_pointing
from stages.planner.pointing.session import Session, SessionDecoder
from stages.planner.pointing.views import render_views
from stages.planner.prompts import KEYPOINT, NOW, OBJECTS, Memory, Protocol, pointed_phrases
from stages.runtime.devices import usable_device

LANGUAGE = "language"
"""Folder of the planning model within a planner's, where it is not the vision-language model itself."""

FAR = 0.2
"""Keypoints are not told apart by how much farther they are from what their step is about [m]."""


@dataclass(frozen=True)
class Plan:
    """The answer of round 1.

    Attributes:
        steps: texts of the step language.
        confidence: probability that the plan is right.
        features: (2,) what the confidence follows from: mean and least log-probability of the answer's choices.
        names: what was taken to be in view.
    """

    steps: list[str]
    confidence: float
    features: np.ndarray
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepDecision:
    """The answer of round 2.

    Attributes:
        step_index: line of the plan, from 0; its length where the step is not in it, which happens only to planners
            that are not given the plan.
        step: the step's text.
        keypoint: where the step happens.
        objects: the task's things by noun phrase.
        confidence: probability that the step is right and the keypoint near the true one.
        features: (8,) what the confidence follows from: log-probability of the step, the keypoint's features, log odds
            of the thing that the step is about, and how far from the keypoint that is [m].
    """

    step_index: int
    step: str
    keypoint: Pointing
    objects: dict[str, Pointing]
    confidence: float
    features: np.ndarray


class Planner:
    """Two-round inference: a planning model writes the plan, a `PlannerModel` sees and points.

    The same array of views given again is the same observation: its images are encoded once.

    Args:
        model: that points.
        language: that plans; None where the vision-language model plans itself.
    """

    def __init__(self, model: PlannerModel, language: PlanningModel | None = None) -> None:
        self.model, self.language = model.eval(), language
        self.tokenizer = model.backbone.tokenizer
        self.protocol = Protocol(model.config.use_plan, model.config.use_memory, model.config.use_objects)
        self._spelt = model.config.keypoints == "text"
        self._session: Session | None = None

    @classmethod
    def from_pretrained(cls, folder: Path, device: str = "cpu") -> Planner:
        """Load what `clap finetune-vlm` wrote.

        Raises:
            UserError: it cannot be loaded, or there is no such device.
        """
        folder, place = Path(folder), usable_device(device)
        try:
            model = PlannerModel.from_pretrained(folder).to(place)
            separate = (folder / LANGUAGE).is_dir()
            return cls(model, PlanningModel.from_pretrained(folder / LANGUAGE, place) if separate else None)
        except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError) as error:
            what = f"the planner in {folder} is damaged ({' '.join(str(error).split())})"
            raise UserError(what, "Name another, or move it away and run `clap finetune-vlm`") from error

    @property
    def calibration(self) -> Calibration:
        return self.model.calibration

    def views(self, points: np.ndarray, colours: np.ndarray, hand: Hand) -> np.ndarray:
        """Views (V, S, S, 6) uint8 of a cloud (N, 3) [m], (N, 3) uint8, and the gripper."""
        return render_views(self.model.views, points, colours, hand)

    @torch.inference_mode()
    def plan(
        self,
        instruction: str,
        views: np.ndarray,
        names: Sequence[str] | None = None,
        *,
        beams: int = BEAMS,
        constrained: bool = True,
    ) -> Plan:
        """Round 1: the steps of an instruction.

        Args:
            views: (V, S, S, 6) uint8.
            names: of what is in view, one entry a thing; None = as the model lists it.
            beams: hypotheses of the beam search.
            constrained: whether plans are decoded under the grammar of steps, with known noun phrases.

        Raises:
            UserError: the instruction is empty or too long.
        """
        instruction = read_instruction(instruction)
        if names is None:
            names = [name for name, _ in self.list_things(views)]
        if self.language is not None:
            steps, choices = self.language.plan(instruction, names, beams=beams, constrained=constrained)
        else:
            session = self._look(views)
            session.start(prompts.plan_request(instruction, names))
            phrases = copied_phrases(instruction, names, self.model.phrase_words)
            end = self.model.backbone.end_id
            steps, choices = write_constrained(
                SessionDecoder(session.fork()), self.tokenizer, (), phrases if constrained else None, end, beams
            )
        features = np.array([choices.mean(), choices.min()])
        fitted = self.calibration.plan
        confidence = float(fitted(features) if fitted else np.exp(features[0]))
        return Plan([str(step) for step in steps], confidence, features, tuple(names))

    @torch.inference_mode()
    def list_things(self, views: np.ndarray, names: Sequence[str] | None = None) -> list[tuple[str, Pointing]]:
        """What is in view: name and place of every thing, a name once for each of several that share it.

        Args:
            names: that a pointer looks for; None = those of training.
        """
        if not self._spelt:
            return list_things(self._look(views), self.model.names if names is None else names, self.model.views)
        grammar = self._grammar(list_graph())
        _, text, found = self._answer(prompts.list_request(), grammar, views)
        names = [name.strip("; ") for name in text.removeprefix(OBJECTS).split(KEYPOINT)[:-1]]
        return list(zip(names, found, strict=True))

    def decide(
        self,
        instruction: str,
        plan: list[str],
        memory: Memory,
        gripper_open: bool,
        views: np.ndarray,
        *,
        step_index: int | None = None,
        excluded: Sequence[np.ndarray] = (),
    ) -> StepDecision:
        """Round 2: the task's objects, then the current step, then its keypoint.

        The step is the one executed last or the next one of the plan; any, for a planner without the last one.

        Args:
            instruction: of the task.
            plan: its steps; for a planner that is not given the plan, those known by name, the last one among them.
            memory: what was executed last.
            gripper_open: whether the gripper is.
            views: (V, S, S, 6) uint8.
            step_index: the line of the plan that comes now, where that is known.
            excluded: places (3,) where the step is not, world frame [m].
        """
        instruction = read_instruction(instruction)
        request = self.protocol.decide_request(instruction, plan, memory, gripper_open)
        if not self.protocol.plan:
            return self._decide_freely(instruction, request, plan, memory, views)
        beginning = self.protocol.decide_beginning(plan)
        lines = self._lines_after(memory, len(plan)) if step_index is None else [step_index]
        answers = {beginning + self.protocol.decide_choice(plan, memory, k): k for k in lines}
        answer, text, (*objects, keypoint) = self._answer(
            request, self._grammar(answers_graph(tuple(answers), self._spelt)), views, excluded
        )
        index, named = answers[text], prompts.plan_phrases(plan) if objects else ()
        return self._decision(index, plan[index], keypoint, dict(zip(named, objects, strict=True)), answer)

    def _decide_freely(
        self, instruction: str, request: str, known: list[str], memory: Memory, views: np.ndarray
    ) -> StepDecision:
        """Round 2 of a planner that is not given the plan: any step, about things that the instruction names."""
        graph = step_graph(self.protocol.objects, self._spelt)
        answer, text, (*objects, keypoint) = self._answer(request, self._grammar(graph, instruction), views)
        named, step = _read_decision(text)
        return self._decision(
            _line_of(step, known, memory), step, keypoint, dict(zip(named, objects, strict=True)), answer
        )

    def _decision(
        self, index: int, step: str, keypoint: Pointing, objects: dict[str, Pointing], answer: Answer
    ) -> StepDecision:
        thing = objects.get(parse_step(step).focus, keypoint)
        away = min(float(np.linalg.norm(thing.point - keypoint.point)), FAR)
        features = np.array([answer.words.sum(), *keypoint.features, log_odds(thing.confidence), away])
        fitted = self.calibration.keypoint
        confidence = float(fitted(features) if fitted else np.exp(features[0]) * keypoint.confidence)
        objects = {name: self._trusted(pointing) for name, pointing in objects.items()}
        return StepDecision(index, step, keypoint, objects, confidence, features)

    def _trusted(self, pointing: Pointing) -> Pointing:
        """The same with the confidence that held-out answers give it."""
        fitted = self.calibration.place
        return replace(pointing, confidence=float(fitted(pointing.features))) if fitted else pointing

    def _lines_after(self, memory: Memory, count: int) -> range:
        """Lines of a plan that can come now: it is followed line by line, if it is known which was executed last."""
        if not self.protocol.memory:
            return range(count)
        return range(max(memory.step_index, 0), min(memory.step_index + 2, count))

    @torch.inference_mode()
    def locate(self, phrases: list[str], views: np.ndarray) -> dict[str, Pointing]:
        """Where the named things are."""
        if not self._spelt:
            found = self._read(self._look(views).locate(phrases)) if phrases else []
            return dict(zip(phrases, map(self._trusted, found), strict=True))
        graph = answers_graph([prompts.locate_answer(phrases)], self._spelt)
        _, _, found = self._answer(prompts.locate_request(phrases), self._grammar(graph), views)
        return dict(zip(phrases, found, strict=True))

    def _grammar(self, graph: Graph, naming: str = "") -> Grammar:
        """What can be written; `naming` is the instruction that noun phrases are about, where the graph has any."""
        model = self.model
        return Grammar(self.tokenizer, graph, model.backbone.end_id, words_of([naming]) | model.phrase_words)

    @torch.inference_mode()
    def _answer(
        self, request: str, grammar: Grammar, views: np.ndarray, excluded: Sequence[np.ndarray] = ()
    ) -> tuple[Answer, str, list[Pointing]]:
        """What is written, as tokens and as text with `KEYPOINT`s, and where is pointed at; what is pointed at last is
        at none of the `excluded` places."""
        end = self.model.backbone.end
        answer = greedy_answer(self._look(views), request, grammar)
        text = self.tokenizer.decode(answer.tokens, clean_up_tokenization_spaces=False).removesuffix(end)
        if self._spelt:
            text, points = read_keypoints(text)
            probability = float(np.exp(answer.digits.sum() / max(len(points), 1)))
            return answer, text, [_spelt_pointing(point, probability) for point in points]
        if KEYPOINT not in text:
            return answer, text, []
        *others, last = answer.session.votes(pointed_phrases(text)).rows()
        found = [read_pointing(*row, self.model.views) for row in others]
        return answer, text, [*found, read_pointing(*last, self.model.views, excluded)]

    def _read(self, votes: Votes) -> list[Pointing]:
        return [read_pointing(*row, self.model.views) for row in votes.rows()]

    def _look(self, views: np.ndarray) -> Session:
        if self._session is None or self._session.views is not views:
            self._session = Session(self.model, views)
        return self._session


def _spelt_pointing(point: np.ndarray, probability: float) -> Pointing:
    """A place given by coordinates, of which nothing but the probability is known."""
    odds = log_odds(probability)
    return Pointing(point, None, probability, np.array([odds, odds, 0.0, 0.0, 0.0]))


def _read_decision(text: str) -> tuple[list[str], str]:
    """Objects and step, as they were said, of an answer of round 2."""
    *objects, step = text.removeprefix(OBJECTS).split(KEYPOINT)[:-1]
    return [name.strip("; ") for name in objects], step.strip("; ").removeprefix(NOW).strip()


def _line_of(step: str, plan: Sequence[str], memory: Memory) -> int:
    """The line of a plan that a step is: the one executed last, else the next such one, else any; or the plan's end."""
    lines = [index for index, line in enumerate(plan) if line == step]
    return next((index for index in lines if index >= memory.step_index), (lines or [len(plan)])[0])
