"""Recordings: episodes driven from a bundle, added one by one to a file in the layout of demonstrations."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py

from stages.artifacts.files import open_artifact
from stages.artifacts.header import Header
from stages.artifacts.resume import close_partial, open_partial, partial_of
from stages.artifacts.shards import NAME, assemble_episodes, write_shard
from stages.rollouts.rollouts import Rollout, RolloutJob
from stages.rollouts.storage import SCHEMA, write_rollout


def recorded(path: Path) -> int:
    """Number of episodes in a file of recordings, 0 if there is none.

    Raises:
        UserError: it exists and is no such file.
    """
    if not path.exists():
        return 0
    with open_artifact(path, SCHEMA) as file:
        return len(file["data"])


def add_recording(path: Path, job: RolloutJob, rollout: Rollout, header: Header, env_args: dict) -> None:
    """Add an episode; `job.index` is the number of episodes so far. The file stays whole whatever happens."""
    shutil.rmtree(partial_of(path), ignore_errors=True)
    partial = open_partial(path, header)
    if path.exists():
        with open_artifact(path, SCHEMA) as file:
            for index in range(job.index):
                _copy_shard(partial, index, file["data"][NAME.format(index)])
    write_rollout(partial, job, rollout)
    summary = {"episodes": job.index + 1}
    assemble_episodes(partial, job.index + 1, path, header, summary, env_args=env_args)
    close_partial(path)


def _copy_shard(partial: Path, index: int, source: h5py.Group) -> None:
    def fill(group: h5py.Group) -> None:
        for name in source:
            source.copy(source[name], group, name)
        for name, value in source.attrs.items():
            group.attrs[name] = value

    write_shard(partial, index, fill)
