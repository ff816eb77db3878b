"""Pull a drawer of a third, wider model of cabinet open by its tab."""

from __future__ import annotations

from stages.simulators.tabletop.tasks.open_drawer import OpenDrawer
from stages.simulators.tabletop.things.cabinet import Cabinet

THIRD_MODEL = Cabinet(
    width=0.44,
    depth=0.23,
    legs=0.040,
    feet="plinth",
    pitch=0.052,
    rail=0.006,
    travel=0.19,
    handle="tab",
    handle_length=0.030,
    handle_gap=0.030,
    frame_colour=(0.87, 0.87, 0.87),
    drawer_colour=(0.93, 0.93, 0.92),
    handle_colour=(0.35, 0.40, 0.46),
)
"""Light gray, low and wide, on a plinth that stands back, with upright tabs to pull."""


class OpenDrawer3(OpenDrawer):
    """Parameters: which drawer."""

    name = "open_drawer3"
    levels = {"l3": (0,)}
    measures = THIRD_MODEL
