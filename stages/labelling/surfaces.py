"""What the cameras saw around a point, or along the way of the hand."""

from __future__ import annotations

from functools import cache

import numpy as np

from stages.artifacts.episode import Episode
from stages.geometry.clouds import fuse_labelled

REACH = 0.1
"""From a point to the surface that is meant by it, at most [m]."""

CONTACT = 0.02
"""A hand this near to a surface touches it [m]."""

SPACING = 0.005
"""Between the places at which a way is looked at [m]."""

NO_MASK = 0
"""Mask id of what no mask shows."""


class Surfaces:
    """The clouds of an episode, without the robot's arm."""

    def __init__(self, episode: Episode) -> None:
        self._episode = episode
        self._cloud = cache(self._fused)

    def nearest(self, k: int, point: np.ndarray) -> tuple[np.ndarray, int, float]:
        """The surface nearest to a point (3,) as seen at observation k: where (3,), its mask id and how far [m]; the
        point itself where nothing is within `REACH`."""
        points, labels = self._cloud(k)
        near = np.flatnonzero(np.abs(points - point).max(axis=1, initial=0) <= REACH)
        if not len(near):
            return point, NO_MASK, np.inf
        distances = np.linalg.norm(points[near] - point, axis=1)
        best = near[np.argmin(distances)]
        return points[best].astype(float), int(labels[best]), float(distances.min())

    def first_contact(self, k: int, way: np.ndarray) -> tuple[int, np.ndarray] | None:
        """Where a hand that goes along a polyline (N + 1, 3) first touches what observation k sees: number of the
        piece, and the hand's place (3,); None if it touches nothing."""
        points, _ = self._cloud(k)
        around = (points >= way.min(axis=0) - CONTACT) & (points <= way.max(axis=0) + CONTACT)
        points = points[around.all(axis=1)]
        for piece, (begin, end) in enumerate(zip(way[:-1], way[1:], strict=True)):
            steps = np.arange(0, np.linalg.norm(end - begin) + SPACING, SPACING) / max(
                np.linalg.norm(end - begin), 1e-9
            )
            for place in begin + np.minimum(steps, 1)[:, None] * (end - begin):
                if len(points) and np.linalg.norm(points - place, axis=1).min() < CONTACT:
                    return piece, place
        return None

    def _fused(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        points, _, labels, _ = fuse_labelled(self._episode.observations[k])
        return points, labels
