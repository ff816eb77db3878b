"""Turn the lever of another model of door and push the door open."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.tasks.open_door import OpenDoor
from stages.simulators.tabletop.things.door import Door

SECOND_MODEL = Door(
    width=0.27,
    height=0.50,
    hinge=-1,
    panels=((1, 0.30), (1, 0.40), (1, 0.30)),
    lever="flat",
    lever_length=0.095,
    lever_height=0.20,
    panel_colour=(0.27, 0.29, 0.33),
    moulding_colour=(0.55, 0.56, 0.58),
    frame_colour=(0.45, 0.33, 0.24),
    casing_colour=(0.52, 0.39, 0.28),
    lever_colour=(0.72, 0.58, 0.30),
)
"""Narrower and higher, with the hinge on the right, three dark panels and a bent brass lever in a wooden frame."""


class OpenDoor2(OpenDoor):
    """Parameters: the measures of the door."""

    name = "open_door2"
    variations = {0: SECOND_MODEL}
    levels = {"l3": (0,)}
    wide_open = np.deg2rad(20)
