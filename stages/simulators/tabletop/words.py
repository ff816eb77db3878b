"""Putting words together for instructions."""

from __future__ import annotations

from collections.abc import Sequence


def listed(phrases: Sequence[str], last: str = "and") -> str:
    """The phrases as an enumeration: "a, b and c"; `last` stands before the last one."""
    *before, final = phrases
    return f"{', '.join(before)} {last} {final}" if before else final
