"""What collection, annotation and evaluation have in common: the missing shards of an artifact, made by workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from stages.artifacts.shards import missing_shards
from stages.core.progress import Progress, silent
from stages.runtime.worker_pool import map_unordered
from stages.settings.ranges import RAY

Job = TypeVar("Job")


def make_missing_shards(
    partial: Path,
    jobs: Sequence[Job],
    make_worker: Callable[[], Callable[[Job], None]],
    workers: int | str,
    progress: Progress = silent,
    describe: Callable[[Job], str] = lambda _: "episodes",
) -> int:
    """Make the shards that are not there yet; those that are stay as they are.

    Args:
        partial: the directory of the unfinished artifact.
        jobs: what the shards are made from; the place of a job is its shard's index.
        make_worker: gives, in a worker process, what writes the shard of a job. It must be picklable.
        workers: processes; 0 = one per core; "ray" = one on every CPU of a Ray cluster.
        progress: of all shards.
        describe: a job in a few words, for the progress.

    Returns:
        How many were made now.
    """
    missing = missing_shards(partial, len(jobs))
    done = len(jobs) - len(missing)
    progress(done, len(jobs), "connecting to Ray" if workers == RAY and missing else "episodes")
    for job, _ in map_unordered(make_worker, [jobs[index] for index in missing], workers, partial):
        done += 1
        progress(done, len(jobs), describe(job))
    return len(missing)
