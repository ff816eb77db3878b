"""Surfaces of shapes that MuJoCo has no primitive for: vertices [m] and triangles facing outwards."""

from __future__ import annotations

import numpy as np


def turned(profile: np.ndarray, segments: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """The closed surface of a section turned about Z.

    Args:
        profile: (P, 2) radius and height [m], counter-clockwise; its two ends lie on the axis.

    Returns:
        Vertices (V, 3) [m], triangles (F, 3) facing outwards.
    """
    angles = 2 * np.pi * np.arange(segments) / segments
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings = np.concatenate(
        [np.column_stack([radius * ring, np.full(segments, height)]) for radius, height in profile[1:-1]]
    )
    vertices = np.concatenate([rings, [[0, 0, profile[0, 1]], [0, 0, profile[-1, 1]]]])
    here, there = np.arange(segments), (np.arange(segments) + 1) % segments
    first, last = len(rings), len(rings) + 1
    faces = [np.column_stack([np.full(segments, first), there, here])]
    for level in range(len(profile) - 3):
        low, high = level * segments, (level + 1) * segments
        faces.append(np.column_stack([low + here, low + there, high + there]))
        faces.append(np.column_stack([low + here, high + there, high + here]))
    top = (len(profile) - 3) * segments
    faces.append(np.column_stack([top + here, top + there, np.full(segments, last)]))
    return vertices, np.concatenate(faces)


def extruded(outline: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """The closed surface of a prism that stands on z = 0.

    Args:
        outline: (P, 2) corners [m], counter-clockwise; every corner is seen from the outline's centre (star-shaped).
        height: [m].

    Returns:
        Vertices (V, 3) [m], triangles (F, 3) facing outwards.
    """
    count = len(outline)
    centre = outline.mean(axis=0)
    low = np.column_stack([outline, np.zeros(count)])
    vertices = np.concatenate([low, low + (0, 0, height), [[*centre, 0], [*centre, height]]])
    here, there = np.arange(count), (np.arange(count) + 1) % count
    bottom, top = np.full(count, 2 * count), np.full(count, 2 * count + 1)
    faces = [
        (here, there, there + count),
        (here, there + count, here + count),
        (bottom, there, here),
        (top, here + count, there + count),
    ]
    return vertices, np.concatenate([np.column_stack(face) for face in faces])


def hoop(
    outer: tuple[float, float], inner: tuple[float, float], shift: float, section: np.ndarray, segments: int = 48
) -> tuple[np.ndarray, np.ndarray]:
    """The closed surface of an oval with an oval hole, around Z.

    Args:
        outer, inner: half lengths along X and Y of the two ovals [m].
        shift: of the hole along X [m].
        section: (P, 2) share of the way from the inner to the outer oval and height [m], counter-clockwise.

    Returns:
        Vertices (V, 3) [m], triangles (F, 3) facing outwards.
    """
    angles = 2 * np.pi * np.arange(segments) / segments
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    inside, outside = circle * inner + (shift, 0), circle * outer
    flat = inside + section[:, None, :1] * (outside - inside)
    heights = np.broadcast_to(section[:, None, 1:], (*flat.shape[:2], 1))
    vertices = np.concatenate([flat, heights], axis=2).reshape(-1, 3)
    low = np.arange(len(vertices)).reshape(flat.shape[:2])
    high = np.roll(low, -1, axis=0)
    quads = low, np.roll(low, -1, axis=1), np.roll(high, -1, axis=1), high
    a, b, c, d = (corner.ravel() for corner in quads)
    return vertices, np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
