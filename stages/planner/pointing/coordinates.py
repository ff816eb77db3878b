"""Places in words: coordinates in the workspace cube, three digits an axis, for planners that do not point."""

from __future__ import annotations

import re

import numpy as np

from stages.geometry.canonical import CanonicalViews
from stages.planner.prompts import KEYPOINT

LEVELS = 1000
"""Values of a coordinate."""

NUMBERS = tuple(f" {level:03d}" for level in range(LEVELS))
"""What a coordinate can be, as it is written."""

LEAD = " at"
"""What stands between a phrase and its coordinates."""

_PLACE = re.compile(LEAD + r" (\d{3}) (\d{3}) (\d{3})")


def spell_keypoints(answer: str, points: np.ndarray) -> str:
    """An answer with coordinates in place of its keypoints.

    Args:
        answer: text with K times `KEYPOINT`.
        points: (K, 3) world frame [m]; those outside of the workspace are written as on its border.

    Raises:
        ValueError: there are not as many keypoints as points.
    """
    pieces = answer.split(KEYPOINT)
    if len(pieces) != len(points) + 1:
        raise ValueError(f"{len(pieces) - 1} keypoints and {len(points)} points")
    places = [*(_written(point) for point in np.asarray(points, float)), ""]
    return "".join(piece + place for piece, place in zip(pieces, places, strict=True))


def read_keypoints(text: str) -> tuple[str, np.ndarray]:
    """The inverse of `spell_keypoints`: the answer with `KEYPOINT`s, and their places (K, 3) [m]."""
    cells = np.array([match.groups() for match in _PLACE.finditer(text)], float).reshape(-1, 3)
    views = CanonicalViews()
    return _PLACE.sub(KEYPOINT, text), views.centre + ((cells + 0.5) / LEVELS - 0.5) * views.extent


def _written(point: np.ndarray) -> str:
    views = CanonicalViews()
    cells = ((point - views.centre) / views.extent + 0.5) * LEVELS
    return LEAD + "".join(NUMBERS[cell] for cell in np.clip(cells.astype(int), 0, LEVELS - 1))
