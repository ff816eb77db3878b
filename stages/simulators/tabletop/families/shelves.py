"""Racks and bookcases, tables and stools."""

from __future__ import annotations

from stages.simulators.tabletop.families.draft import OPEN_ABOVE, Build, Draft
from stages.simulators.tabletop.families.grips import legs

LEVELS = {
    1: ("",),
    2: ("lower", "upper"),
    3: ("lower", "middle", "upper"),
    4: ("bottom", "lower", "upper", "top"),
}
"""Names of the boards of a rack, from below."""


def _boards(draft: Draft, depth: float, width: float, levels: int, first: float, step: float, thick: float) -> None:
    """Boards one above the other, each with room up to the next."""
    shade = draft.draw(0.75, 1.0)
    for level, word in enumerate(LEVELS[levels]):
        board = draft.part(
            f"{word} shelf".strip(), (0, 0, first + step * level), anchor=(depth / 2, 0, thick / 2), shade=shade
        )
        board.block((depth, width, thick))
        above = OPEN_ABOVE if level == levels - 1 else step - thick
        board.room((0.95 * depth, 0.9 * width, above), (0, 0, thick))


def _rack(draft: Draft) -> float:
    """Four posts that carry boards."""
    levels = int(draft.rng.integers(1, 5))
    depth, width, step = draft.draw(0.08, 0.2), draft.draw(0.12, 0.3), draft.draw(0.06, 0.14)
    step = min(step, 0.36 / levels)
    first = draft.draw(0.01, 0.8) * step
    tall = first + step * (levels - 1) + draft.draw(0.012, 0.06)
    legs(draft, depth, width, tall, draft.draw(0.008, 0.016))
    _boards(draft, depth, width, levels, first, step, draft.draw(0.005, 0.014))
    return tall


def _bookcase(draft: Draft) -> float:
    """Side walls with boards between, mostly with a back."""
    levels = int(draft.rng.integers(2, 5))
    depth, width, wall = draft.draw(0.08, 0.16), draft.draw(0.14, 0.34), draft.draw(0.006, 0.015)
    step = min(draft.draw(0.07, 0.13), 0.36 / levels)
    tall = step * levels + wall
    for side in (-1, 1):
        draft.block((depth, wall, tall), (0, side * (width - wall) / 2, 0))
    draft.block((depth, width, wall), (0, 0, tall - wall))
    if draft.chance(0.7):
        draft.block((wall, width, tall), ((wall - depth) / 2, 0, 0))
    _boards(draft, 0.96 * depth, width - 2 * wall, levels, 0.0, step, draft.draw(0.005, 0.012))
    draft.top(depth, width, tall)
    return tall


def _bench(draft: Draft) -> float:
    """A level board on legs or on two walls."""
    depth, width, tall, thick = (
        draft.draw(0.1, 0.22),
        draft.draw(0.16, 0.36),
        draft.draw(0.06, 0.2),
        draft.draw(0.008, 0.02),
    )
    if draft.chance(0.5):
        legs(draft, 0.95 * depth, 0.95 * width, tall - thick, draft.draw(0.012, 0.03))
    else:
        for side in (-1, 1):
            draft.block((0.9 * depth, 0.014, tall - thick), (0, side * 0.42 * width, 0))
    draft.block((depth, width, thick), (0, 0, tall - thick))
    draft.top(depth, width, tall)
    return tall


def _stool(draft: Draft) -> float:
    """A round board on one foot or three legs."""
    radius, tall, thick = draft.draw(0.04, 0.11), draft.draw(0.07, 0.2), draft.draw(0.008, 0.02)
    draft.cylinder(radius, thick, (0, 0, tall - thick / 2))
    if draft.chance(0.4):
        draft.cylinder(0.16 * radius, tall, (0, 0, tall / 2))
        draft.cylinder(0.6 * radius, 0.01, (0, 0, 0.005))
    else:
        for x, y in ((1.0, 0.0), (-0.5, 0.87), (-0.5, -0.87)):
            start, end = (0.9 * radius * x, 0.9 * radius * y, 0), (0.5 * radius * x, 0.5 * radius * y, tall - thick)
            draft.bar(start, end, draft.draw(0.008, 0.014))
    draft.top(1.3 * radius, 1.3 * radius, tall)
    return tall


SHELVES: dict[str, Build] = {
    "rack": _rack,
    "bookcase": _bookcase,
    "bench": _bench,
    "stool": _stool,
}

SHELF_SYNONYMS: dict[str, tuple[str, ...]] = {
    "rack": ("stand", "etagere"),
    "bookcase": ("bookshelf",),
    "bench": ("table",),
    "stool": ("footstool",),
}
