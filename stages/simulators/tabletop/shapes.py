"""Triangles of MuJoCo's visual geoms, in the frame of the body that carries them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import mujoco
import numpy as np

VISUAL_GROUPS = 3
"""Geoms of groups below this number are seen; the others only collide."""

SEGMENTS = 64
"""Segments of a full circle."""

OUTSET = float(np.cos(np.pi / SEGMENTS) ** -0.5)
"""Growth of a polygon that makes its distance to the circle equal inside and outside: 0.03 mm at 5 cm radius."""

PLANE_REACH = 20.0
"""Half extent of an unbounded plane [m]."""


@dataclass(frozen=True)
class Triangles:
    """A triangle soup.

    Attributes:
        corners: (T, 3, 3) float32 positions [m], counter-clockwise seen from outside.
        normals: (T, 3, 3) float32 unit normals at the corners.
    """

    corners: np.ndarray
    normals: np.ndarray

    def moved(self, position: np.ndarray, rotation: np.ndarray) -> Triangles:
        """The same triangles after p -> rotation p + position; (3,), (3, 3)."""
        rotation = rotation.astype(np.float32)
        return Triangles(self.corners @ rotation.T + position.astype(np.float32), self.normals @ rotation.T)


def visual_geoms(model: mujoco.MjModel) -> np.ndarray:
    """(ngeom,) bool: which geoms are drawn: of a visual group, not fully transparent."""
    return (model.geom_group < VISUAL_GROUPS) & (geom_colours(model)[:, 3] > 0)


def geom_colours(model: mujoco.MjModel) -> np.ndarray:
    """(ngeom, 4) RGBA in [0, 1]: a geom's own, or its material's where the geom keeps MuJoCo's default."""
    own, material = model.geom_rgba, model.geom_matid
    if not model.nmat:
        return own
    by_material = (material >= 0) & (own == np.float32([0.5, 0.5, 0.5, 1.0])).all(axis=1)
    return np.where(by_material[:, None], model.mat_rgba[material], own)


def geom_definition(model: mujoco.MjModel, geom: int) -> list[np.ndarray]:
    """The numbers that a geom's triangles in its body's frame follow from."""
    own = [model.geom_type[geom], model.geom_size[geom], model.geom_pos[geom], model.geom_quat[geom]]
    return own + (_mesh_arrays(model, model.geom_dataid[geom]) if model.geom_dataid[geom] >= 0 else [])


def geom_triangles(model: mujoco.MjModel, geom: int) -> Triangles:
    """Triangles of one geom in its body's frame.

    Raises:
        ValueError: the geom's type is not drawn (height field, signed distance field).
    """
    local = _local_triangles(model, geom)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    return local.moved(model.geom_pos[geom], rotation.reshape(3, 3))


def _local_triangles(model: mujoco.MjModel, geom: int) -> Triangles:
    kind, size = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom].astype(np.float32)
    match kind:
        case mujoco.mjtGeom.mjGEOM_MESH:
            return _mesh(model, model.geom_dataid[geom])
        case mujoco.mjtGeom.mjGEOM_BOX:
            return box(size)
        case mujoco.mjtGeom.mjGEOM_SPHERE:
            return ellipsoid(np.repeat(size[:1], 3))
        case mujoco.mjtGeom.mjGEOM_ELLIPSOID:
            return ellipsoid(size)
        case mujoco.mjtGeom.mjGEOM_CYLINDER:
            return cylinder(size[0], size[1])
        case mujoco.mjtGeom.mjGEOM_CAPSULE:
            return capsule(size[0], size[1])
        case mujoco.mjtGeom.mjGEOM_PLANE:
            return plane(size)
    raise ValueError(f"geom {geom} of type {kind.name} has no triangles")


def _mesh_arrays(model: mujoco.MjModel, mesh: int) -> list[np.ndarray]:
    """Vertices, normals, and the indices into both that make its faces."""
    vertices = model.mesh_vert[model.mesh_vertadr[mesh] :][: model.mesh_vertnum[mesh]]
    normals = model.mesh_normal[model.mesh_normaladr[mesh] :][: model.mesh_normalnum[mesh]]
    faces = slice(model.mesh_faceadr[mesh], model.mesh_faceadr[mesh] + model.mesh_facenum[mesh])
    return [vertices, normals, model.mesh_face[faces], model.mesh_facenormal[faces]]


