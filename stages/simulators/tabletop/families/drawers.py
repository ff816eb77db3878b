"""Furniture of sliding compartments."""

from __future__ import annotations

from dataclasses import dataclass

from stages.simulators.tabletop.families.draft import OPEN_ABOVE, Build, Draft
from stages.simulators.tabletop.families.grips import front_grip, legs

LEVELS = {
    1: ("",),
    2: ("lower", "upper"),
    3: ("lower", "middle", "upper"),
    4: ("bottom", "lower", "upper", "top"),
    5: ("bottom", "lower", "middle", "upper", "top"),
}
"""Names of the compartments of a stack, from below."""

WIDEST = 0.9
"""How far a compartment slides out, as a share of its depth."""


@dataclass(frozen=True)
class Stack:
    """Measures of a stack of compartments between the boards of a carcass [m].

    Attributes:
        centre: y of its middle.
        foot: height of its underside.
    """

    levels: int
    width: float
    depth: float
    pitch: float
    board: float
    centre: float
    foot: float

    @property
    def height(self) -> float:
        return self.levels * self.pitch + 2 * self.board


def _stack(draft: Draft, stack: Stack) -> None:
    """A carcass, open in front, with a compartment in each level."""
    middle = stack.foot + stack.height / 2
    for end in (stack.foot, stack.foot + stack.height - stack.board):
        draft.block((stack.depth, stack.width, stack.board), (0, stack.centre, end))
    for side in (-1, 1):
        place = (0, stack.centre + side * (stack.width - stack.board) / 2, middle)
        draft.box((stack.depth, stack.board, stack.height), place)
    draft.box((stack.board, stack.width, stack.height), ((stack.board - stack.depth) / 2, stack.centre, middle))
    handles, shade, wall = draft.chance(0.8), draft.draw(0.75, 1.0), draft.draw(0.4, 0.9)
    for level, word in enumerate(LEVELS[stack.levels]):
        out = 0.0 if draft.chance(0.45) else stack.depth * draft.draw(0.05, WIDEST)
        height = stack.foot + stack.board + (level + 0.5) * stack.pitch
        front = (stack.depth / 2 + out, stack.centre, height)
        tray = draft.part(f"{word} compartment".strip(), front, shade=shade)
        tray.slides(WIDEST * stack.depth, out)
        _compartment(tray, stack, out, wall)
        if handles:
            room = min(0.6 * stack.width, 0.12)
            front_grip(tray, f"{word} handle".strip(), (0, 0, 0), min(room, 3 * stack.pitch))


def _compartment(tray: Draft, stack: Stack, out: float, wall: float) -> None:
    """Walls behind the middle of a front, whose own face is at x = 0; a lip in place of a handle may cut its height."""
    width, height, thick = stack.width - 2 * stack.board - 0.003, stack.pitch - 0.004, 0.008
    length = 0.94 * stack.depth
    tray.box((thick, width, height), (-thick / 2, 0, 0))
    side = wall * height
    floor = 0.005 - height / 2
    tray.box((length, width, 0.005), (-length / 2, 0, floor - 0.0025))
    tray.block((0.005, width, side), (0.0025 - length, 0, -height / 2))
    for end in (-1, 1):
        tray.block((length, 0.005, side), (-length / 2, end * (width - 0.005) / 2, -height / 2))
    if out > 0.04:
        tray.room((out - 0.02, width - 0.012, OPEN_ABOVE), (-thick - (out - 0.02) / 2, 0, floor))


def _stacked(
    levels: tuple[int, int],
    width: tuple[float, float],
    depth: tuple[float, float],
    pitch: tuple[float, float],
    feet: float,
) -> Build:
    """A stack of compartments, sometimes on legs up to the height `feet` [m]."""

    def build(draft: Draft) -> float:
        foot = draft.draw(0.01, feet) if draft.chance(0.5) and feet else 0.0
        stack = Stack(
            levels=int(draft.rng.integers(levels[0], levels[1] + 1)),
            width=draft.draw(*width),
            depth=draft.draw(*depth),
            pitch=draft.draw(*pitch),
            board=draft.draw(0.004, 0.016),
            centre=0.0,
            foot=foot,
        )
        if foot:
            legs(draft, stack.depth, stack.width, foot, draft.draw(0.01, 0.025))
        _stack(draft, stack)
        draft.top(stack.depth, stack.width, foot + stack.height)
        return foot + stack.height

    return build


def _desk(draft: Draft) -> float:
    """A table top on a stack of compartments at one side and on two legs at the other."""
    depth, width, tall, board = draft.draw(0.14, 0.24), draft.draw(0.26, 0.44), draft.draw(0.14, 0.24), 0.012
    side, levels = (1 if draft.chance(0.5) else -1), int(draft.rng.integers(1, 4))
    wide = width * draft.draw(0.3, 0.5)
    pitch = min(draft.draw(0.035, 0.07), (tall - 2 * board) / levels)
    stack = Stack(levels, wide, depth, pitch, 0.006, side * (width - wide) / 2, tall - levels * pitch - 0.012)
    _stack(draft, stack)
    draft.block((depth, width, board), (0, 0, tall))
    for x in (-1, 1):
        place = (x * (depth - 0.016) / 2, -side * (width - 0.016) / 2, 0)
        draft.block((0.016, 0.016, tall), place)
        draft.block((0.016, 0.016, stack.foot), (place[0], side * (width - 0.016) / 2, 0))
    draft.top(depth, width, tall + board)
    return tall + board


DRAWERS: dict[str, Build] = {
    "dresser": _stacked((2, 5), (0.2, 0.4), (0.14, 0.24), (0.05, 0.085), 0.05),
    "nightstand": _stacked((1, 2), (0.14, 0.24), (0.12, 0.2), (0.055, 0.11), 0.12),
    "organizer": _stacked((2, 5), (0.08, 0.16), (0.08, 0.16), (0.025, 0.045), 0.0),
    "desk": _desk,
}

DRAWER_SYNONYMS: dict[str, tuple[str, ...]] = {
    "dresser": ("bureau", "chiffonier"),
    "nightstand": ("sideboard",),
    "organizer": ("sorter",),
    "desk": ("workbench",),
}
