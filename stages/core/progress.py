"""How stages report progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total, and what is being done."""


def silent(done: int, total: int, what: str) -> None:
    """Report nothing."""


def part_of(progress: Progress, before: int, total: int) -> Progress:
    """The progress of a part of something, after `before` of its `total` are done."""
    return lambda done, _, what: progress(before + done, total, what)
