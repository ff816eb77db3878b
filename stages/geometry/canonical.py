"""Canonical views: a point cloud re-rendered orthographically from fixed virtual cameras around a cube.

Image coordinates are linear in world coordinates, so a heatmap per view gives a 3D point (RVT, arXiv 2306.14896).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from stages.geometry.workspace import WORKSPACE_CENTRE, WORKSPACE_EXTENT

BACKGROUND = (208, 224, 240)
"""Colour where nothing is seen: a pale blue that no object of the palettes has."""

_AXES = {
    # image right, image down, into the scene
    "top": ((0, -1, 0), (-1, 0, 0), (0, 0, -1)),
    "front": ((0, 1, 0), (0, 0, -1), (-1, 0, 0)),
    "left": ((-1, 0, 0), (0, 0, -1), (0, -1, 0)),
    "right": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "back": ((0, -1, 0), (0, 0, -1), (1, 0, 0)),
}
"""Top looks down with the robot at the lower edge; front looks at the robot; left stands at the robot's left."""

_EMPTY = np.iinfo(np.int64).max


@dataclass(frozen=True)
class CanonicalViews:
    """Orthographic cameras on the faces of a cube.

    Attributes:
        centre: (3,) of the cube, world frame [m].
        extent: side of the cube [m].
        size: side of the square images [px].
        names: views, keys of top, front, left, right, back.
        splat: side of the square [px] that a point covers, odd.
    """

    centre: np.ndarray = field(default_factory=lambda: WORKSPACE_CENTRE.copy())
    extent: float = WORKSPACE_EXTENT
    size: int = 112
    names: tuple[str, ...] = ("top", "front", "left")
    splat: int = 3

    @property
    def axes(self) -> np.ndarray:
        """(V, 3, 3): for each view the world directions of image right, image down and into the scene."""
        return np.array([_AXES[name] for name in self.names], dtype=float)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (V, ..., 2) (column, row; pixel centres at integer + 0.5) of world points (..., 3)."""
        relative = (np.asarray(points, float) - self.centre) / self.extent
        return (np.einsum("vad,...d->v...a", self.axes[:, :2], relative) + 0.5) * self.size

    def render(self, points: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cloud (N, 3) [m] with colours (N, 3) uint8, and other values in more columns, as seen in every view.

        Returns:
            rgb: (V, S, S, 3) uint8, `BACKGROUND` where nothing is seen; the other values behind them, there zero.
            depth: (V, S, S) float32, distance [m] behind the cube's face nearest to the camera; -1 where empty.
        """
        scaled = (points - self.centre.astype(points.dtype)) / points.dtype.type(self.extent) + points.dtype.type(0.5)
        inside = np.all((scaled >= 0) & (scaled < 1), axis=1)
        scaled, colours = scaled[inside], colours[inside]
        background = [[*BACKGROUND, *(0,) * (colours.shape[1] - 3)]]
        palette = np.concatenate([colours, np.array(background, np.uint8)])
        distances = np.full((len(self.names), len(scaled) + 1), -1, np.float32)
        nearest = np.empty((len(self.names), self.size, self.size), np.int64)
        for view, name in enumerate(self.names):
            column, row, distance = (_along(scaled, axis) for axis in _AXES[name])
            distances[view, :-1] = distance
            nearest[view] = self._nearest_points(column, row, distance)
        depth = np.take_along_axis(distances, nearest.reshape(len(self.names), -1), axis=1).reshape(nearest.shape)
        return palette[nearest], np.where(depth < 0, np.float32(-1), depth * np.float32(self.extent))

    def _nearest_points(self, column: np.ndarray, row: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Index (S, S) of the point seen in each pixel, -1 where none is.

        Depth and index share one integer, so that a minimum keeps both; spreading every point over a square is
        the same as a minimum filter over the z-buffer.
        """
        top = self.size - 1
        pixel = np.minimum((row * self.size).astype(np.int64), top) * self.size
        pixel += np.minimum((column * self.size).astype(np.int64), top)
        packed = (distance * 2**30).astype(np.int64) << 32 | np.arange(len(distance))
        buffer = np.full(self.size * self.size, _EMPTY)
        np.minimum.at(buffer, pixel, packed)
        buffer = _minimum_filter(buffer.reshape(self.size, self.size), self.splat // 2)
        return np.where(buffer == _EMPTY, -1, buffer & 0xFFFFFFFF)

    def pixel_points(self, depth: np.ndarray) -> np.ndarray:
        """World coordinates (V, S, S, 3) [m] of every pixel of rendered depths; empty ones lie on the far face."""
        offset = (np.arange(self.size) + 0.5) / self.size * self.extent - self.extent / 2
        along = np.where(depth < 0, self.extent, depth) - self.extent / 2
        right, down, forward = (self.axes[:, i, None, None, :] for i in range(3))
        return self.centre + offset[:, None] * right + offset[:, None, None] * down + along[..., None] * forward

    def grid_scores(self, heatmaps: np.ndarray) -> np.ndarray:
        """Sum (S, S, S) over x, y, z indices of the views' values (V, S, S) at the pixels that see each grid point."""
        total = np.zeros((self.size,) * 3, np.float32)
        for heatmap, name in zip(heatmaps, self.names, strict=True):
            right, down, forward = (np.array(axis) for axis in _AXES[name])
            image = heatmap[:, :: int(right.sum())][:: int(down.sum())]
            axes = int(np.argmax(np.abs(down))), int(np.argmax(np.abs(right)))
            image = image if axes[0] < axes[1] else image.T
            total += np.expand_dims(image, int(np.argmax(np.abs(forward))))
        return total

    def lift(self, heatmaps: np.ndarray, window: int = 2) -> tuple[np.ndarray, float]:
        """3D point of per-view log-probabilities (V, S, S).

        The best grid point of the summed views, refined to the probability-weighted mean of its neighbourhood of
        `window` cells on every side.

        Returns:
            point (3,) in the world [m] and the summed log-probability at the best grid point.
        """
        scores = self.grid_scores(heatmaps)
        best = np.array(np.unravel_index(np.argmax(scores), scores.shape))
        low, high = np.maximum(best - window, 0), np.minimum(best + window + 1, self.size)
        around = scores[low[0] : high[0], low[1] : high[1], low[2] : high[2]].astype(float)
        weights = np.exp(around - around.max())
        cells = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), axis=-1)
        mean = (weights[..., None] * cells).sum((0, 1, 2)) / weights.sum()
        return self.centre + ((mean + 0.5) / self.size - 0.5) * self.extent, float(scores[tuple(best)])


def _along(scaled: np.ndarray, axis: tuple[int, int, int]) -> np.ndarray:
    """Coordinate (N,) in [0, 1] of points (N, 3) in the unit cube along a signed coordinate axis."""
    index = int(np.argmax(np.abs(axis)))
    return scaled[:, index] if axis[index] > 0 else 1 - scaled[:, index]


def _minimum_filter(image: np.ndarray, radius: int) -> np.ndarray:
    """Minimum (S, S) over the square of side 2 radius + 1 around every pixel."""
    for axis in (0, 1):
        padded = np.pad(image, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], constant_values=_EMPTY)
        shifted = [np.take(padded, range(i, i + image.shape[axis]), axis=axis) for i in range(2 * radius + 1)]
        image = np.minimum.reduce(shifted)
    return image
