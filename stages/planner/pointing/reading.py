"""Reading votes: the place where the likeliest cells' votes gather, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.geometry.canonical import CanonicalViews
from stages.planner.calibration import NEAR

CANDIDATES = 192
"""The likeliest cells, whose votes are compared."""

KERNEL = 0.02
"""Standard deviation of the kernel that tells whether votes gather [m]."""

EXCLUDED = -1e4
"""Logit of cells that cannot be meant."""

LEAST = 1e-4
"""Probability that is told apart from none."""


@dataclass(frozen=True)
class Pointing:
    """Where a phrase is.

    Attributes:
        point: (3,) world frame [m].
        heatmaps: (V, C, C) probabilities of the cells if it is in view, which add up to 1 over all views; None where
            places are said in words.
        confidence: probability of the cells that vote for the point; of coordinates, their probability.
        features: (5,) what being right follows from: log odds of the confidence; of the same within twice the distance;
            the entropy as a share of the largest; log odds of what gathers elsewhere; that nothing in view is meant.
    """

    point: np.ndarray
    heatmaps: np.ndarray | None
    confidence: float
    features: np.ndarray


def read_pointing(
    scores: np.ndarray,
    nowhere: float,
    places: np.ndarray,
    views: CanonicalViews,
    excluded: Sequence[np.ndarray] = (),
) -> Pointing:
    """The point that the votes of the likeliest cells gather around, by their kernel density.

    Args:
        scores: (N,) logits of the cells of all views.
        nowhere: logit that nothing in view is meant.
        places: (N, 3) where each cell takes the point to be, world frame [m].
        excluded: places (3,) where it is not, and no other nearer than twice `NEAR` [m].
    """
    for place in excluded:
        scores = np.where(np.linalg.norm(places - place, axis=-1) < 2 * NEAR, EXCLUDED, scores)
    probabilities, missing = _probabilities(scores, nowhere)
    point, rival = _gathering(probabilities, places)
    return _pointing(point, rival, probabilities, missing, places, views)


def read_instances(
    scores: np.ndarray, nowhere: float, places: np.ndarray, views: CanonicalViews, share: float
) -> Iterator[Pointing]:
    """The points of several things that a phrase means alike, the surest first.

    Args:
        scores, nowhere, places: as of `read_pointing`.
        share: in (0, 1); a further thing is read if more than this share of the first one's probability gathers there.
    """
    probabilities, missing = _probabilities(scores, nowhere)
    left, least = probabilities, 0.0
    while True:
        point, rival = _gathering(left, places)
        near = np.linalg.norm(places - point, axis=-1) < 2 * NEAR
        gathered = left[near].sum()
        if gathered <= least:
            return
        least = least or share * gathered
        yield _pointing(point, rival, probabilities, missing, places, views)
        left = np.where(near, 0.0, left)


def _probabilities(scores: np.ndarray, nowhere: float) -> tuple[np.ndarray, float]:
    """(N,) of the cells, and that of nowhere."""
    exponents = np.exp(np.append(scores, nowhere).astype(float) - max(scores.max(), nowhere))
    probabilities = exponents / exponents.sum()
    return probabilities[:-1], float(probabilities[-1])


def _gathering(probabilities: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, float]:
    """Where most probability gathers (3,) [m], and how much gathers elsewhere."""
    best = np.argpartition(-probabilities, min(CANDIDATES, len(probabilities)) - 1)[:CANDIDATES]
    weights, votes = probabilities[best], places[best].astype(float)
    kernel = np.exp(-((votes[:, None] - votes[None]) ** 2).sum(-1) / (2 * KERNEL**2))
    near = kernel[(kernel @ weights).argmax()] * weights
    point = near @ votes / max(near.sum(), 1e-12)
    away = weights * (np.linalg.norm(votes - point, axis=-1) >= 2 * NEAR)
    return point, float((kernel @ away).max())


def _pointing(
    point: np.ndarray,
    rival: float,
    probabilities: np.ndarray,
    missing: float,
    places: np.ndarray,
    views: CanonicalViews,
) -> Pointing:
    distance = np.linalg.norm(places - point, axis=-1)
    inside, around = probabilities[distance < NEAR].sum(), probabilities[distance < 2 * NEAR].sum()
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum() / np.log(len(probabilities))
    cells = round((len(probabilities) / len(views.names)) ** 0.5)
    heatmaps = (
        (probabilities / max(probabilities.sum(), 1e-12)).reshape(len(views.names), cells, cells).astype(np.float32)
    )
    bounded = np.clip(point, views.centre - views.extent / 2, views.centre + views.extent / 2)
    features = [log_odds(inside), log_odds(around), entropy, log_odds(rival), log_odds(missing)]
    return Pointing(bounded, heatmaps, float(inside), np.array(features))


def log_odds(probability: float) -> float:
    """Of a probability, no smaller than `LEAST` nor larger than what that leaves."""
    bounded = min(max(probability, LEAST), 1 - LEAST)
    return float(np.log(bounded / (1 - bounded)))
