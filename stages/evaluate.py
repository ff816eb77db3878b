"""Stage `evaluate`: closed-loop rollouts of a policy -> rollouts-<split>.h5, results.jsonl, report.html."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stages.artifacts.files import parent, read_header
from stages.artifacts.header import Header
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.artifacts.run import RunDirectory
from stages.artifacts.shard_runner import make_missing_shards
from stages.artifacts.shards import assemble_episodes, read_notes
from stages.core.errors import UserError
from stages.core.progress import Progress, part_of, silent
from stages.evaluation.outputs import rollout_path, variant_name, write_outputs
from stages.evaluation.results import latency, level_table, mean_over_levels
from stages.oracle.oracle import RANDOM, Oracle, expert_plan, read_modules
from stages.rollouts.jobs import (
    ROBOMIMIC_GYM,
    check_any,
    check_held_out,
    check_taskvars,
    jobs_of,
    levels_of,
    row_of,
    taskvars_of,
    training_seeds,
    untrained,
)
from stages.rollouts.policies import PolicySpec
from stages.rollouts.rollouts import RolloutJob, roll_out
from stages.rollouts.seeds import recorded_episode
from stages.rollouts.storage import SCHEMA, write_rollout
from stages.rollouts.wordings import Wordings
from stages.settings.evaluate import EvaluateConfig
from stages.settings.loader import Config
from stages.simulators.suites import Suite, suite_of

_DECISIVE = ("simulator", "taskvars", "seeds", "max_steps", "image_size", "seed")
"""Settings that decide what rollouts are, beside the number of episodes."""


@dataclass(frozen=True)
class _Level:
    """The rollouts of one level: what makes them, and where they go."""

    level: str
    target: Path
    jobs: list[RolloutJob]
    header: Header
    spec: PolicySpec
    oracle: tuple[str, ...]
    wordings: Wordings
    checkpoint: int

    def describe(self, job: RolloutJob) -> str:
        """What is being done, for the progress."""
        return f"{self.level} {job.taskvar}"


def evaluate(
    config: Config,
    vlm: Path | None,
    fine: Path | None,
    split: str,
    run: RunDirectory,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    oracle: Sequence[str] = (),
) -> dict[str, Any]:
    """Roll a policy out in the simulator and report on it.

    Args:
        vlm, fine: directories of planner and predictor; both None evaluates the simulator's expert.
        split: train, held-out, l1, l2, l3, l4, rlbench18 or all (l1 to l4).
        run: rollouts, results and report go there.
        oracle: modules whose answers are replaced (`stages.oracle.oracle`); such rollouts go beside the others.

    Returns:
        {levels: {level: successes, episodes, rate, low, high, failures, seconds, variations, untrained (those that the
        policy was not trained on though the level says so)}, mean_over_levels, ...}; intervals are Wilson's at 95 %.

    Raises:
        UserError: unknown split, variation or oracle, no episode, or rollouts exist and neither `resume` nor
            `overwrite` is given.
    """
    suite = suite_of(config.evaluate.simulator)
    available = suite.levels
    check_taskvars(config.evaluate.taskvars, available)
    modules = read_modules(oracle)
    _check_truth(suite, vlm, modules, config.evaluate.instructions)
    check_held_out(split, vlm, fine, refuse_test_variations=config.refuse_test_variations)
    wordings = Wordings.of(config.evaluate.instructions, taskvars_of(available))
    spec = PolicySpec(vlm, fine, config.evaluate.device, config.policy)
    levels = [
        _level(config, spec, level, available[level], run, modules, wordings) for level in levels_of(split, available)
    ]
    check_any(split, [level.jobs for level in levels])
    _check_jobs(suite, config.evaluate, [job for level in levels for job in level.jobs])
    levels = [level for level in levels if level.jobs]
    found = [begin(level.target, level.header, resume=resume, overwrite=overwrite) for level in levels]
    left = sum(len(level.jobs) for level, summary in zip(levels, found, strict=True) if summary is None)
    summaries, done = [], 0
    for level, summary in zip(levels, found, strict=True):
        if summary is None:
            summary = _run(config, level, part_of(progress, done, left))
            done += len(level.jobs)
        summaries.append(summary)
    write_outputs(run, config.evaluate, progress)
    return _summary(summaries, run, spec, modules)


def _check_truth(suite: Suite, vlm: Path | None, modules: Sequence[str], instructions: str) -> None:
    """Refuse what only a simulator with ground truth can do."""
    if modules and modules != (RANDOM,):
        suite.require_truth(f"--oracle {','.join(modules)}")
    if vlm is None:
        suite.require_truth("--policy expert")
    if instructions == "novel":
        suite.require_truth("--instructions novel")


def _check_jobs(suite: Suite, config: EvaluateConfig, jobs: Sequence[RolloutJob]) -> None:
    """Refuse episodes whose tasks or recorded scenes are not there."""
    for task, variation in dict.fromkeys((job.task, job.variation) for job in jobs):
        suite.check(task, variation)
    if config.scenes and suite.has_truth:
        raise UserError(f"'{suite.name}' draws its scenes from seeds", "Leave out evaluate.scenes")
    for job in jobs if config.scenes else ():
        episode = recorded_episode(Path(config.scenes), job.task, job.variation, job.seed)
        if not episode.is_dir():
            raise UserError(f"{episode} is missing", "Check evaluate.scenes, seeds, and the episodes per variation")


def _level(
    config: Config,
    spec: PolicySpec,
    level: str,
    variations: Sequence[tuple[str, int]],
    run: RunDirectory,
    oracle: tuple[str, ...],
    wordings: Wordings,
) -> _Level:
    settings = {name: getattr(config.evaluate, name) for name in _DECISIVE} | {level: config.evaluate.episodes(level)}
    settings |= {"policy": spec.name, "oracle": list(oracle), "instructions": wordings.settings}
    settings |= config.settings("policy") | ({"scenes": config.evaluate.scenes} if config.evaluate.scenes else {})
    variant = variant_name(spec.name, oracle, wordings.name)
    jobs = jobs_of(level, variations, config.evaluate, partial(training_seeds, run.demos, config.seed), wordings)
    parents = [parent(path, schema) for path, schema in spec.artifacts]
    header = Header.create(SCHEMA, config=config.as_dict(), settings=settings, seed=config.seed, parents=parents)
    checkpoint = int(read_header(spec.fine, "clap.fine")[1].get("steps", 0)) if spec.fine else 0
    target = rollout_path(run, level, variant)
    return _Level(level, target, jobs, header, spec, oracle, wordings, checkpoint)


def _run(config: Config, level: _Level, progress: Progress) -> dict[str, Any]:
    """Make the episodes that are missing, one shard each, and join them."""
    shards = open_partial(level.target, level.header)
    make_worker = partial(_make_worker, level.spec, level.oracle, level.wordings, config.evaluate, shards)
    make_missing_shards(shards, level.jobs, make_worker, config.evaluate.workers, progress, level.describe)
    summary = _level_summary(level, read_notes(shards, len(level.jobs)))
    env_args = {"env_name": config.evaluate.simulator, "type": ROBOMIMIC_GYM, "env_kwargs": {"level": level.level}}
    assemble_episodes(shards, len(level.jobs), level.target, level.header, summary, env_args=env_args)
    close_partial(level.target)
    return summary


def _make_worker(
    spec: PolicySpec, modules: tuple[str, ...], wordings: Wordings, config: EvaluateConfig, shards: Path
) -> Callable[[RolloutJob], None]:
    from stages.simulators import make_simulator

    recorded = partial(recorded_episode, Path(config.scenes)) if config.scenes else None
    simulator = make_simulator(config.simulator, image_size=config.image_size, recorded=recorded)
    policy = spec.make(simulator)

    def work(job: RolloutJob) -> None:
        plan = expert_plan(simulator, job.task, job.variation, job.seed) if "plan" in modules else ()
        oracle = Oracle(modules, plan, [config.seed, *job.rng_seed])
        with spec.one_thread():
            rollout = roll_out(simulator, policy, job, config.max_steps, oracle, wordings=wordings)
        write_rollout(shards, job, rollout)

    return work


def _level_summary(level: _Level, notes: list[dict[str, Any]]) -> dict[str, Any]:
    played = zip(level.jobs, notes, strict=True)
    outcomes = [(row_of(level.level, job.task, job.variation), job.seed, note["success"]) for job, note in played]
    failures = Counter(note["failure"] for note in notes if note["failure"])
    return {
        "split": level.level,
        "oracle": list(level.oracle),
        "instructions": level.wordings.name,
        "policy": level.spec.name,
        "checkpoint": level.checkpoint,
        "untrained": untrained(level.spec.artifacts, level.level, level.jobs),
        **level_table(outcomes),
        "failures": dict(failures.most_common()),
        "seconds": latency(note["seconds"] for note in notes),
    }


def _summary(
    summaries: list[dict[str, Any]], run: RunDirectory, spec: PolicySpec, oracle: Sequence[str]
) -> dict[str, Any]:
    levels = {summary["split"]: summary for summary in summaries}
    return {
        "policy": spec.name,
        "oracle": list(oracle),
        "levels": levels,
        **mean_over_levels(levels),
        "results": str(run.results),
        "report": str(run.report),
    }
