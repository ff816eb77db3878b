"""Pull a drawer of a second model of cabinet open by its knob."""

from __future__ import annotations

from stages.simulators.tabletop.tasks.open_drawer import OpenDrawer
from stages.simulators.tabletop.things.cabinet import Cabinet

SECOND_MODEL = Cabinet(
    width=0.25,
    depth=0.26,
    legs=0.055,
    pitch=0.067,
    rail=0.010,
    board=0.016,
    eaves=0.015,
    framed=True,
    handle="knob",
    handle_length=0.032,
    handle_gap=0.034,
    frame_colour=(0.29, 0.18, 0.05),
    drawer_colour=(0.85, 0.78, 0.62),
    handle_colour=(0.80, 0.62, 0.25),
)
"""Narrow and high on long legs: a dark brown frame around beige drawers with raised edges and brass knobs."""


class OpenDrawer2(OpenDrawer):
    """Parameters: which drawer."""

    name = "open_drawer2"
    levels = {"l3": (0,)}
    measures = SECOND_MODEL
