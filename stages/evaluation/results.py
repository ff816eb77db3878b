"""What one evaluated episode was, without its images, and the tables made of many."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from stages.evaluation.statistics import Rate, level_rate, over_seeds, quantiles
from stages.rollouts.failures import BUDGET
from stages.rollouts.jobs import LEVELS, TEST_LEVELS, row_of
from stages.rollouts.seeds import evaluation_seed
from stages.rollouts.storage import EpisodeResult

LEVEL_NAMES = {
    "train": "train: training placements",
    "held-out": "held-out: training variations left out of training",
    "l1": "L1: new placements",
    "l2": "L2: new rigid objects",
    "l3": "L3: new articulated objects",
    "l4": "L4: long-horizon tasks",
    "rlbench18": "RLBench: eighteen tasks",
}


def success_tables(results: Iterable[EpisodeResult]) -> dict:
    """The table of each level, and the mean over the test levels present with its spread over seeds."""
    outcomes: dict[str, list[tuple[str, int, bool]]] = defaultdict(list)
    for result in results:
        row = row_of(result.level, result.task, result.variation)
        outcomes[result.level].append((row, result.seed, result.success))
    levels = {level: level_table(sorted(outcomes[level])) for level in LEVELS if level in outcomes}
    return {"levels": levels} | mean_over_levels(levels)


def level_table(outcomes: Iterable[tuple[str, int, bool]]) -> dict:
    """Successes, episodes, rate and interval of a level and of each of its variations.

    Args:
        outcomes: (variation, seed of the scene, success) of every episode.

    Returns:
        Also `seeds`, the level's rate by evaluation seed, and `std`, the standard deviation of these (None for one).
    """
    pooled: dict[str, list[bool]] = defaultdict(list)
    apart: dict[int, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for name, scene, success in outcomes:
        pooled[name].append(success)
        apart[evaluation_seed(scene)][name].append(success)
    seeds = {str(seed): level_rate(by_variation).rate for seed, by_variation in sorted(apart.items())}
    variations = {name: Rate.of(values).as_dict() for name, values in pooled.items()}
    spread = over_seeds(list(seeds.values()))
    return level_rate(pooled).as_dict() | {"seeds": seeds, "std": spread, "variations": variations}


def mean_over_levels(levels: Mapping[str, dict]) -> dict:
    """`mean_over_levels` of the test levels' rates and its `mean_over_levels_std` over their common seeds."""
    tested = [levels[level] for level in TEST_LEVELS if level in levels]
    if not tested:
        return {"mean_over_levels": None, "mean_over_levels_std": None}
    common = set.intersection(*(set(table["seeds"]) for table in tested))
    by_seed = [float(np.mean([table["seeds"][seed] for table in tested])) for seed in sorted(common)]
    mean = float(np.mean([table["rate"] for table in tested]))
    return {"mean_over_levels": mean, "mean_over_levels_std": over_seeds(by_seed)}


def failure_counts(results: Iterable[EpisodeResult]) -> dict[str, dict[str, int]]:
    """Per level, how many episodes failed for which reason, most frequent first."""
    counts: dict[str, Counter] = defaultdict(Counter)
    for result in results:
        counts[result.level].update([result.failure] if result.failure else [])
    return {level: dict(counts[level].most_common()) for level in LEVELS if counts[level]}


def error_budget(results: Iterable[EpisodeResult]) -> dict[str, dict[str, dict[str, int]]]:
    """Per level and task, how many failed episodes are charged to which module (`failures.BUDGET`)."""
    charged = {cause: module for module, causes in BUDGET.items() for cause in causes}
    counts: dict[str, dict[str, Counter]] = defaultdict(lambda: defaultdict(Counter))
    for result in results:
        if result.failure:
            counts[result.level][result.task][charged[result.failure]] += 1
    return {
        level: {task: {m: row[m] for m in BUDGET if row[m]} for task, row in sorted(counts[level].items())}
        for level in LEVELS
        if level in counts
    }


def prediction_quality(results: Iterable[EpisodeResult]) -> dict[str, dict[str, float | int | None]]:
    """Per level: how often the step was the expert's, and how far keypoints were off [m].

    Every observation counts for which the expert still had something to do; keypoints count where the step was right.
    """
    groups: dict[str, list[EpisodeResult]] = defaultdict(list)
    for result in results:
        groups[result.level].append(result)
    return {level: _quality(groups[level]) for level in LEVELS if level in groups}


def _quality(results: list[EpisodeResult]) -> dict[str, float | int | None]:
    pairs = [pair for result in results for pair in zip(result.steps, result.true_steps, strict=True) if pair[1]]
    errors = np.concatenate([result.keypoint_errors for result in results])
    errors = errors[np.isfinite(errors)]
    return {
        "observations": len(pairs),
        "step_accuracy": float(np.mean([step == truth for step, truth in pairs])) if pairs else None,
        "keypoints": len(errors),
        "keypoint_error_median": float(np.median(errors)) if errors.size else None,
        "within_3cm": float(np.mean(errors <= 0.03)) if errors.size else None,
        "within_5cm": float(np.mean(errors <= 0.05)) if errors.size else None,
    }


def latency(seconds: Iterable[Mapping[str, Sequence[float]]]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile [s] of each stage of the policy, over the steps of all episodes."""
    times: dict[str, list[float]] = defaultdict(list)
    for episode in seconds:
        for stage, values in episode.items():
            times[stage].extend(values)
    return {stage: quantiles(values) for stage, values in sorted(times.items())}
