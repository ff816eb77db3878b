"""Pull one of the four drawers of a tall cabinet open by its handle."""

from __future__ import annotations

from stages.simulators.tabletop.tasks.open_drawer import OpenDrawer
from stages.simulators.tabletop.things.cabinet import Cabinet

TALL = Cabinet(
    levels=("bottom", "middle bottom", "middle top", "top"),
    width=0.26,
    depth=0.23,
    legs=0.028,
    feet="plinth",
    pitch=0.055,
    rail=0.007,
    travel=0.19,
    eaves=0.012,
    handle="bow",
    handle_length=0.050,
    handle_gap=0.036,
    frame_colour=(0.61, 0.30, 0.30),
    drawer_colour=(0.69, 0.36, 0.34),
    handle_colour=(0.86, 0.82, 0.72),
)
"""Reddish brown, narrower and higher, with rails between the drawers and level handles."""


class OpenDrawerLong(OpenDrawer):
    """Parameters: which drawer."""

    name = "open_drawer_long"
    variations = dict(enumerate(TALL.levels))
    levels = {"l3": (0, 1, 2, 3)}
    region = (0.32, 0.39, -0.12, 0.12)
    measures = TALL
