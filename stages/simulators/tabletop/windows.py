"""Which part of an image a bounding box can be seen in."""

from __future__ import annotations

import numpy as np

NEAR = 0.01
"""Boxes are cut off at this distance from the camera before they are projected [m]."""


def windows(boxes: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> list[tuple[slice, slice] | None]:
    """Image windows that hold what bounding boxes cover.

    Args:
        boxes: (B, 8, 3) corners in the camera frame [m].

    Returns:
        Per box its rows and columns; None if it is out of sight.
    """
    points, seen = _in_front(boxes)
    pixels = points[..., :2] / points[..., 2:] * intrinsics[[0, 1], [0, 1]] + intrinsics[:2, 2]
    limit = np.array(size[::-1])
    low = np.where(seen[..., None], pixels, np.inf).min(axis=1)
    high = np.where(seen[..., None], pixels, -np.inf).max(axis=1)
    low = np.clip(np.ceil(low - 0.5), 0, limit).astype(int)
    high = np.clip(np.floor(high - 0.5) + 1, 0, limit).astype(int)
    return [
        (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None
        for (left, top), (right, bottom) in zip(low, high, strict=True)
    ]


_EDGES = np.array([(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1])
"""Pairs of box corners whose numbers differ in one bit: the twelve edges."""


def _in_front(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (B, 20, 3) whose hull holds the part of each box beyond `NEAR`, and which of them (B, 20) count.

    They are the corners there and the points where edges cross that plane.
    """
    start, end = boxes[:, _EDGES[:, 0]], boxes[:, _EDGES[:, 1]]
    behind_start, behind_end = start[..., 2] < NEAR, end[..., 2] < NEAR
    crosses = behind_start != behind_end
    share = (NEAR - start[..., 2]) / np.where(crosses, end[..., 2] - start[..., 2], 1)
    crossing = start + share[..., None] * (end - start)
    points = np.concatenate([boxes, np.where(crosses[..., None], crossing, 1)], axis=1)
    points[:, :8][boxes[..., 2] < NEAR] = 1
    return points, np.concatenate([boxes[..., 2] >= NEAR, crosses], axis=1)
