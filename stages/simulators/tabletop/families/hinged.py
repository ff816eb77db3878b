"""Things with a door, a lid or a flap that turns about an edge."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.families.draft import OPEN_ABOVE, Build, Draft, turn
from stages.simulators.tabletop.families.grips import front_grip, legs, top_grip

SHUT = 0.35
"""Share of doors and lids that are shut."""

WIDEST = 1.9
"""Largest angle of an open one from shut [rad]."""


VISIBLE_FROM = 0.7
"""How far a door is open at least where something is put behind it [rad]."""


def opening(draft: Draft, widest: float = WIDEST) -> float:
    """How far a door or a lid is open [rad]."""
    return 0.0 if draft.chance(SHUT) else draft.draw(0.05, widest)


def shell(draft: Draft, depth: float, width: float, tall: float, board: float, foot: float = 0.0) -> None:
    """Five boards around a space that is open in front (X)."""
    middle = foot + tall / 2
    draft.block((depth, width, board), (0, 0, foot))
    draft.block((depth, width, board), (0, 0, foot + tall - board))
    draft.box((board, width, tall), ((board - depth) / 2, 0, middle))
    for side in (-1, 1):
        draft.box((depth, board, tall), (0, side * (width - board) / 2, middle))


def door(draft: Draft, word: str, hinge: tuple[float, float, float], width: float, tall: float, thick: float) -> float:
    """An upright door with a grip at its free edge, open by any angle.

    Args:
        word: "" or "left" or "right", before "door" and "handle".
        hinge: (3,) the middle of the hinged edge.
        width: to the free edge, along Y; negative if that lies on the other side.

    Returns:
        How far it is open [rad].
    """
    side, angle = np.sign(width), opening(draft)
    middle = (thick / 2, width / 2, 0)
    leaf = draft.part(
        f"{word} door".strip(),
        hinge,
        rotation=turn(2, -side * angle),
        anchor=(thick, width / 2, 0),
        shade=draft.draw(0.75, 1),
    )
    leaf.turns((0, 0, -side), WIDEST, angle)
    leaf.box((thick, abs(width), tall), middle)
    if draft.chance(0.9):
        height = draft.draw(-0.2, 0.2) * tall
        room = min(0.4 * tall, 0.14)
        front_grip(leaf, f"{word} handle".strip(), (thick, 0.88 * width, height), room, upright=True)
    return angle


def flap(draft: Draft, word: str, hinge: tuple[float, float, float], width: float, reach: float, angle: float) -> Draft:
    """A plate that turns about its lower edge, which lies along Y, from upright (0) to lying in front (pi / 2)."""
    thick = draft.draw(0.005, 0.012)
    leaf = draft.part(word, hinge, rotation=turn(1, angle), anchor=(thick, 0, reach / 2), shade=draft.draw(0.75, 1))
    leaf.turns((0, 1, 0), np.pi / 2, angle)
    leaf.block((thick, width, reach), (thick / 2, 0, 0))
    return leaf


def lid(draft: Draft, depth: float, width: float, height: float, angle: float) -> Draft:
    """A plate on top that opens upwards about its edge at the back; its anchor is its free edge."""
    thick = draft.draw(0.006, 0.025)
    leaf = draft.part(
        "lid",
        (-depth / 2, 0, height),
        rotation=turn(1, -angle),
        anchor=(depth, 0, thick / 2),
        shade=draft.draw(0.7, 1),
    )
    leaf.turns((0, -1, 0), WIDEST, angle)
    leaf.block((depth, width, thick), (depth / 2, 0, 0))
    return leaf


def walls(draft: Draft, depth: float, width: float, tall: float, thick: float) -> None:
    """A floor and four walls, with the room between them."""
    draft.block((depth, width, thick))
    for side in (-1, 1):
        draft.block((thick, width, tall), (side * (depth - thick) / 2, 0, 0))
        draft.block((depth, thick, tall), (0, side * (width - thick) / 2, 0))
    draft.room((depth - 3 * thick, width - 3 * thick, OPEN_ABOVE), (0, 0, thick))


def _locker(width: tuple[float, float], depth: tuple[float, float], height: tuple[float, float], leaves: int) -> Build:
    """An upright case with one door, hinged at either side, or two."""

    def build(draft: Draft) -> float:
        wide, deep, tall = draft.draw(*width), draft.draw(*depth), draft.draw(*height)
        foot = draft.draw(0.01, 0.05) if draft.chance(0.4) else 0.0
        if foot:
            legs(draft, deep, wide, foot, 0.014)
        shell(draft, deep, wide, tall, draft.draw(0.005, 0.012), foot)
        thick, middle = draft.draw(0.006, 0.014), foot + tall / 2
        if leaves == 2:
            for side, word in ((-1, "left"), (1, "right")):
                angle = door(draft, word, (deep / 2, side * wide / 2, middle), -side * 0.49 * wide, 0.97 * tall, thick)
        else:
            side = 1 if draft.chance(0.5) else -1
            angle = door(draft, "", (deep / 2, side * wide / 2, middle), -side * wide, 0.97 * tall, thick)
        if angle > VISIBLE_FROM:
            draft.room((0.7 * deep, wide - 0.04, tall - 0.04), (0.05 * deep, 0, foot + 0.012))
        draft.top(deep, wide, foot + tall)
        return foot + tall

    return build


def _trunk(draft: Draft) -> float:
    """A chest with a lid along its back edge."""
    deep, wide, tall = draft.rng.uniform((0.08, 0.1, 0.05), (0.2, 0.3, 0.14))
    walls(draft, deep, wide, tall, draft.draw(0.006, 0.012))
    cover = lid(draft, 1.03 * deep, 1.03 * wide, tall, opening(draft))
    if draft.chance(0.6):
        front_grip(cover, "handle", (1.03 * deep, 0, 0.008), 0.4 * wide)
    if draft.chance(0.4):
        for side in (-0.3, 0.3):
            draft.block((0.004, 0.02, 0.9 * tall), (deep / 2 + 0.002, side * wide, 0))
    return float(tall)


def _binder(draft: Draft) -> float:
    """Two covers with sheets on the lower one, hinged along the back edge."""
    deep, wide, thick = draft.draw(0.09, 0.2), draft.draw(0.07, 0.2), draft.draw(0.003, 0.006)
    pages = draft.draw(0.008, 0.03)
    draft.block((deep, wide, thick))
    sheets = draft.part("pages", (0, 0, thick), anchor=(0, 0, pages), shade=0.85)
    sheets.block((0.95 * deep, 0.94 * wide, pages))
    draft.block((0.004, wide, pages + thick), (-deep / 2 - 0.002, 0, 0))
    angle = 0.0 if draft.chance(0.5) else draft.draw(0.1, 2.9)
    hinge = (-deep / 2, 0, pages + thick)
    cover = draft.part("cover", hinge, rotation=turn(1, -angle), anchor=(deep, 0, thick / 2), shade=draft.draw(0.7, 1))
    cover.turns((0, -1, 0), 2.9, angle)
    cover.block((deep, wide, thick), (deep / 2, 0, 0))
    return pages + 2 * thick


def _suitcase(draft: Draft) -> float:
    """Two shallow trays, one upside down on the other, with a handle in front; opened about the back edge."""
    deep, wide, half = draft.draw(0.12, 0.2), draft.draw(0.16, 0.3), draft.draw(0.02, 0.045)
    walls(draft, deep, wide, half, 0.005)
    grip = draft.part("handle", (deep / 2 + 0.025, 0, half / 2))
    grip.bar((0, -0.2 * wide, 0), (0, 0.2 * wide, 0), 0.01)
    for side in (-0.18, 0.18):
        grip.bar((0, side * wide, 0), (-0.025, side * wide, 0), 0.008)
    angle = opening(draft, 1.8)
    cover = draft.part(
        "lid", (-deep / 2, 0, half), rotation=turn(1, -angle), anchor=(deep, 0, half / 2), shade=draft.draw(0.7, 1)
    )
    cover.turns((0, -1, 0), 1.8, angle)
    cover.block((deep, wide, 0.005), (deep / 2, 0, half - 0.005))
    for side in (-1, 1):
        cover.block((0.005, wide, half), (deep / 2 + side * (deep - 0.005) / 2, 0, 0))
        cover.block((deep, 0.005, half), (deep / 2, side * (wide - 0.005) / 2, 0))
    return 2 * half


def _hatch(draft: Draft) -> float:
    """A case whose front is a flap, hinged below."""
    deep, wide, tall = draft.rng.uniform((0.1, 0.12, 0.1), (0.2, 0.28, 0.2))
    board = draft.draw(0.005, 0.012)
    shell(draft, deep, wide, tall, board)
    draft.room((0.7 * deep, wide - 3 * board, tall - 3 * board), (0, 0, board))
    leaf = flap(draft, "flap", (deep / 2, 0, 0), 0.98 * wide, 0.98 * tall, opening(draft, 1.1))
    front_grip(leaf, "handle", (0.01, 0, 0.85 * tall), 0.5 * wide)
    draft.top(deep, wide, tall)
    return float(tall)


def _bin(draft: Draft) -> float:
    """A tall round or square vessel with a flap on top."""
    radius, tall, flare = draft.draw(0.045, 0.08), draft.draw(0.12, 0.24), draft.draw(1.0, 1.25)
    sides = 18 if draft.chance(0.5) else 4
    draft.hollow([[radius, 0], [flare * radius, tall]], 0.005, sides=sides)
    reach = flare * radius * (1.0 if sides == 18 else 0.71)
    angle, thick = opening(draft, 1.8), 0.008
    cover = draft.part(
        "lid", (-reach, 0, tall), rotation=turn(1, -angle), anchor=(2 * reach, 0, thick / 2), shade=draft.draw(0.7, 1)
    )
    cover.turns((0, -1, 0), 1.8, angle)
    if sides == 18:
        cover.cylinder(1.04 * reach, thick, (reach, 0, thick / 2))
    else:
        cover.block((2.05 * reach, 2.05 * reach, thick), (reach, 0, 0))
    if draft.chance(0.5):
        pedal = draft.part("pedal", (radius + 0.01, 0, 0.012), anchor=(0.01, 0, 0.004))
        pedal.box((0.04, 0.03, 0.008))
    return tall


def _casket(draft: Draft) -> float:
    """A small chest with a flat lid that has a loop on top."""
    deep, wide, tall = draft.rng.uniform((0.05, 0.06, 0.03), (0.09, 0.12, 0.06))
    walls(draft, deep, wide, tall, 0.005)
    cover = lid(draft, deep, wide, tall, opening(draft))
    middle = cover.part("crest", (deep / 2, 0, 0.006))
    middle.block((0.5 * deep, 0.5 * wide, 0.012))
    top_grip(middle, "handle", 0.4 * wide, draft.draw(0.012, 0.025), 0.012, 0.006)
    return float(tall)


HINGED: dict[str, Build] = {
    "locker": _locker((0.09, 0.2), (0.08, 0.18), (0.15, 0.34), 1),
    "hutch": _locker((0.14, 0.28), (0.1, 0.2), (0.1, 0.2), 1),
    "wardrobe": _locker((0.16, 0.32), (0.1, 0.18), (0.18, 0.36), 2),
    "trunk": _trunk,
    "binder": _binder,
    "suitcase": _suitcase,
    "hatch": _hatch,
    "bin": _bin,
    "casket": _casket,
}

HINGED_SYNONYMS: dict[str, tuple[str, ...]] = {
    "hutch": ("pantry",),
    "wardrobe": ("armoire", "closet"),
    "trunk": ("chest", "coffer"),
    "binder": ("book", "album"),
    "suitcase": ("briefcase",),
    "hatch": ("breadbin",),
    "bin": ("dustbin",),
}
