"""Stage `collect`: a simulator's expert demonstrates every variation -> demos.h5."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from stages.artifacts.episode import TRAJECTORY, Episode, ObjectTracks
from stages.artifacts.header import Header
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.artifacts.shard_runner import make_missing_shards
from stages.artifacts.shards import assemble_episodes, read_notes, write_episode_shard
from stages.artifacts.unlabelled import unlabelled_episode
from stages.core.errors import UserError
from stages.core.keyframes import KeyframeCheck, check_keyframes
from stages.core.observation import Observation
from stages.core.progress import Progress, silent
from stages.rollouts.seeds import FIRST_SEED
from stages.settings.collect import CollectConfig
from stages.settings.loader import Config
from stages.simulators.protocol import Demonstration, Demonstrator, Motion, SceneObject, Simulator

RETRY_SEEDS = 10_000_000
"""Distance between the seed of an attempt and that of the next; above all seeds of evaluation."""

ROBOMIMIC_GYM = 2
"""robomimic's number for environments that are made by name."""


@dataclass(frozen=True)
class DemonstrationJob:
    """One demonstration; `index` is its place in the file."""

    index: int
    task: str
    variation: int
    level: str
    seed: int

    @property
    def taskvar(self) -> str:
        """Task and variation, as "task+variation"."""
        return f"{self.task}+{self.variation}"


