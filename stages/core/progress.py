"""How stages report progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total, and what is being done."""


def silent(done: int, total: int, what: str) -> None:
    """Report nothing."""
