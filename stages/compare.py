"""Two evaluations side by side on the scenes that both have: `clap evaluate --compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts.run import RunDirectory
from stages.core.errors import UserError
from stages.evaluation.outputs import rollout_path, variant_name
from stages.evaluation.statistics import paired_difference
from stages.oracle.oracle import read_modules
from stages.rollouts.jobs import LEVELS
from stages.rollouts.storage import read_rollouts

Scene = tuple[str, int, str]
"""A variation, the seed of a placement, and the instruction."""


def compare(
    first: Path,
    second: Path,
    *,
    policy: str = "clap",
    oracle: Sequence[str] = (),
    instructions: str = "",
    seed: int = 0,
) -> dict[str, Any]:
    """Success of two runs in the scenes that both were evaluated in, level by level.

    Args:
        first, second: run directories.
        policy, oracle, instructions: which rollouts, as of `clap evaluate`.
        seed: of the bootstrap.

    Returns:
        {first, second, levels: {level: `statistics.paired_difference`}, all: the same of all levels together}.

    Raises:
        UserError: a run has no rollouts, or they have no scene in common.
    """
    variant = variant_name(policy, read_modules(oracle), Path(instructions).stem)
    runs = [_outcomes(path, variant) for path in (first, second)]
    levels: dict[str, dict[str, Any]] = {}
    pairs: list[tuple[str, bool, bool]] = []
    for level in LEVELS:
        one, other = (run.get(level, {}) for run in runs)
        common = [(scene[0], one[scene], other[scene]) for scene in one if scene in other]
        if common:
            levels[level] = _difference(common, seed)
            pairs += common
    if not pairs:
        raise UserError(f"{first} and {second} were not evaluated in the same scenes", "Evaluate both with equal seeds")
    return {"first": str(first), "second": str(second), "levels": levels, "all": _difference(pairs, seed)}


def _outcomes(path: Path, variant: str) -> dict[str, dict[Scene, bool]]:
    run = RunDirectory(path)
    files = {level: rollout_path(run, level, variant) for level in LEVELS}
    found = {level: read_rollouts(file).results for level, file in files.items() if file.exists()}
    if not found:
        raise UserError(
            f"{path} has no rollouts{f' of {variant}' if variant else ''}", "Run `clap evaluate` there first"
        )
    return {
        level: {(result.taskvar, result.seed, result.instruction): result.success for result in results}
        for level, results in found.items()
    }


def _difference(pairs: Sequence[tuple[str, bool, bool]], seed: int) -> dict[str, Any]:
    names, first, second = zip(*pairs, strict=True)
    return paired_difference(np.array(first), np.array(second), np.array(names), seed)
