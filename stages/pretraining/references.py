"""Referring to things: by colour and shape, and, where several share a noun, by size, side, and what is near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MARGIN = 0.06
"""By so much a thing is farther to one side, or nearer to another thing, than the next one [m]."""

BIGGER = 1.3
"""A big thing is so many times as large as the next one of its noun."""

SIDES = {
    **dict.fromkeys(("left", "leftmost"), (1, 1)),
    **dict.fromkeys(("right", "rightmost"), (1, -1)),
    **dict.fromkeys(("far", "farthest", "back"), (0, 1)),
    **dict.fromkeys(("near", "nearest", "closest"), (0, -1)),
    **dict.fromkeys(("upper", "top", "highest"), (2, 1)),
    **dict.fromkeys(("lower", "bottom", "lowest"), (2, -1)),
}
"""Axis and direction of each side, as the robot sees them, world frame."""

BIG, SMALL = ("big", "large", "biggest", "largest"), ("small", "little", "smallest")
BESIDE = ("by", "beside", "next to", "near")


@dataclass(frozen=True)
class Things:
    """The things of a scene.

    Attributes:
        colours, nouns: M words of each.
        positions: (M, 3) world frame [m].
        sizes: (M,) [m].
    """

    colours: tuple[str, ...]
    nouns: tuple[str, ...]
    positions: np.ndarray
    sizes: np.ndarray

    @property
    def names(self) -> list[str]:
        return [f"{colour} {noun}".strip() for colour, noun in zip(self.colours, self.nouns, strict=True)]

    def references(self, rng: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
        """By kind, phrases that mean one thing each, with its place (3,): "colour", "noun", "side", "size", "near"."""
        names = self.names
        single = [i for i, name in enumerate(names) if names.count(name) == 1]
        found = {
            "colour": {names[i]: self.positions[i] for i in single if self.colours[i]},
            "noun": {},
            "side": {},
            "size": {},
            "near": {},
        }
        for noun in sorted(set(self.nouns)):
            alike = np.array([i for i, other in enumerate(self.nouns) if other == noun])
            if len(alike) == 1:
                found["noun"][noun] = self.positions[alike[0]]
            else:
                for kind, phrase, index in self._among(rng, noun, alike):
                    found[kind][phrase] = self.positions[index]
        return found

    def _among(self, rng: np.random.Generator, noun: str, alike: np.ndarray) -> Iterator[tuple[str, str, int]]:
        """What tells one of several things of a noun from the others: kind, phrase, which."""
        for side, (axis, sign) in SIDES.items():
            first = _foremost(sign * self.positions[alike, axis], MARGIN)
            if first is not None:
                yield "side", f"{side} {noun}", int(alike[first])
        middle = _middle(self.positions[alike])
        if middle is not None:
            yield "side", f"middle {noun}", int(alike[middle])
        for words, sizes in ((BIG, np.log(self.sizes[alike])), (SMALL, -np.log(self.sizes[alike]))):
            first = _foremost(sizes, float(np.log(BIGGER)))
            if first is not None:
                yield "size", f"{rng.choice(words)} {noun}", int(alike[first])
        for mark, name in enumerate(self.names):
            if mark not in alike and self.names.count(name) == 1:
                first = _foremost(-np.linalg.norm(self.positions[alike] - self.positions[mark], axis=1), MARGIN)
                if first is not None:
                    yield "near", f"{noun} {rng.choice(BESIDE)} the {name}", int(alike[first])


def _foremost(values: np.ndarray, margin: float) -> int | None:
    """Index of the largest value, if it is larger than every other by the margin."""
    order = np.argsort(values)
    return int(order[-1]) if values[order[-1]] - values[order[-2]] > margin else None


def _middle(positions: np.ndarray) -> int | None:
    """Index of the one of three things (3, 3) [m] that is between the others along the axis on which they lie apart."""
    if len(positions) != 3:
        return None
    axis = int(np.ptp(positions, axis=0).argmax())
    order = np.argsort(positions[:, axis])
    return int(order[1]) if np.diff(positions[order, axis]).min() > MARGIN else None
