"""Data sets by HDF5's own calls: an episode has a hundred, and h5py's conveniences take a third of a millisecond each.

What is written is what h5py writes: no times, and the compression that every HDF5 has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import h5py
import numpy as np
from h5py import h5d, h5g, h5i, h5o, h5p, h5s, h5t


def child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What a group has under a name."""
    found = h5o.open(group.id, name.encode())
    return h5py.Group(found) if isinstance(found, h5g.GroupID) else h5py.Dataset(found)


def create(group: h5py.Group, name: str, values: np.ndarray, chunks: tuple[int, ...] | None = None) -> h5d.DatasetID:
    """A data set of numbers.

    Args:
        chunks: shape of the pieces that are compressed, at the fastest level; None = as a whole, not compressed.

    Returns:
        The open data set: while it is held, HDF5 may have its values at hand, so that reading decompresses nothing.
    """
    values = np.ascontiguousarray(values)
    properties = _without_times()
    if chunks is not None:
        properties.set_chunk(chunks)
        properties.set_shuffle()
        properties.set_deflate(1)
    kind, space = h5t.py_create(values.dtype, logical=True), h5s.create_simple(values.shape)
    dataset = h5d.create(group.id, name.encode(), kind, space, properties)
    dataset.write(h5s.ALL, h5s.ALL, values)
    return dataset


def create_view(group: h5py.Group, name: str, parts: Sequence[tuple[h5py.Dataset, int]]) -> None:
    """A virtual data set in the same file, made of the last rows of others, one after the other.

    Args:
        parts: data sets of one dtype and row shape, and the row from which each is seen.
    """
    kind, rest = parts[0][0].id.get_type(), parts[0][0].id.shape[1:]
    counts = [source.id.shape[0] - first for source, first in parts]
    view, properties, place = h5s.create_simple((sum(counts), *rest)), _without_times(), 0
    for (source, first), count in zip(parts, counts, strict=True):
        if count:
            rows = source.id.get_space()
            rows.select_hyperslab((first, *(0 for _ in rest)), (count, *rest))
            view.select_hyperslab((place, *(0 for _ in rest)), (count, *rest))
            properties.set_virtual(view, b".", h5i.get_name(source.id), rows)
            place += count
    view.select_all()
    h5d.create(group.id, name.encode(), kind, view, properties)


def read(dataset: h5py.Dataset) -> np.ndarray:
    """All values of a data set of numbers."""
    values = np.empty(dataset.id.shape, dataset.id.dtype)
    if values.size:
        dataset.id.read(h5s.ALL, h5s.ALL, values)
    return values


def is_virtual(dataset: h5py.Dataset) -> bool:
    """Whether a data set shows others."""
    return dataset.id.get_create_plist().get_layout() == h5d.VIRTUAL


def view_parts(dataset: h5py.Dataset) -> Iterator[tuple[str, str, tuple, tuple]]:
    """What a virtual data set is made of: file, name, and bounds of the rows here and there."""
    properties = dataset.id.get_create_plist()
    for number in range(properties.get_virtual_count()):
        yield (
            properties.get_virtual_filename(number),
            properties.get_virtual_dsetname(number),
            properties.get_virtual_vspace(number).get_select_bounds(),
            properties.get_virtual_srcspace(number).get_select_bounds(),
        )


def _without_times() -> h5p.PropDCID:
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    return properties
