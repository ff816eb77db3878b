"""`next_obs` of an episode: what follows each observation, as views of what is stored already (virtual data sets)."""

from __future__ import annotations

import posixpath

import h5py
import numpy as np

from stages.artifacts.datasets import child, create_view, view_parts

OBS, FINAL, NEXT = "obs", "final_obs", "next_obs"
FINGERS = "robot0_gripper_qpos"

FINGER_SIGNS = np.array([1.0, -1.0])
"""Of the two fingers' positions, as robosuite has them."""


def write_next_observations(group: h5py.Group) -> None:
    """Give an episode of K motions its `next_obs`: observations 1 to K - 1, then the final one.

    The views name their sources from the root of the file, so they hold wherever the file is moved, and only there: an
    episode that is copied gets new ones (`copy_episode`).
    """
    target, current, final = group.create_group(NEXT), group[OBS], group[FINAL]
    for key in current:
        rows = child(current, key)
        if rows.id.shape[0] == 0:
            target.create_dataset(key, shape=rows.shape, dtype=rows.dtype)
        else:
            create_view(target, key, [(rows, 1), (child(final, key), 0)])


def copy_episode(source: h5py.Group, target: h5py.Group) -> None:
    """Copy an episode, or anything else, from one file to an empty group of another, compressing nothing again."""
    for name in source:
        if name != NEXT:
            source.copy(source[name], target, name)
    for name, value in source.attrs.items():
        target.attrs[name] = value
    if NEXT in source:
        write_next_observations(target)


def bring_up_to_date(group: h5py.Group) -> None:
    """Give an episode of an older file what those of today's have: `next_obs`, and robosuite's signs of the fingers."""
    if NEXT not in group:
        for part in (OBS, FINAL):
            group[part][FINGERS][...] = np.abs(group[part][FINGERS][()]) * FINGER_SIGNS
        write_next_observations(group)


def view_sources(view: h5py.Dataset) -> list[tuple[str, str, str]]:
    """What a virtual data set shows: its rows, and rows of which data set, named from the episode."""
    episode = posixpath.dirname(posixpath.dirname(view.name))
    return [
        (f"{file}:{posixpath.relpath(name, episode)}", str(here), str(there))
        for file, name, here, there in view_parts(view)
    ]
