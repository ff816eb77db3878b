"""RGB, depth and instance images of a MuJoCo scene by ray casting: no display, no OpenGL.

Every moving body keeps its triangles in its own frame for good; a camera's rays are turned into that frame instead, and
only those through the body's bounding box. So nothing is rebuilt when the scene moves, and where a camera stands to a
body as it did before, be it that both stand still or move together, nothing is cast again. Light is constant in the
world, which makes brightness a property of triangle corners: computed once a state and shared by all cameras.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import mujoco
import numpy as np

from stages.geometry.cameras import pixel_rays
from stages.geometry.open3d_import import import_open3d
from stages.simulators.tabletop.shapes import (
    Triangles,
    geom_colours,
    geom_definition,
    geom_triangles,
    joined,
    visual_geoms,
)
from stages.simulators.tabletop.windows import windows

BACKGROUND = np.float32([0.80, 0.84, 0.88])
AMBIENT = np.float32(0.42)
LIGHTS = np.float32([[0.44, 0.34, 0.83], [-0.45, -0.72, 0.53]])
"""Unit directions towards the key and the fill light, world frame."""
KEY_POWER, FILL_POWER = np.float32(0.50), np.float32(0.20)
SHADOW = np.float32(0.28)
"""Share of the brightness that goes where something hides the key light."""
SOFTNESS = np.float32(0.25)
"""Cosine of the angle to the key light over which a shadow fades on a surface that turns away from it."""
DARKEST = np.float32(0.05)
"""Reflectance of black: without it, black things would show no shape."""
REMEMBERED = 256
"""Pairs of a camera and a body whose latest relative pose is kept in mind."""
REMEMBERED_SOLIDS = 64
SAME = 7
"""Decimals of relative poses; smaller differences, of 0.1 micrometre, are noise of the same pose."""
SHADOW_OFFSET = np.float32(0.002)
"""Start of a shadow ray off the surface, so that a facet does not hide itself [m]."""


@dataclass(frozen=True)
class _Solid:
    """Triangles of one or more geoms, ready to be cast at.

    Attributes:
        triangles: those of one geom after the other; counts: how many of each.
        scene: Open3D ray casting scene of the triangles.
        box: (8, 3) corners of their bounding box.
    """

    triangles: Triangles
    counts: tuple[int, ...]
    scene: Any
    box: np.ndarray


@dataclass(frozen=True)
class _Part:
    """What moves together.

    Attributes:
        body: the MuJoCo body that carries it, itself or welded to it; 0 for all that never moves.
        solid: in that body's frame.
        geom: (T,) geom of each triangle.
        numbers: their place among the triangles of all parts.
    """

    body: int
    solid: _Solid
    geom: np.ndarray
    numbers: slice


_SOLIDS: OrderedDict[bytes, _Solid] = OrderedDict()
"""Those made last, by what they are made of: robot and furniture are the same in many scenes."""


def _solid(model: mujoco.MjModel, geoms: list[int], places: np.ndarray, turns: np.ndarray) -> _Solid:
    """The solid of geoms whose bodies stand at places (G, 3) and turns (G, 3, 3)."""
    digest = blake2b(places.tobytes() + turns.tobytes())
    for geom in geoms:
        for array in geom_definition(model, geom):
            digest.update(np.ascontiguousarray(array))
    key = digest.digest()
    if key not in _SOLIDS:
        pieces = [geom_triangles(model, g).moved(*pose) for g, *pose in zip(geoms, places, turns, strict=True)]
        triangles = joined(pieces)
        low, high = triangles.corners.min((0, 1)), triangles.corners.max((0, 1))
        box = np.stack(np.meshgrid(*np.stack([low, high], 1), indexing="ij"), -1).reshape(8, 3)
        counts = tuple(len(piece.corners) for piece in pieces)
        _SOLIDS[key] = _Solid(triangles, counts, _casting_scene(triangles.corners), box)
    _SOLIDS.move_to_end(key)
    if len(_SOLIDS) > REMEMBERED_SOLIDS:
        _SOLIDS.popitem(last=False)
    return _SOLIDS[key]


def _casting_scene(corners: np.ndarray) -> Any:
    """Open3D's ray casting scene of a triangle soup (T, 3, 3)."""
    open3d = import_open3d()
    tensor = open3d.core.Tensor.from_numpy
    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    faces = np.arange(3 * len(corners), dtype=np.uint32).reshape(-1, 3)
    scene.add_triangles(tensor(np.ascontiguousarray(corners.reshape(-1, 3), np.float32)), tensor(faces))
    return scene


class _Hits(NamedTuple):
    """What the rays of an image or a window of it have met, per pixel.

    Attributes:
        depth: [m], infinite for nothing; triangle: its number; uv: its barycentric weights, u + iv in complex64.
    """

    depth: np.ndarray
    triangle: np.ndarray
    uv: np.ndarray


