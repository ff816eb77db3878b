"""Which episodes make an evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from stages.artifacts.files import read_header
from stages.artifacts.run import SPLITS
from stages.core.errors import UserError
from stages.rollouts.rollouts import RolloutJob
from stages.rollouts.seeds import placement
from stages.rollouts.storage import seeds_in
from stages.rollouts.wordings import TRAINING, Wordings
from stages.settings.evaluate import EvaluateConfig
from stages.settings.loader import nearest

LEVELS = SPLITS
TEST_LEVELS = ("l1", "l2", "l3", "l4")

BY_TASK = ("rlbench18",)
"""Levels whose episodes are counted by task: each is of a variation drawn at random."""

ROBOMIMIC_GYM = 2
"""robomimic's number for environments that are made by name."""


def levels_of(split: str, available: Mapping[str, Sequence[tuple[str, int]]]) -> list[str]:
    """The levels that a split stands for; "all" is every test level that the simulator has.

    Raises:
        UserError: no such split, or the simulator has nothing in it.
    """
    known = [*LEVELS, "all"]
    if split not in known:
        raise UserError(f"there is no split '{split}'", nearest(split, known))
    levels = [level for level in (TEST_LEVELS if split == "all" else [split]) if available.get(level)]
    if not levels:
        raise UserError(f"the simulator has no variations in split '{split}'", "Choose another split or simulator")
    return levels


def jobs_of(
    level: str,
    variations: Sequence[tuple[str, int]],
    config: EvaluateConfig,
    training_seeds: Callable[[str, int, int], Sequence[int]],
    wordings: Wordings = TRAINING,
) -> list[RolloutJob]:
    """The episodes of a level, variation by variation.

    Args:
        variations: (task, variation) of the level.
        config: how many episodes, and of which variations.
        training_seeds: (task, variation, count) -> seeds of training placements, for the level "train".
        wordings: variations that they have none for are left out.
    """
    count = config.episodes(level)
    wanted = [
        (task, variation)
        for task, variation in variations
        if not config.taskvars or f"{task}+{variation}" in config.taskvars
        if wordings.covers(task, variation)
    ]
    if level in BY_TASK:
        return _jobs_by_task(level, wanted, config.seeds, count)
    jobs: list[RolloutJob] = []
    for task, variation in wanted:
        if level == "train":
            scenes = list(enumerate(training_seeds(task, variation, count)))
        else:
            scenes = [(episode, placement(seed, episode)) for seed in config.seeds for episode in range(count)]
        for episode, scene in scenes:
            jobs.append(RolloutJob(len(jobs), task, variation, level, episode, int(scene)))
    return jobs


def _jobs_by_task(
    level: str, variations: Sequence[tuple[str, int]], seeds: Sequence[int], count: int
) -> list[RolloutJob]:
    """So many episodes of each task; the scene's seed draws the variation."""
    tasks: dict[str, list[int]] = defaultdict(list)
    for task, variation in variations:
        tasks[task].append(variation)
    jobs: list[RolloutJob] = []
    for task, known in tasks.items():
        for episode, seed in [(episode, placement(seed, episode)) for seed in seeds for episode in range(count)]:
            drawn = np.random.default_rng([seed, crc32(task.encode())]).integers(len(known))
            jobs.append(RolloutJob(len(jobs), task, known[int(drawn)], level, episode, seed))
    return jobs


def row_of(level: str, task: str, variation: int) -> str:
    """The row of a level's table that an episode counts in: its variation's, or its task's."""
    return task if level in BY_TASK else f"{task}+{variation}"


def check_any(split: str, jobs: Sequence[Sequence[RolloutJob]]) -> None:
    """Refuse an evaluation of nothing.

    Args:
        jobs: of each level.

    Raises:
        UserError: there is no episode.
    """
    if not any(jobs):
        hint = "Check evaluate.taskvars, the instructions, and the episodes per variation of the level"
        raise UserError(f"no episode of split '{split}' is left to evaluate", hint)


def training_seeds(demos: Path, seed: int, task: str, variation: int, count: int) -> list[int]:
    """Seeds that training demonstrations were drawn from: those of a file where it exists, or from `seed` on."""
    if not demos.exists():
        return list(range(seed, seed + count))
    return seeds_in(demos, task, variation)[:count]


def check_taskvars(names: Sequence[str], available: Mapping[str, Sequence[tuple[str, int]]]) -> None:
    """Refuse variations that the simulator does not have.

    Raises:
        UserError: an unknown name, with the nearest known one.
    """
    known = taskvars_of(available)
    for name in names:
        if name not in known:
            raise UserError(f"there is no variation '{name}'", nearest(name, known))


def taskvars_of(available: Mapping[str, Sequence[tuple[str, int]]]) -> list[str]:
    """Names of all variations of all levels."""
    return sorted({f"{task}+{variation}" for variations in available.values() for task, variation in variations})


def untrained(models: Sequence[tuple[Path, str]], level: str, jobs: Sequence[RolloutJob]) -> list[str]:
    """Training variations among the episodes of a level that one of some models was not trained on.

    Args:
        models: directories and schemas.
    """
    if level not in ("train", "l1"):
        return []
    names = dict.fromkeys(job.taskvar for job in jobs)
    trained = [read_header(path, schema)[1].get("variations", names) for path, schema in models]
    return [name for name in names if not all(name in variations for variations in trained)]


def check_held_out(split: str, vlm: Path | None, fine: Path | None, *, refuse_test_variations: bool) -> None:
    """Refuse to evaluate models on the held-out variations if these were trained on.

    Raises:
        UserError: a model's demonstrations were not collected with `collect.hold_out`.
    """
    if split != "held-out" or not refuse_test_variations:
        return
    for path, schema in ((vlm, "clap.vlm"), (fine, "clap.fine")):
        if path and not read_header(path, schema)[0].config["collect"]["hold_out"]:
            raise UserError(
                f"{path} was trained on the variations of split 'held-out'",
                "Train with --set collect.hold_out=true, or allow it with --set refuse_test_variations=false",
            )
