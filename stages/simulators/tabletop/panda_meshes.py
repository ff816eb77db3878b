"""The Panda's shape, from the meshes of an installed package: decimated once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import platformdirs

from stages.core.errors import UserError
from stages.geometry.open3d_import import import_open3d

PACKAGE = "gymnasium_robotics"
MESHES = "envs/assets/kitchen_franka/franka_assets/meshes"
LINKS = tuple(f"link{index}" for index in range(8)) + ("hand", "finger")
MAX_TRIANGLES = 13_000
"""Of all links together, one finger counted."""

SHELL = 0.25
"""Pieces of a link smaller than this share of its largest are trim, which is dark."""

RECIPE = 1
"""Raise it when the preparation changes, so that older caches are not used."""


@dataclass(frozen=True)
class LinkShape:
    """Shape of one link in its own frame [m].

    Attributes:
        shell, trim: (vertices (V, 3) float64, triangles (F, 3) int32) of the light and the dark pieces; may be empty.
        hull: (V, 3) vertices of a coarse convex cover, for contacts.
    """

    shell: tuple[np.ndarray, np.ndarray]
    trim: tuple[np.ndarray, np.ndarray]
    hull: np.ndarray


@cache
def panda_shapes() -> dict[str, LinkShape]:
    """Shapes of `LINKS`, from the cache, which is filled on first use.

    Raises:
        UserError: the package with the meshes is not installed.
    """
    source = _mesh_folder()
    cached = _cache_file(source)
    try:
        arrays = dict(np.load(cached))
    except (OSError, ValueError):
        arrays = _prepare(source)
        _save(cached, arrays)
    return {link: _shape(arrays, link) for link in LINKS}


def _mesh_folder() -> Path:
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise UserError("The Panda's meshes are missing", "Run: pip install gymnasium-robotics")
    return Path(found.submodule_search_locations[0]) / MESHES


def _cache_file(source: Path) -> Path:
    digest = hashlib.sha256(f"{RECIPE} {MAX_TRIANGLES} {SHELL}".encode())
    for file in sorted(source.rglob("*.stl")):
        digest.update(f"{file.name} {file.stat().st_size}".encode())
    return Path(platformdirs.user_cache_dir("clap")) / f"panda-{digest.hexdigest()[:16]}.npz"


def _save(target: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write beside and rename; a read-only home only means preparing the meshes again."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as file:
            np.savez_compressed(file, **arrays)
        os.replace(file.name, target)
    except OSError:
        return


def _prepare(source: Path) -> dict[str, np.ndarray]:
    open3d = import_open3d()
    arrays: dict[str, np.ndarray] = {}
    meshes = {}
    for link in LINKS:
        mesh = open3d.io.read_triangle_mesh(str(source / "visual" / f"{link}.stl"))
        mesh.remove_duplicated_vertices()
        meshes[link] = mesh
        cover = open3d.io.read_triangle_mesh(str(source / "collision" / f"{link}.stl"))
        arrays[f"{link}/hull"] = np.unique(np.asarray(cover.vertices), axis=0)
    share = MAX_TRIANGLES / sum(len(mesh.triangles) for mesh in meshes.values())
    for link, mesh in meshes.items():
        labels, counts, _ = mesh.cluster_connected_triangles()
        labels, counts = np.asarray(labels), np.asarray(counts)
        light = counts[labels] >= SHELL * counts.max()
        for piece, chosen in (("shell", light), ("trim", ~light)):
            vertices, triangles = _decimated(mesh, chosen, share)
            arrays[f"{link}/{piece}/vertices"], arrays[f"{link}/{piece}/triangles"] = vertices, triangles
    return arrays


def _decimated(mesh, chosen: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    part = import_open3d().geometry.TriangleMesh(mesh)
    part.remove_triangles_by_mask(~chosen)
    part.remove_unreferenced_vertices()
    if len(part.triangles):
        part = part.simplify_quadric_decimation(max(4, int(share * len(part.triangles))))
        part.remove_degenerate_triangles()
        part.remove_unreferenced_vertices()
    return np.asarray(part.vertices), np.asarray(part.triangles, np.int32)


def _shape(arrays: dict[str, np.ndarray], link: str) -> LinkShape:
    shell, trim = ((arrays[f"{link}/{p}/vertices"], arrays[f"{link}/{p}/triangles"]) for p in ("shell", "trim"))
    return LinkShape(shell, trim, arrays[f"{link}/hull"])