@dataclass
class _Take:
    """What an expert did in one scene: K motions, what was true before each, and the K + 1 observations."""

    instructions: list[str]
    observations: list[Observation]
    motions: list[Motion] = field(default_factory=list)
    things: list[list[SceneObject]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    success: bool = False
    redraws: int = 0


def collect_demos(
    config: Config, out: Path, *, resume: bool = False, overwrite: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """Collect demonstrations.

    Demonstration i is the same whatever the number of workers and however often the collection was interrupted. A
    scene whose expert fails is replaced by that of the next derived seed, and counted.

    Returns:
        demonstrations, motions, failed_attempts, redraws, keyframes (found, extra, missed), variations, seconds,
        demonstrations_per_second (of those made now), path.

    Raises:
        UserError: unknown task or variation, an expert that fails too often, or `out` exists and neither `resume`
            nor `overwrite` is given.
    """
    jobs = _jobs(config)
    header = Header.create("clap.demos", config=config.as_dict(), settings=config.settings("collect"), seed=config.seed)
    if (summary := begin(out, header, resume=resume, overwrite=overwrite)) is not None:
        return summary
    shards = open_partial(out, header)
    start = time.monotonic()
    make_worker = partial(_make_worker, config.collect, shards)
    made = make_missing_shards(shards, jobs, make_worker, config.collect.workers, progress, lambda job: job.taskvar)
    seconds = time.monotonic() - start
    notes = read_notes(shards, len(jobs))
    summary = _summary(jobs, notes, out) | {
        "seconds": round(seconds, 2),
        "demonstrations_per_second": round(made / seconds, 2),
    }
    env_args = {
        "env_name": config.collect.simulator,
        "type": ROBOMIMIC_GYM,
        "env_kwargs": {"image_size": config.collect.image_size},
    }
    valid = _held_out(config.collect, len(jobs))
    assemble_episodes(shards, len(jobs), out, header, summary, env_args=env_args, valid=valid)
    close_partial(out)
    return summary


def _jobs(config: Config) -> list[DemonstrationJob]:
    """All demonstrations, one of each variation after the other, so that a part of them is a fair sample."""
    from stages.simulators import make_simulator
    from stages.simulators.suites import suite_of
    from stages.simulators.tabletop.tasks import level_of, parse_taskvar

    collect = config.collect
    suite = suite_of(collect.simulator)
    make_simulator(collect.simulator, image_size=collect.image_size).close()
    variations = [parse_taskvar(text) for text in collect.taskvars] or suite.levels["train"]
    if collect.hold_out:
        variations = [pair for pair in variations if pair not in suite.held_out]
    for task, variation in variations:
        suite.check(task, variation)
    if collect.episodes_per_variation < 1:
        raise UserError(f"{collect.episodes_per_variation} episodes are nothing to collect", "Ask for one or more")
    if not 0 <= config.seed <= FIRST_SEED - collect.episodes_per_variation:
        raise UserError(
            f"seed {config.seed} leaves the range of training placements",
            f"Use one from 0 to {FIRST_SEED - collect.episodes_per_variation}",
        )
    pairs = [(e, pair) for e in range(collect.episodes_per_variation) for pair in variations]
    return [
        DemonstrationJob(index, task, variation, level_of(task, variation) or "train", config.seed + episode)
        for index, (episode, (task, variation)) in enumerate(pairs)
    ]


def _held_out(config: CollectConfig, count: int) -> list[int]:
    """The last episodes of every variation, at least one of them if any are to be held out and two exist."""
    episodes = config.episodes_per_variation
    if config.valid_fraction <= 0 or episodes < 2:
        return []
    held_out = min(max(1, round(config.valid_fraction * episodes)), episodes - 1)
    return list(range(count - held_out * (count // episodes), count))


def _make_worker(config: CollectConfig, shards: Path) -> Callable[[DemonstrationJob], None]:
    from stages.simulators import make_simulator

    simulator = make_simulator(config.simulator, image_size=config.image_size)

    def work(job: DemonstrationJob) -> None:
        episode, notes = demonstrate(simulator, job, config.attempts)
        write_episode_shard(shards, job.index, episode, notes)

    return work


def demonstrate(simulator: Simulator, job: DemonstrationJob, attempts: int) -> tuple[Episode, dict[str, Any]]:
    """The first successful take over the derived seeds of a job."""
    if isinstance(simulator, Demonstrator):
        return _demonstrated(simulator, job, attempts)
    redraws = 0
    for attempt in range(attempts):
        seed = job.seed + attempt * RETRY_SEEDS
        take = _record(simulator, job, seed)
        redraws += take.redraws
        if take.success:
            trajectory = {name: getattr(simulator.trajectory(), name) for name in TRAJECTORY}
            check = check_keyframes(trajectory)
            notes = {
                "attempts": attempt + 1,
                "redraws": redraws,
                "motions": len(take.motions),
                "extra": check.extra,
                "missed": check.missed,
            }
            return _episode(simulator, job, seed, take, trajectory, check), notes
    raise _always_failed(job, attempts)


def _always_failed(job: DemonstrationJob, attempts: int) -> UserError:
    return UserError(
        f"the expert of {job.taskvar} failed in {attempts} scenes in a row from seed {job.seed}",
        "Raise collect.attempts, or leave this variation out",
    )


def _demonstrated(simulator: Demonstrator, job: DemonstrationJob, attempts: int) -> tuple[Episode, dict[str, Any]]:
    """The first demonstration over the derived seeds that the simulator makes by itself: it has no labels."""
    for attempt in range(attempts):
        seed = job.seed + attempt * RETRY_SEEDS
        shown = simulator.demonstration(job.task, job.variation, seed)
        if shown is not None and len(shown.actions):
            notes = {"attempts": attempt + 1, "redraws": 0, "motions": len(shown.actions), "extra": 0, "missed": 0}
            return _unlabelled(job, seed, shown), notes
    raise _always_failed(job, attempts)


def _unlabelled(job: DemonstrationJob, seed: int, shown: Demonstration) -> Episode:
    return unlabelled_episode(
        job.task,
        job.variation,
        shown.instructions,
        shown.observations,
        shown.actions,
        seed=seed,
        level=job.level,
        trajectory={name: getattr(shown.trajectory, name) for name in TRAJECTORY},
    )


def _record(simulator: Simulator, job: DemonstrationJob, seed: int) -> _Take:
    instructions, observation = simulator.reset(job.task, job.variation, seed)
    take = _Take(instructions, [observation])
    things = simulator.truth()
    for motion in simulator.expert():
        observation, success, _, info = simulator.step(motion.action)
        take.motions.append(motion)
        take.things.append(things)
        take.observations.append(observation)
        take.success = success
        take.rewards.append(float(success))
        take.redraws = info.get("redraws", 0)
        things = simulator.truth()
        if info["error"]:
            take.success = False
            break
    return take


def _episode(
    simulator: Simulator,
    job: DemonstrationJob,
    seed: int,
    take: _Take,
    trajectory: dict[str, np.ndarray],
    check: KeyframeCheck,
) -> Episode:
    ends, found = trajectory["keyframes"], check.keyframes
    observations = [
        seen if end == keyframe else simulator.observe_state(trajectory["states"][keyframe])
        for seen, end, keyframe in zip(take.observations, ends, found, strict=True)
    ]
    first = take.things[0]
    return Episode(
        task=job.task,
        variation=job.variation,
        level=job.level,
        seed=seed,
        instruction=_choose(take.instructions, job, seed),
        instructions=tuple(take.instructions),
        success=True,
        observations=tuple(observations),
        actions=np.array([motion.action for motion in take.motions]),
        steps=tuple(str(motion.step) for motion in take.motions),
        targets=np.array([motion.keypoint for motion in take.motions]),
        objects=ObjectTracks(
            names=tuple(thing.name for thing in first),
            kinds=tuple(thing.kind for thing in first),
            mask_ids=np.array([thing.mask_id for thing in first]),
            positions=np.array([[thing.position for thing in things] for things in take.things]),
        ),
        states=trajectory["states"][found[:-1]],
        rewards=np.array(take.rewards),
        trajectory=trajectory | {"keyframes": found},
    )


def _choose(instructions: list[str], job: DemonstrationJob, seed: int) -> str:
    """The paraphrase of a demonstration."""
    rng = np.random.default_rng([seed, crc32(job.task.encode()), job.variation, 1])
    return instructions[int(rng.integers(len(instructions)))]


def _summary(jobs: list[DemonstrationJob], notes: list[dict[str, Any]], out: Path) -> dict[str, Any]:
    variations: dict[str, int] = {}
    for job in jobs:
        name = job.taskvar
        variations[name] = variations.get(name, 0) + 1
    motions = sum(note["motions"] for note in notes)
    return {
        "demonstrations": len(jobs),
        "motions": motions,
        "failed_attempts": sum(note["attempts"] - 1 for note in notes),
        "redraws": sum(note["redraws"] for note in notes),
        "keyframes": {
            "found": motions - sum(note["missed"] for note in notes),
            "extra": sum(note["extra"] for note in notes),
            "missed": sum(note["missed"] for note in notes),
        },
        "variations": variations,
        "path": str(out),
    }
