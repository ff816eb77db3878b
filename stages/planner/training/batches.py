"""Training samples, and batches of them as model inputs with their losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stages.planner.pointing.coordinates import spell_keypoints
from stages.planner.pointing.model import PlannerModel
from stages.planner.pointing.pointer import IGNORED, PixelClasses, pointer_loss
from stages.planner.pointing.views import COLOURS, resized
from stages.planner.prompts import KEYPOINT, locate_answer, locate_request, pointed_phrases

PIXEL_WEIGHT = 0.3
"""Of the classification of pixels, in the loss of the pointer."""

NOWHERE = np.zeros((0, 3))
"""Points of a sample without any."""


@dataclass(frozen=True)
class PixelWords:
    """What the pixels of a scene show, in words of several kinds: noun, part, colour.

    Attributes:
        labels: (V, S, S) uint8, number of the thing that a pixel shows, 0 = the surroundings.
        words: for every label its word of each kind, "" where it has none.
        vocabularies: for each kind all words that any scene has, of the first kind that of the surroundings first.
    """

    labels: np.ndarray
    words: tuple[tuple[str, ...], ...]
    vocabularies: tuple[tuple[str, ...], ...]

    def classes(self) -> np.ndarray:
        """(L, kinds) for every label the index of its word of each kind, or `IGNORED`."""
        known = [{word: index for index, word in enumerate(kind)} for kind in self.vocabularies]
        return np.array([[one.get(word, IGNORED) for one, word in zip(known, row, strict=True)] for row in self.words])


@dataclass(frozen=True)
class Sample:
    """One thing asked about one scene.

    Attributes:
        request: the user's text; empty where phrases are only to be located, for which a pointer needs no text model.
        answer: the assistant's text, with a `KEYPOINT` after every phrase that is pointed at.
        points: (K, 3) where those are, world frame [m], NaN for what is not in view; without views nothing is pointed
            at.
        views: (V, S, S, 6) uint8 of the scene, of `render_views`; V = 0 is text alone.
        pixels: what the pixels show; None where it is not known.
    """

    request: str
    answer: str
    points: np.ndarray
    views: np.ndarray
    pixels: PixelWords | None = None

    @classmethod
    def locating(
        cls,
        phrases: Sequence[str],
        points: Sequence[np.ndarray],
        views: np.ndarray,
        pixels: PixelWords | None = None,
    ) -> Sample:
        """Where are these things?"""
        return cls("", locate_answer(phrases), np.array(points, float).reshape(-1, 3), views, pixels)

    def spelt(self) -> Sample:
        """The same with coordinates in the answer, of which there are none without views, and nowhere pointed at.

        What is only to be located is asked for in words, without what is not in view.
        """
        if not len(self.views):
            return replace(self, answer=self.answer.replace(KEYPOINT, ""))
        if self.request:
            return replace(self, answer=spell_keypoints(self.answer, self.points), points=self.points[:0])
        seen = np.isfinite(self.points).all(1)
        phrases = [one for one, is_seen in zip(pointed_phrases(self.answer), seen, strict=True) if is_seen]
        answer = spell_keypoints(locate_answer(phrases), self.points[seen])
        return replace(self, request=locate_request(phrases), answer=answer, points=self.points[:0])


@dataclass(frozen=True)
class LazyBatch(Sequence[Sample]):
    """The samples of one step, each drawn when it is looked at, so that processes can share a step.

    Attributes:
        draw: gives a sample, from a generator of its own.
        seeds: all of the generators' but the sample's index.
        size: how many there are.
    """

    draw: Callable[[np.random.Generator], Sample]
    seeds: tuple[int, ...]
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self.draw(np.random.default_rng([*self.seeds, index]))


def encode_batch(model: PlannerModel, samples: Sequence[Sample], end: str) -> tuple[dict[str, Tensor], Tensor]:
    """Model inputs of a batch of samples, and the points (K, 3) [m] of all their keypoints.

    All samples have a request or none has. A planner that writes coordinates has them in its answers, and K is 0.
    """
    if model.config.keypoints == "text":
        samples = [sample.spelt() for sample in samples]
    views = np.stack([sample.views for sample in samples])
    batch = {}
    if samples[0].request:
        answers = [sample.answer + end for sample in samples]
        batch = model.backbone.encode([sample.request for sample in samples], answers, views[..., COLOURS])
    points = torch.from_numpy(np.concatenate([sample.points.reshape(-1, 3) for sample in samples])).float()
    if len(points):
        batch |= model.pointer_inputs(views, [pointed_phrases(sample.answer) for sample in samples])
        if any(sample.pixels for sample in samples):
            batch["pixels"] = _pixel_classes(model, samples)
    return batch, points


def _pixel_classes(model: PlannerModel, samples: Sequence[Sample]) -> PixelClasses:
    """What the pixels of a batch show; those that have words share their vocabularies, the others have no classes."""
    vocabularies = next(sample.pixels.vocabularies for sample in samples if sample.pixels)
    known = [sample.pixels.classes() if sample.pixels else np.zeros((0, len(vocabularies)), int) for sample in samples]
    classes = np.full((len(samples), max(map(len, known)), len(vocabularies)), IGNORED)
    labels = np.zeros(np.shape(samples[0].views)[:-1], np.uint8)
    for row, own in zip(classes, known, strict=True):
        row[: len(own)] = own
    shown = np.stack([sample.pixels.labels if sample.pixels else labels for sample in samples])
    return PixelClasses(
        torch.from_numpy(resized(shown[..., None], model.pointer_size)[..., 0]),
        torch.from_numpy(classes),
        tuple(model.phrases(kind)[0][:, 0] for kind in vocabularies),
    )


def losses(model: PlannerModel, batch: dict[str, Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the answers' tokens, and mean loss of the phrases that are pointed at.

    A scene whose pixels are classified counts as often as it has phrases, so that means do not depend on how samples
    are divided into batches.
    """
    output = model(batch)
    nothing = points.new_zeros(())
    has_text = len(output.token_labels) > 0
    language = functional.cross_entropy(output.token_logits.float(), output.token_labels) if has_text else nothing
    if not output.votes:
        return language, nothing
    pointer = pointer_loss(output.votes, points).mean()
    if output.pixels is not None:
        pointer = pointer + PIXEL_WEIGHT * (output.pixels * batch["counts"]).sum() / len(points)
    return language, pointer
