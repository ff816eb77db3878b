"""An artifact grown episode by episode: one small file each, complete or absent, joined in order at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages.artifacts.checksum import has_its_checksum
from stages.artifacts.digest import DIGEST, group_digest
from stages.artifacts.episode import Episode
from stages.artifacts.episode_io import write_episode
from stages.artifacts.files import writing, writing_part
from stages.artifacts.header import Header
from stages.artifacts.next_observations import copy_episode

NAME = "demo_{}"
"""robomimic's name of an episode."""


def shard_path(partial: Path, index: int) -> Path:
    """Where the shard of an episode stands."""
    return partial / f"episode_{index:06d}.h5"


def missing_shards(partial: Path, count: int) -> list[int]:
    """The episodes that are still to be made, or whose shards are damaged."""
    paths = [shard_path(partial, index) for index in range(count)]
    return [index for index, path in enumerate(paths) if not (path.exists() and has_its_checksum(path, required=True))]


def write_shard(
    partial: Path, index: int, fill: Callable[[h5py.Group], Any], notes: dict[str, Any] | None = None
) -> None:
    """Write the group of an episode and what is to be remembered of its making.

    Args:
        fill: writes the group; data sets that it returns are kept open until they were read for the digest.
    """
    with writing_part(shard_path(partial, index)) as file:
        group = file.create_group("episode")
        written = fill(group)
        group.attrs[DIGEST] = group_digest(group)
        del written
        file.attrs["notes"] = json.dumps(notes or {})


def write_episode_shard(partial: Path, index: int, episode: Episode, notes: dict[str, Any] | None = None) -> None:
    """Write a demonstration, rollout or recording as a shard."""
    write_shard(partial, index, lambda group: write_episode(group, episode), notes)


def read_notes(partial: Path, count: int) -> list[dict[str, Any]]:
    """What was remembered of each episode's making."""
    notes = []
    for index in range(count):
        with h5py.File(shard_path(partial, index), "r") as file:
            notes.append(json.loads(file.attrs["notes"]))
    return notes


def assemble(partial: Path, count: int, target: Path, header: Header, summary: dict[str, Any], parent: str) -> None:
    """Join the shards under the group `parent` of a new artifact, without compressing anything again."""
    with writing(target, header, summary) as file:
        _join(partial, count, file.create_group(parent))


def assemble_episodes(
    partial: Path,
    count: int,
    target: Path,
    header: Header,
    summary: dict[str, Any],
    *,
    env_args: dict[str, Any],
    valid: Sequence[int] = (),
) -> None:
    """Join shards of episodes to a file in robomimic's layout.

    Args:
        partial: where the shards are.
        count: number of episodes.
        target: the artifact's path.
        header: schema clap.demos.
        summary: kept with it.
        env_args: `env_name`, `type` and `env_kwargs` of robomimic.
        valid: episodes held out of training.
    """
    with writing(target, header, summary) as file:
        data = file.create_group("data")
        _join(partial, count, data)
        data.attrs["total"] = sum(int(data[name].attrs["num_samples"]) for name in data)
        data.attrs["env_args"] = json.dumps(env_args)
        mask = file.create_group("mask")
        held_out = set(valid)
        for name, members in (("train", set(range(count)) - held_out), ("valid", held_out)):
            mask[name] = np.array([NAME.format(index) for index in sorted(members)], dtype="S")


def _join(partial: Path, count: int, group: h5py.Group) -> None:
    for index in range(count):
        with h5py.File(shard_path(partial, index), "r") as shard:
            copy_episode(shard["episode"], group.create_group(NAME.format(index)))
