"""Stage `import`: another project's demonstrations -> demos.h5."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stages.artifacts.digest import listing_digest
from stages.artifacts.header import DATA_SET, Header, Parent
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.artifacts.shard_runner import make_missing_shards
from stages.artifacts.shards import assemble_episodes, read_notes, write_episode_shard
from stages.bridges.data_set import OpenDataSet
from stages.core.errors import UserError
from stages.core.progress import Progress, silent
from stages.geometry.workspace import inside_workspace
from stages.settings.import_data import ImportConfig
from stages.settings.loader import Config, nearest

ROBOMIMIC_GYM = 2
"""robomimic's number for environments that are made by name."""


@dataclass(frozen=True)
class ImportJob:
    """One episode; `index` is its place in the file, `number` that in the data set."""

    index: int
    number: int
    taskvar: str


def import_data(
    config: Config,
    name: str,
    open_data_set: OpenDataSet,
    source: Path,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Read the demonstrations of a data set, one at a time in each worker.

    Args:
        name: of the environment that the data is from, for robomimic.
        open_data_set: called in every worker.
        source: the data set's folder.

    Returns:
        demonstrations, motions, outside (episodes whose hand leaves the workspace), variations, path, held_out,
        seconds, demonstrations_per_second (of those read now).

    Raises:
        UserError: the data set, or a file in it, cannot be read, or `out` exists and neither flag is given.
    """
    jobs = _jobs(config.import_data, open_data_set(source).taskvars, source)
    header = Header.create(
        "clap.demos",
        config=config.as_dict(),
        settings=config.settings("import_data"),
        seed=config.seed,
        parents=[Parent(str(source.absolute()), DATA_SET, listing_digest(source))],
    )
    if (summary := begin(out, header, resume=resume, overwrite=overwrite)) is not None:
        return summary
    shards, start = open_partial(out, header), time.monotonic()
    make_worker = partial(_make_worker, open_data_set, source, shards)
    try:
        made = make_missing_shards(
            shards, jobs, make_worker, config.import_data.workers, progress, lambda job: job.taskvar
        )
    except UserError:
        close_partial(out)
        raise
    seconds = time.monotonic() - start
    valid = _held_out(jobs, config.import_data.valid_fraction)
    summary = _summary(jobs, read_notes(shards, len(jobs)), out) | {
        "held_out": len(valid),
        "seconds": round(seconds, 2),
        "demonstrations_per_second": round(made / seconds, 2),
    }
    env_args = {"env_name": name, "type": ROBOMIMIC_GYM, "env_kwargs": {}}
    assemble_episodes(shards, len(jobs), out, header, summary, env_args=env_args, valid=valid)
    close_partial(out)
    return summary


def _jobs(config: ImportConfig, taskvars: Sequence[str], source: Path) -> list[ImportJob]:
    """The episodes that are wanted, in the order of the data set."""
    known, taken = sorted(set(taskvars)), Counter()
    for name in config.taskvars:
        if name not in known:
            raise UserError(f"{source} has no variation '{name}'", nearest(name, known))
    jobs: list[ImportJob] = []
    for number, taskvar in enumerate(taskvars):
        wanted = not config.taskvars or taskvar in config.taskvars
        if wanted and not 0 < config.episodes_per_variation <= taken[taskvar]:
            jobs.append(ImportJob(len(jobs), number, taskvar))
            taken[taskvar] += 1
    if not jobs:
        raise UserError(f"{source} has no episode", "Name the folder that has the data set's tasks")
    return jobs


def _held_out(jobs: Sequence[ImportJob], fraction: float) -> list[int]:
    """The last episodes of every variation, at least one of them if any are to be held out and two exist."""
    variations: dict[str, list[int]] = defaultdict(list)
    for job in jobs:
        variations[job.taskvar].append(job.index)
    if fraction <= 0:
        return []
    counts = {name: min(max(1, round(fraction * len(own))), len(own) - 1) for name, own in variations.items()}
    return sorted(index for name, own in variations.items() for index in own[len(own) - counts[name] :])


def _make_worker(open_data_set: OpenDataSet, source: Path, shards: Path) -> Callable[[ImportJob], None]:
    data_set = open_data_set(source)

    def work(job: ImportJob) -> None:
        episode = data_set.episode(job.number)
        inside = inside_workspace(episode.actions[:, :3]).all()
        write_episode_shard(shards, job.index, episode, {"motions": len(episode), "inside": bool(inside)})

    return work


def _summary(jobs: Sequence[ImportJob], notes: Sequence[dict[str, Any]], out: Path) -> dict[str, Any]:
    return {
        "demonstrations": len(jobs),
        "motions": sum(note["motions"] for note in notes),
        "outside": sum(not note["inside"] for note in notes),
        "variations": dict(Counter(job.taskvar for job in jobs)),
        "path": str(out),
    }
