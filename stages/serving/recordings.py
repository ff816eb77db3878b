"""Recordings: episodes driven from a bundle, added one by one to a file in the layout of demonstrations."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py

from stages.artifacts.files import open_artifact
from stages.artifacts.header import EPISODES, Header
from stages.artifacts.next_observations import bring_up_to_date, copy_episode
from stages.artifacts.resume import close_partial, open_partial, partial_of
from stages.artifacts.shards import NAME, assemble_episodes, write_shard
from stages.core.errors import UserError
from stages.rollouts.rollouts import Rollout, RolloutJob
from stages.rollouts.storage import write_rollout

SCHEMA = "clap.recordings"


def recorded(path: Path) -> int:
    """Number of episodes in a file of recordings, 0 if there is none.

    Raises:
        UserError: it exists and is no such file.
    """
    if not path.exists():
        return 0
    with open_artifact(path, *EPISODES) as file:
        if file.attrs["schema"] != SCHEMA:
            what = f"{path} holds demonstrations or rollouts, and recordings are only added to recordings"
            raise UserError(what, "Give another --out")
        return len(file["data"])


def add_recording(path: Path, job: RolloutJob, rollout: Rollout, header: Header, env_args: dict) -> int:
    """Add an episode after those that are there, whoever else adds some meanwhile. The file stays whole whatever
    happens.

    Returns:
        Its number in the file.

    Raises:
        UserError: the file is there and is not one of recordings.
    """
    with _alone_in(path.parent):
        count = recorded(path)
        shutil.rmtree(partial_of(path), ignore_errors=True)
        partial = open_partial(path, header)
        if count:
            with open_artifact(path, SCHEMA) as file:
                for index in range(count):
                    _copy_shard(partial, index, file["data"][NAME.format(index)])
        write_rollout(partial, replace(job, index=count), rollout)
        assemble_episodes(partial, count + 1, path, header, {"episodes": count + 1}, env_args=env_args)
        close_partial(path)
    return count


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process adds to recordings in a folder, and have others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _copy_shard(partial: Path, index: int, source: h5py.Group) -> None:
    def fill(group: h5py.Group) -> None:
        copy_episode(source, group)
        bring_up_to_date(group)

    write_shard(partial, index, fill)
