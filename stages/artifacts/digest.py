"""Fingerprints: equal content, equal digest, whatever the compression, the path or the time of writing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages.artifacts.datasets import child, is_virtual, read
from stages.artifacts.next_observations import view_sources

DIGEST = "sha256"
"""Attribute in which a group keeps its own digest; left out of what is hashed."""


def group_digest(group: h5py.Group, *, trust: bool = False) -> str:
    """SHA-256 over the attributes, datasets and subgroups of a group; of a virtual dataset, over what it is a view of.

    Args:
        group: where to begin.
        trust: take the digests that subgroups carry instead of reading their data again.
    """
    digest = hashlib.sha256()
    _add_attributes(digest, group.attrs)
    for name in sorted(group):
        digest.update(f"/{name}:{_node_digest(child(group, name), trust)}".encode())
    return digest.hexdigest()


def directory_digest(path: Path, *, leave_out: frozenset[str] = frozenset()) -> str:
    """SHA-256 over names and bytes of all files below a directory, but for those called as in `leave_out`."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file() and file.name not in leave_out:
            digest.update(f"/{file.relative_to(path).as_posix()}:{file_digest(file)}".encode())
    return digest.hexdigest()


def listing_digest(path: Path) -> str:
    """SHA-256 over names and sizes of all files below a directory, for data too large to be read twice."""
    files = sorted((file.relative_to(path).as_posix(), file.stat().st_size) for file in _files_below(path))
    return hashlib.sha256(repr(files).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files_below(path: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)


def _node_digest(node: h5py.Group | h5py.Dataset, trust: bool) -> str:
    if isinstance(node, h5py.Group):
        return node.attrs[DIGEST] if trust and DIGEST in node.attrs else group_digest(node, trust=trust)
    digest = hashlib.sha256()
    _add_attributes(digest, node.attrs)
    if is_virtual(node):
        _add_value(digest, view_sources(node))
    else:
        _add_value(digest, node.asstr()[()] if h5py.check_string_dtype(node.id.dtype) else read(node))
    return digest.hexdigest()


def _add_attributes(digest: Any, attributes: h5py.AttributeManager) -> None:
    for name in sorted(attributes) if len(attributes) else ():
        if name != DIGEST:
            digest.update(f"@{name}:".encode())
            _add_value(digest, attributes[name])


def _add_value(digest: Any, value: Any) -> None:
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        digest.update(f"text{array.shape}{array.tolist()!r}".encode())
    else:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
