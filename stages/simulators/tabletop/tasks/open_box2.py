"""Lift the hinged lid of another model of box."""

from __future__ import annotations

from stages.simulators.tabletop.colours import STEEL
from stages.simulators.tabletop.tasks.open_box import OpenBox
from stages.simulators.tabletop.things.box import Box

SECOND_MODEL = Box(
    width=0.19,
    depth=0.18,
    height=0.19,
    edge=0.075,
    rim=0.012,
    walls=(0.36, 0.40, 0.46),
    lid=(0.60, 0.62, 0.65),
    grip=(0.93, 0.55, 0.13),
    inside=(0.22, 0.24, 0.27),
    fittings=STEEL,
)
"""A gray cube with steel corners and a narrow orange handle on its lid, in place of a wide low carton."""


class OpenBox2(OpenBox):
    """Parameters: the measures of the box."""

    name = "open_box2"
    variations = {0: SECOND_MODEL}
    levels = {"l3": (0,)}