def _mesh(model: mujoco.MjModel, mesh: int) -> Triangles:
    vertices, normals, faces, face_normals = _mesh_arrays(model, mesh)
    return Triangles(vertices[faces], normals[face_normals])


def box(half: np.ndarray) -> Triangles:
    """Box of half extents (3,) [m]."""
    return Triangles(_cube().corners * half, _cube().normals)


@cache
def _cube() -> Triangles:
    """From -1 to 1 along each axis."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    corners, normals = [], []
    for axis in range(3):
        for side in (-1.0, 1.0):
            face = np.empty((4, 3), np.float32)
            face[:, axis] = side
            face[:, (axis + 1) % 3], face[:, (axis + 2) % 3] = (signs * [side, 1.0]).T
            normal = np.zeros(3, np.float32)
            normal[axis] = side
            corners += [face[[0, 1, 2]], face[[0, 2, 3]]]
            normals += [normal, normal]
    return Triangles(np.stack(corners), np.repeat(np.stack(normals)[:, None], 3, axis=1))


def ellipsoid(radii: np.ndarray) -> Triangles:
    """Ellipsoid of radii (3,) [m] with true normals."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, SEGMENTS // 2 + 1)
    return _revolved(np.cos(latitude), np.sin(latitude), np.cos(latitude), np.sin(latitude), radii * OUTSET**2)


def cylinder(radius: float, half_length: float) -> Triangles:
    """Cylinder along z [m]."""
    rim = [0, 1, 1, 1, 1, 0]
    height, normal_radius, normal_height = [-1, -1, -1, 1, 1, 1], [0, 0, 1, 1, 0, 0], [-1, -1, 0, 0, 1, 1]
    scale = np.float32([radius * OUTSET, radius * OUTSET, half_length])
    return _revolved(rim, height, normal_radius, normal_height, scale)


def capsule(radius: float, half_length: float) -> Triangles:
    """Capsule along z [m]: a cylinder of the given half length with half spheres on its ends."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, SEGMENTS // 2 + 1)
    latitude = np.insert(latitude, SEGMENTS // 4, 0.0)
    radius *= OUTSET**2
    height = radius * np.sin(latitude) + half_length * np.repeat([-1, 1], SEGMENTS // 4 + 1)
    return _revolved(radius * np.cos(latitude), height, np.cos(latitude), np.sin(latitude), np.ones(3, np.float32))


def plane(size: np.ndarray) -> Triangles:
    """Rectangle of half extents size[:2] [m] facing +z; an extent of zero means without bounds."""
    x, y = np.where(size[:2] > 0, size[:2], PLANE_REACH)
    corners = np.array([[[-x, -y, 0], [x, -y, 0], [x, y, 0]], [[-x, -y, 0], [x, y, 0], [-x, y, 0]]], np.float32)
    return Triangles(corners, np.broadcast_to(np.float32([0, 0, 1]), corners.shape))


def joined(parts: list[Triangles]) -> Triangles:
    """One soup of several."""
    return Triangles(np.concatenate([p.corners for p in parts]), np.concatenate([p.normals for p in parts]))


def _revolved(radius, height, normal_radius, normal_height, scale: np.ndarray) -> Triangles:
    """Profile curve turned about z, bottom to top, then scaled per axis; normals scale inversely."""
    angle = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    turn = np.stack([np.cos(angle), np.sin(angle)])
    points = _turned(radius, height, turn) * scale
    normals = _turned(normal_radius, normal_height, turn) / scale
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return Triangles(_quads_to_triangles(points), _quads_to_triangles(normals))


def _turned(radius, height, turn: np.ndarray) -> np.ndarray:
    radius, height = np.asarray(radius, np.float64)[:, None], np.asarray(height, np.float64)[:, None]
    return np.stack([radius * turn[0], radius * turn[1], np.broadcast_to(height, radius.shape[:1] + turn[0].shape)], -1)


def _quads_to_triangles(grid: np.ndarray) -> np.ndarray:
    """(R, C, 3) grid -> (2 (R-1)(C-1), 3, 3) triangles."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    return np.concatenate([np.stack(t, -2).reshape(-1, 3, 3) for t in ((a, b, c), (a, c, d))]).astype(np.float32)
