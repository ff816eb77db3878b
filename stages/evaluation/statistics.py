"""Success rates with their uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a binomial proportion (Wilson 1927), inside [0, 1]; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, spread = successes / trials, z * z / trials
    centre = (rate + spread / 2) / (1 + spread)
    half = z * sqrt(rate * (1 - rate) / trials + spread / trials / 4) / (1 + spread)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True)
class Rate:
    """A success rate: counts, the rate in [0, 1], and its 95 % Wilson interval."""

    successes: int
    episodes: int
    rate: float
    low: float
    high: float

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Rate:
        outcomes = list(outcomes)
        successes, episodes = sum(map(bool, outcomes)), len(outcomes)
        rate = successes / episodes if episodes else 0.0
        return cls(successes, episodes, rate, *wilson_interval(successes, episodes))

    def as_dict(self) -> dict:
        return asdict(self)


def level_rate(by_variation: Mapping[str, Sequence[bool]]) -> Rate:
    """A level's rate: the mean of its variations' rates (GemBench), with the interval of the pooled episodes."""
    pooled = Rate.of(outcome for outcomes in by_variation.values() for outcome in outcomes)
    mean = float(np.mean([np.mean(outcomes) for outcomes in by_variation.values()])) if by_variation else 0.0
    return Rate(pooled.successes, pooled.episodes, mean, pooled.low, pooled.high)


def over_seeds(rates: Sequence[float]) -> float | None:
    """Standard deviation of the rates of evaluation seeds, as GemBench's script takes it (of the population).

    None for fewer than two.
    """
    return float(np.std(rates)) if len(rates) > 1 else None


def quantiles(seconds: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Median and 95th percentile, empty for no values."""
    values = np.asarray(seconds, float)
    values = values[np.isfinite(values)]
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))} if values.size else {}


def average_precision(scores: Sequence[float] | np.ndarray, wanted: Sequence[bool] | np.ndarray) -> float | None:
    """Area under the precision-recall curve of finding what is wanted by the highest scores; None if nothing is.

    The sum over the wanted of the precision at their score, over their number; equal scores are found together.

    Args:
        scores: (N,).
        wanted: (N,).
    """
    scores, wanted = np.asarray(scores, float), np.asarray(wanted, bool)
    if not wanted.any():
        return None
    found = [wanted[scores >= score].mean() for score in scores[wanted]]
    return float(np.mean(found))


def reliability(confidence: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray, bins: int = 10) -> dict:
    """How well confidences foretell what is right (Guo et al. 2017, expected calibration error).

    Args:
        confidence: (N,) in [0, 1].
        right: (N,).
        bins: of equal width.

    Returns:
        error (None for no values), and the bins that are not empty: {count, confidence, right}, means of the last two.
    """
    confidence, right = np.asarray(confidence, float), np.asarray(right, float)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    filled = [
        {"count": int(at.sum()), "confidence": float(confidence[at].mean()), "right": float(right[at].mean())}
        for at in (place == number for number in range(bins))
        if at.any()
    ]
    total = sum(row["count"] * abs(row["confidence"] - row["right"]) for row in filled)
    return {"error": total / len(confidence) if len(confidence) else None, "bins": filled}


def paired_difference(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, seed: int, draws: int = 10_000
) -> dict[str, float | int]:
    """How much more often the second succeeds than the first in the same scenes.

    The interval is the percentile bootstrap (Efron 1979) over scenes, drawn within their groups so that every draw has
    as many of each as there are.

    Args:
        first, second: (N,) bool, success in each scene.
        groups: (N,) name of the variation that each scene belongs to.
        seed: of the draws.
        draws: samples of the bootstrap.

    Returns:
        scenes; first, second: rates; difference with its 95 % interval, low to high; gained, lost: scenes in which the
        second alone or the first alone succeeded.
    """
    gain = second.astype(int) - first.astype(int)
    rng, sums = np.random.default_rng(seed), np.zeros(draws)
    for name in np.unique(groups):
        inside = gain[groups == name]
        sums += inside[rng.integers(len(inside), size=(draws, len(inside)))].sum(axis=1)
    low, high = np.percentile(sums / len(gain), [2.5, 97.5])
    return {
        "scenes": len(gain),
        "first": float(first.mean()),
        "second": float(second.mean()),
        "difference": float(gain.mean()),
        "low": float(low),
        "high": float(high),
        "gained": int((gain > 0).sum()),
        "lost": int((gain < 0).sum()),
    }
