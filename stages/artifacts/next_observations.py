"""`next_obs` of an episode: what follows each observation, as views of what is stored already (virtual data sets)."""

from __future__ import annotations

import posixpath

import h5py
import numpy as np

OBS, FINAL, NEXT = "obs", "final_obs", "next_obs"
FINGERS = "robot0_gripper_qpos"

FINGER_SIGNS = np.array([1.0, -1.0])
"""Of the two fingers' positions, as robosuite has them."""


def write_next_observations(group: h5py.Group) -> None:
    """Give an episode of K motions its `next_obs`: observations 1 to K - 1, then the final one.

    The views name their sources from the root of the file, so they hold wherever the file is moved, and only there: an
    episode that is copied gets new ones (`copy_episode`).
    """
    target = group.create_group(NEXT)
    for key, rows in group[OBS].items():
        if len(rows) == 0:
            target.create_dataset(key, shape=rows.shape, dtype=rows.dtype)
        else:
            target.create_virtual_dataset(key, _layout(rows, group[FINAL][key]))


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
    episode = view.parent.parent.name
    return [
        (
            f"{source.file_name}:{posixpath.relpath(source.dset_name, episode)}",
            str(source.vspace.get_select_bounds()),
            str(source.src_space.get_select_bounds()),
        )
        for source in view.virtual_sources()
    ]


def _layout(rows: h5py.Dataset, final: h5py.Dataset) -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout(rows.shape, rows.dtype)
    if len(rows) > 1:
        layout[: len(rows) - 1] = h5py.VirtualSource(".", rows.name, rows.shape, rows.dtype)[1:]
    layout[len(rows) - 1 :] = h5py.VirtualSource(".", final.name, final.shape, final.dtype)[:]
    return layout
