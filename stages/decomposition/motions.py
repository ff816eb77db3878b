"""What the hand did, one short line for each motion, as a language model reads it."""

from __future__ import annotations

import numpy as np

from stages.artifacts.episode import Episode

_EMPTY = 0.02
"""A gripper closed further than this holds nothing; 1 is wide open."""

_STILL = 0.005
"""Shorter distances are not described [m]."""

_UNTURNED = np.radians(5)
"""Smaller turns are not described [rad]."""


def describe_motions(episode: Episode) -> list[str]:
    """How each motion went, what the gripper holds or lets go of, and which other thing is then nearest to it."""
    lines: list[str] = []
    held: int | None = None
    for before, after, places in zip(
        episode.observations, episode.observations[1:], episode.objects.positions, strict=False
    ):
        distances = np.linalg.norm(places - after.gripper_pose[:3], axis=1)
        parts, thing = _travel(before.gripper_pose, after.gripper_pose), held
        if before.is_open and not after.is_open:
            parts.append("closes")
            held = thing = int(distances.argmin()) if after.gripper_open > _EMPTY and len(distances) else None
        elif after.is_open and not before.is_open:
            parts.append("opens")
            held = None
        if thing is not None:
            parts.append(f"{'lets go of' if held is None else 'holds'} the {episode.objects.names[thing]}")
            distances[thing] = np.inf
        if len(distances) and np.isfinite(nearest := distances.min()):
            parts.append(f"{100 * nearest:.0f} cm from the {episode.objects.names[int(distances.argmin())]}")
        lines.append(", ".join(parts))
    return lines


def _travel(before: np.ndarray, after: np.ndarray) -> list[str]:
    """A change of pose (7,) in words."""
    across, rise = np.linalg.norm(after[:2] - before[:2]), after[2] - before[2]
    turn = 2 * np.arccos(np.clip(abs(before[3:] @ after[3:]), 0, 1))
    words = []
    if across > _STILL:
        words.append(f"{100 * across:.0f} cm across")
    if abs(rise) > _STILL:
        words.append(f"{100 * abs(rise):.0f} cm {'up' if rise > 0 else 'down'}")
    if turn > _UNTURNED:
        words.append(f"turns {np.degrees(turn):.0f} degrees")
    return words or ["stays"]