class _Memory:
    """Hits that were asked for twice; those asked for once come from something that moves."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple, _Hits | None] = OrderedDict()

    def recall(self, key: tuple, cast: Callable[[], _Hits]) -> _Hits:
        """The hits of a key, cast unless they are known."""
        hits = self._kept.get(key)
        if hits is None:
            hits = cast()
            self._kept[key] = hits if key in self._kept else None
        self._kept.move_to_end(key)
        if len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return hits


class Renderer:
    """Renders the visual geoms of one model.

    Args:
        model: compiled scene; geoms of group < 3 are drawn in their (or their material's) colour.
        instance_ids: (ngeom,) uint16, value of the instance image where a geom is seen; 0 = background.
        shadows: let things hide the key light; costs a scene built per state and a second ray per pixel.
    """

    def __init__(self, model: mujoco.MjModel, instance_ids: np.ndarray, shadows: bool = False) -> None:
        self._model = model
        self._open3d = import_open3d()
        self._parts = self._build_parts()
        geom = np.concatenate([part.geom for part in self._parts])
        self._geom = np.append(geom, model.ngeom)
        self._ids = np.append(np.asarray(instance_ids, np.uint16), np.uint16(0))
        self._brightness = np.ones((len(geom) + 1, 3), np.float32)
        self._shadow_depth = np.zeros((len(geom) + 1, 3), np.float32)
        self._shadows = shadows
        self._shadow_scene: object | None = None
        self._poses: np.ndarray | None = None
        self._grids: dict[bytes, np.ndarray] = {}
        self._memory = _Memory()

    def render(
        self, data: mujoco.MjData, camera_to_world: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Render one camera.

        Args:
            data: state after mj_kinematics or mj_forward.
            camera_to_world: (4, 4), OpenCV axes.
            intrinsics: (3, 3) [px], pixel centres at integer + 0.5.
            size: (H, W) [px].

        Returns:
            rgb (H, W, 3) uint8; depth (H, W) float32 along the optical axis [m], 0 where nothing was hit;
            mask (H, W) uint16 instance ids.
        """
        self._follow(data)
        rays = self._camera_rays(intrinsics, size)
        hits = self._cast_all(rays, camera_to_world, intrinsics)
        brightness = _interpolated(self._brightness, hits)
        if self._shadows:
            hidden = self._hidden_from_key_light(hits, rays, camera_to_world)
            brightness *= 1 - hidden * _interpolated(self._shadow_depth, hits)
        geom = np.take(self._geom, hits.triangle)
        rgb = np.take(self._albedo(), geom, axis=0)
        rgb *= brightness[..., None]
        np.minimum(rgb, 255, out=rgb)
        depth = np.where(np.isinf(hits.depth), np.float32(0), hits.depth)
        return rgb.astype(np.uint8), depth, np.take(self._ids, geom)

    def _build_parts(self) -> list[_Part]:
        """One part of all that is fixed to the world, if there is any, then one of each group that moves together."""
        bodies = np.arange(self._model.nbody)
        root = np.where(self._model.body_mocapid >= 0, bodies, self._model.body_weldid)
        visible, rest = visual_geoms(self._model), mujoco.MjData(self._model)
        mujoco.mj_kinematics(self._model, rest)
        parts: list[_Part] = []
        for body in np.unique(root).tolist():
            if geoms := np.flatnonzero(visible & (root[self._model.geom_bodyid] == body)).tolist():
                parts.append(self._build_part(body, geoms, rest, parts[-1].numbers.stop if parts else 0))
        return parts

    def _build_part(self, root: int, geoms: list[int], rest: mujoco.MjData, first: int) -> _Part:
        """Gather geoms of one body and those welded to it, in its frame."""
        rotations, positions = rest.xmat.reshape(-1, 3, 3), rest.xpos
        bodies = [self._model.geom_bodyid[geom] for geom in geoms]
        places = np.array([rotations[root].T @ (positions[body] - positions[root]) for body in bodies])
        turns = np.array([rotations[root].T @ rotations[body] for body in bodies])
        solid = _solid(self._model, geoms, np.round(places, SAME) + 0.0, np.round(turns, SAME) + 0.0)
        return _Part(root, solid, np.repeat(geoms, solid.counts), slice(first, first + sum(solid.counts)))

    def _follow(self, data: mujoco.MjData) -> None:
        """Take over the bodies' poses; shade again what has moved."""
        bodies = [part.body for part in self._parts]
        poses = np.concatenate([data.xmat[bodies].reshape(-1, 3, 3), data.xpos[bodies][:, :, None]], -1)
        if self._poses is not None and np.array_equal(poses, self._poses):
            return
        for number, part in enumerate(self._parts):
            if self._poses is None or not np.array_equal(poses[number, :, :3], self._poses[number, :, :3]):
                self._shade(part, poses[number, :, :3].astype(np.float32))
        self._poses, self._shadow_scene = poses, None

    def _shade(self, part: _Part, rotation: np.ndarray) -> None:
        """Brightness at the triangles' corners: the key light wraps around (half Lambert), the fill light does not."""
        cosines = part.solid.triangles.normals.reshape(-1, 3) @ (LIGHTS @ rotation).T
        brightness = AMBIENT + KEY_POWER * (1 + cosines[:, 0]) / 2 + FILL_POWER * np.maximum(cosines[:, 1], 0)
        self._brightness[part.numbers] = brightness.reshape(-1, 3)
        if self._shadows:
            depth = SHADOW * np.clip(cosines[:, 0] / SOFTNESS, 0, 1)
            self._shadow_depth[part.numbers] = depth.reshape(-1, 3)

    def _camera_rays(self, intrinsics: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) float32 directions with unit z, so that a ray's parameter is its depth."""
        key = np.asarray(intrinsics, float).tobytes() + np.asarray(size).tobytes()
        if key not in self._grids:
            self._grids[key] = pixel_rays(intrinsics, *size).astype(np.float32)
        return self._grids[key]

    def _cast_all(self, rays: np.ndarray, camera_to_world: np.ndarray, intrinsics: np.ndarray) -> _Hits:
        """The nearest hits of all parts, each cast in its own frame within its window of the image."""
        size = rays.shape[:2]
        nothing = np.full(size, len(self._brightness) - 1, np.int64)
        hits = _Hits(np.full(size, np.inf, np.float32), nothing, np.zeros(size, np.complex64))
        turns, places = self._poses[:, :, :3].transpose(0, 2, 1), self._poses[:, :, 3]
        cameras = np.empty((len(self._parts), 3, 4))
        cameras[:, :, :3] = turns @ camera_to_world[:3, :3]
        cameras[:, :, 3] = (turns @ (camera_to_world[:3, 3] - places)[..., None])[..., 0]
        cameras = np.round(cameras, SAME) + 0.0  # no minus zero, which has other bytes
        boxes = (np.stack([part.solid.box for part in self._parts]) - cameras[:, None, :, 3]) @ cameras[:, :, :3]
        optics = np.asarray(intrinsics, float).tobytes(), size
        for part, camera, window in zip(self._parts, cameras, windows(boxes, intrinsics, size), strict=True):
            if window is not None:
                key = part.body, camera.tobytes(), *optics
                _keep_nearest(hits, window, self._memory.recall(key, partial(self._cast, part, rays[window], camera)))
        return hits

    def _cast(self, part: _Part, directions: np.ndarray, camera_to_part: np.ndarray) -> _Hits:
        """Cast rays of directions (H, W, 3) in the camera's frame at one part."""
        shape = directions.shape[:2]
        cast = np.empty((shape[0] * shape[1], 6), np.float32)
        cast[:, :3] = camera_to_part[:, 3]
        cast[:, 3:] = directions.reshape(-1, 3) @ camera_to_part[:, :3].T.astype(np.float32)
        met = part.solid.scene.cast_rays(self._open3d.core.Tensor.from_numpy(cast), nthreads=1)
        triangle = met["primitive_ids"].numpy().reshape(shape) + np.int64(part.numbers.start)
        weights = met["primitive_uvs"].numpy().view(np.complex64).reshape(shape)
        return _Hits(met["t_hit"].numpy().reshape(shape), triangle, weights)

    def _albedo(self) -> np.ndarray:
        """(ngeom + 1, 3) float32 colours in [0, 255]; the last is the background's."""
        colours = geom_colours(self._model)[:, :3]
        return 255 * np.concatenate([DARKEST + (1 - DARKEST) * colours, BACKGROUND[None]])

    def _hidden_from_key_light(self, hits: _Hits, rays: np.ndarray, camera_to_world: np.ndarray) -> np.ndarray:
        """(H, W) bool: something stands between the surface seen and the key light."""
        if self._shadow_scene is None:
            placed = zip(self._parts, self._poses, strict=True)
            everything = joined([part.solid.triangles.moved(pose[:, 3], pose[:, :3]) for part, pose in placed])
            self._shadow_scene = _casting_scene(everything.corners)
        hit = np.isfinite(hits.depth)
        points = (rays[hit] * hits.depth[hit][:, None]) @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]
        cast = np.empty((len(points), 6), np.float32)
        cast[:, :3] = points + SHADOW_OFFSET * LIGHTS[0]
        cast[:, 3:] = LIGHTS[0]
        hidden = np.zeros(hits.depth.shape, bool)
        hidden[hit] = self._shadow_scene.test_occlusions(self._open3d.core.Tensor.from_numpy(cast), nthreads=1).numpy()
        return hidden


def _interpolated(corners: np.ndarray, hits: _Hits) -> np.ndarray:
    """(H, W) values between those (T, 3) at the corners of the triangles hit."""
    values = np.take(corners, hits.triangle, axis=0)
    first = values[..., 0]
    return first + hits.uv.real * (values[..., 1] - first) + hits.uv.imag * (values[..., 2] - first)


def _keep_nearest(hits: _Hits, window: tuple[slice, slice], met: _Hits) -> None:
    """Enter what was met in a window where it is nearer than what was met before."""
    nearer = met.depth < hits.depth[window]
    np.copyto(hits.depth[window], met.depth, where=nearer)
    np.copyto(hits.triangle[window], met.triangle, where=nearer)
    np.copyto(hits.uv[window], met.uv, where=nearer)
