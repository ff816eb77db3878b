"""The planner at work: plan once, then decide at every keyframe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from stages.errors import UserError
from stages.geometry.canonical import CanonicalViews
from stages.planner import prompts
from stages.planner.backbone import END
from stages.planner.grammar import PlanGrammar, phrase_words
from stages.planner.model import PlannerModel
from stages.planner.prompts import Memory
from stages.planner.training import autocast

MAX_PLAN_TOKENS = 512


@dataclass(frozen=True)
class Plan:
    """The answer of round 1.

    Attributes:
        steps: texts of the step language.
        confidence: probability of the answer, the geometric mean over its tokens.
    """

    steps: list[str]
    confidence: float


@dataclass(frozen=True)
class Pointing:
    """Where a phrase is.

    Attributes:
        point: (3,) world frame [m].
        heatmaps: (V, C, C) probabilities.
        confidence: share of the probability within two cells of the point, averaged over views.
    """

    point: np.ndarray
    heatmaps: np.ndarray
    confidence: float


@dataclass(frozen=True)
class StepDecision:
    """The answer of round 2.

    Attributes:
        step_index: line of the plan, from 0.
        keypoint: where the step happens.
        objects: the task's things by noun phrase.
        confidence: probability of the step times the keypoint's confidence.
    """

    step_index: int
    keypoint: Pointing
    objects: dict[str, Pointing]
    confidence: float


class Planner:
    """Two-round inference with a trained `PlannerModel`."""

    def __init__(self, model: PlannerModel) -> None:
        self.model = model.eval()
        self.tokenizer = model.backbone.tokenizer

    @classmethod
    def from_pretrained(cls, folder: Path, device: str = "cpu") -> Planner:
        """Load what `clap finetune-vlm` wrote."""
        return cls(PlannerModel.from_pretrained(Path(folder)).to(device))

    def views(self, points: np.ndarray, colours: np.ndarray) -> np.ndarray:
        """Canonical views (V, S, S, 3) uint8 of a cloud (N, 3) [m], (N, 3) uint8."""
        return self.model.views.render(points, colours)[0]

    @torch.inference_mode()
    def plan(self, instruction: str, views: np.ndarray) -> Plan:
        """Round 1: the steps of an instruction, decoded under the step language's grammar.

        Raises:
            UserError: the answer ran into its longest length before a step was whole.
        """
        batch = self._encode(prompts.plan_request(instruction), "", views)
        inputs = {name: batch[name] for name in batch if name not in ("answer_mask", "pixels")}
        end = self.tokenizer.convert_tokens_to_ids(END)
        words = phrase_words([instruction]) | self.model.phrase_words
        grammar, start = PlanGrammar(self.tokenizer, words, end), inputs["input_ids"].shape[1]

        def allowed(_: int, said: torch.Tensor) -> list[int]:
            if len(said) > start:
                grammar.advance(int(said[-1]))
            return grammar.allowed()

        with autocast(self._device):
            result = self.model.vlm.generate(
                **inputs,
                max_new_tokens=MAX_PLAN_TOKENS,
                do_sample=False,
                prefix_allowed_tokens_fn=allowed,
                output_logits=True,
                return_dict_in_generate=True,
                eos_token_id=end,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        answer = result.sequences[0, start:]
        log_probabilities = functional.log_softmax(torch.stack(result.logits, dim=1)[0].float(), dim=-1)
        confidence = log_probabilities.gather(1, answer[:, None]).mean().exp()
        steps = prompts.parse_plan(self.tokenizer.decode(answer, skip_special_tokens=True))
        if not steps:
            raise UserError(f"The planner has no plan for '{instruction}'", "Say it in other words")
        return Plan([str(step) for step in steps], float(confidence))

    @torch.inference_mode()
    def decide(
        self, instruction: str, plan: list[str], memory: Memory, gripper_open: bool, views: np.ndarray
    ) -> StepDecision:
        """Round 2: the task's objects, then the current step, then its keypoint."""
        request = prompts.decide_request(instruction, plan, memory, gripper_open)
        reasoning = prompts.decide_reasoning(plan)
        index, probability = self._choose(request, reasoning, prompts.numbered(plan), views)
        answer = reasoning + prompts.decide_choice(plan, index)
        *objects, keypoint = self._point(request, answer, views)
        named = dict(zip(prompts.plan_phrases(plan), objects, strict=True))
        return StepDecision(index, keypoint, named, probability * keypoint.confidence)

    @torch.inference_mode()
    def locate(self, phrases: list[str], views: np.ndarray) -> dict[str, Pointing]:
        """Where the named things are."""
        found = self._point(prompts.locate_request(phrases), prompts.locate_answer(phrases), views)
        return dict(zip(phrases, found, strict=True))

    def _choose(self, request: str, beginning: str, options: list[str], views: np.ndarray) -> tuple[int, float]:
        """Which of the texts goes on best after `beginning`, one deciding token at a time, and its probability."""
        tokens = [self.tokenizer(beginning + option)["input_ids"] for option in options]
        alive, position, probability = list(range(len(options))), 0, 1.0
        while len(alive) > 1:
            choices = sorted({tokens[i][position] for i in alive})
            if len(choices) > 1:
                scores = self._next_token(request, tokens[alive[0]][:position], views)[choices].softmax(0)
                best = int(scores.argmax())
                probability *= float(scores[best])
                alive = [i for i in alive if tokens[i][position] == choices[best]]
            position += 1
        return alive[0], probability

    def _next_token(self, request: str, answer: list[int], views: np.ndarray) -> torch.Tensor:
        batch = self._encode(request, answer, views)
        inputs = {name: batch[name] for name in batch if name not in ("answer_mask", "pixels")}
        with autocast(self._device):
            return self.model.vlm(**inputs, logits_to_keep=1).logits[0, -1].float()

    def _point(self, request: str, answer: str, views: np.ndarray) -> list[Pointing]:
        with autocast(self._device):
            heatmaps = self.model(self._encode(request, answer, views)).heatmaps.float()
        return [read_pointing(heatmap, self.model.views) for heatmap in heatmaps.cpu().numpy()]

    def _encode(self, request: str, answer: str | list[int], views: np.ndarray) -> dict[str, torch.Tensor]:
        batch = self.model.backbone.encode([request], [answer], views[None])
        batch["pixels"] = torch.from_numpy(views[None]).permute(0, 1, 4, 2, 3).float() / 255
        return {name: tensor.to(self._device) for name, tensor in batch.items()}

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def read_pointing(logits: np.ndarray, views: CanonicalViews) -> Pointing:
    """The 3D point of pointer logits (V, C, C): the argmax over a grid of the summed view log-probabilities."""
    count, cells = logits.shape[:2]
    flat = logits.reshape(count, -1).astype(np.float64)
    flat = flat - np.logaddexp.reduce(flat, axis=1, keepdims=True)
    grid = CanonicalViews(views.centre, views.extent, cells, views.names)
    point, _ = grid.lift(flat.reshape(logits.shape))
    heatmaps = np.exp(flat).reshape(logits.shape)
    distance = np.abs(np.stack(np.meshgrid(np.arange(cells) + 0.5, np.arange(cells) + 0.5), axis=-1))
    pixels = grid.project(point)
    near = [np.all(np.abs(distance - pixel) <= 2.5, axis=-1) for pixel in pixels]
    confidence = np.mean([heatmap[mask].sum() for heatmap, mask in zip(heatmaps, near, strict=True)])
    return Pointing(point, heatmaps.astype(np.float32), float(confidence))
