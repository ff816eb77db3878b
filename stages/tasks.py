"""The embedded tasks: what there is, and how reliably their experts solve them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stages.core.progress import Progress, silent
from stages.evaluation.statistics import wilson_interval
from stages.rollouts.jobs import levels_of
from stages.runtime.worker_pool import map_unordered
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.tasks import LEVELS, every_variation, level_of, make_task, parse_taskvar, taskvar

FIRST_SEED = 900_000
"""Neither training nor evaluation uses scenes from this seed on."""

RELIABLE = 0.98
"""Share of scenes that an expert has to solve."""


@dataclass(frozen=True)
class ExpertCheck:
    """One variation's figures.

    Attributes:
        level: the variation's first level.
        taskvar: "task+variation".
        episodes, successes: how many.
        redraws: placements that the expert could not reach, drawn again before an episode.
        motions: largest number of motions in an episode.
        seconds: mean duration of an episode without images.
        failed_seeds: those of the failures.
    """

    level: str
    taskvar: str
    episodes: int
    successes: int
    redraws: int
    motions: int
    seconds: float
    failed_seeds: list[int]


def list_tasks(level: str | None = None) -> list[dict[str, Any]]:
    """Every variation of a level, or of all and of none: level, task, variation, and its instructions.

    Raises:
        UserError: unknown level.
    """
    if level is None:
        pairs = [(level_of(*pair), pair) for pair in every_variation()]
    else:
        pairs = [(name, pair) for name in levels_of(level, LEVELS) for pair in LEVELS[name]]
    return [_described(name, *pair) for name, pair in pairs]


def check_tasks(
    taskvars: Sequence[str] = (),
    episodes: int = 50,
    seed: int = FIRST_SEED,
    workers: int = 0,
    out: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Let the experts solve fresh scenes.

    Args:
        taskvars: which variations; all of all levels by default.
        seed: of the first scene.
        out: a Markdown table goes there.

    Returns:
        variations (the figures of each), episodes, successes, redraws, unreliable (those below `RELIABLE`), seconds.

    Raises:
        UserError: unknown task or variation.
    """
    pairs = [parse_taskvar(text) for text in taskvars] or every_variation()
    for pair in pairs:
        make_task(*pair)
    start, found = time.monotonic(), {}
    progress(0, len(pairs), "variations")
    for pair, check in map_unordered(partial(_make_worker, episodes, seed), pairs, workers):
        found[pair] = check
        progress(len(found), len(pairs), f"{check.taskvar} {check.successes}/{check.episodes}")
    checks = [found[pair] for pair in pairs]
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(_markdown(checks, episodes, seed))
    return {
        "variations": [asdict(check) for check in checks],
        "episodes": sum(check.episodes for check in checks),
        "successes": sum(check.successes for check in checks),
        "redraws": sum(check.redraws for check in checks),
        "unreliable": [check.taskvar for check in checks if check.successes < RELIABLE * check.episodes],
        "seconds": round(time.monotonic() - start, 1),
    }


def check_expert(task: str, variation: int, episodes: int, seed: int = FIRST_SEED) -> ExpertCheck:
    """Run the expert over fresh scenes of one variation, without cameras."""
    simulator = Tabletop(cameras=())
    redraws, most, failed = 0, 0, []
    start = time.perf_counter()
    for number in range(seed, seed + episodes):
        simulator.reset(task, variation, number)
        motions, success, info = 0, False, {}
        for motion in simulator.expert():
            _, success, done, info = simulator.step(motion.action)
            motions += 1
            if done:
                break
        redraws, most = redraws + info["redraws"], max(most, motions)
        if not success:
            failed.append(number)
    seconds = (time.perf_counter() - start) / episodes
    name, solved = taskvar(task, variation), episodes - len(failed)
    return ExpertCheck(level_of(task, variation), name, episodes, solved, redraws, most, seconds, failed)


def _described(level: str, task: str, variation: int) -> dict[str, Any]:
    one = make_task(task, variation)
    row = {"level": level, "task": task, "variation": variation}
    return row | {"instructions": one.instructions(), "novel_instructions": one.novel_instructions()}


def _make_worker(episodes: int, seed: int) -> Callable[[tuple[str, int]], ExpertCheck]:
    return lambda pair: check_expert(*pair, episodes, seed)


def _markdown(checks: Sequence[ExpertCheck], episodes: int, seed: int) -> str:
    """The figures as a table for people."""
    solved, total = sum(check.successes for check in checks), sum(check.episodes for check in checks)
    low, high = wilson_interval(solved, total)
    lines = [
        "# What the experts solve",
        "",
        f"`clap tasks check --episodes {episodes} --seed {seed}`: {solved} of {total} scenes solved "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %). A redraw is a placement that the arm could not reach, "
        "drawn again before the episode.",
        "",
        "| level | variation | solved | redraws | motions, at most |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {c.level} | {c.taskvar} | {c.successes}/{c.episodes} | {c.redraws} | {c.motions} |" for c in checks]
    return "\n".join(lines) + "\n"
