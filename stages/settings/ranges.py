"""Types of settings with the values that they can have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; `low` itself not if it is `excluded`."""

    low: float
    high: float = math.inf
    excluded: bool = False

    def problem(self, value: float) -> str:
        """What a value is not; "" if it is in the range."""
        above = value > self.low if self.excluded else value >= self.low
        if math.isfinite(value) and above and value <= self.high:
            return ""
        low = f"above {self.low}" if self.excluded else f"at least {self.low}"
        return low if math.isinf(self.high) else f"from {self.low} to {self.high}"


@dataclass(frozen=True)
class Distinct:
    """Lists without the same entry twice, and of at least so many."""

    least: int = 0

    def problem(self, values: Sequence[Any]) -> str:
        """What a list is not; "" if it is as it must be."""
        if len(values) < self.least:
            return f"a list of at least {self.least}"
        return "" if len(set(values)) == len(values) else "a list without the same twice"


RAY = "ray"
"""In place of a number of processes: one on every CPU of a Ray cluster."""


class Processes:
    """Numbers of processes, 0 = one per core, or `RAY`."""

    def problem(self, value: int | str) -> str:
        """What a value is not; "" if it is one."""
        number = isinstance(value, int) and value >= 0
        return "" if number or value == RAY else f"an integer of at least 0, or '{RAY}'"


Count = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0)]
Pixels = Annotated[int, Range(8, 4096)]
Port = Annotated[int, Range(0, 65535)]
Seed = Annotated[int, Range(0, 2**32 - 1)]
Positive = Annotated[float, Range(0, excluded=True)]
Timeout = Annotated[float, Range(0, 86_400, excluded=True)]
NonNegative = Annotated[float, Range(0)]
Workers = Annotated[int | str, Processes()]
Share = Annotated[float, Range(0, 1)]
Variations = Annotated[tuple[str, ...], Distinct()]
Views = Annotated[tuple[str, ...], Distinct(1)]
Seeds = Annotated[tuple[Seed, ...], Distinct(1)]
