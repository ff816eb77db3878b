"""Push the upper door of another model of fridge shut."""

from __future__ import annotations

from stages.simulators.tabletop.tasks.close_fridge import CloseFridge
from stages.simulators.tabletop.things.fridge import Fridge

SECOND_MODEL = Fridge(
    width=0.23,
    depth=0.25,
    height=0.45,
    split=0.25,
    hinge=-1,
    handle="grip",
    shell=(0.30, 0.32, 0.35),
    front=(0.93, 0.93, 0.90),
    inside=(0.96, 0.95, 0.90),
    accent=(0.80, 0.15, 0.12),
)
"""Narrower and higher, the small door on top, the hinges on the right, dark sides and broad strips for handles."""


class CloseFridge2(CloseFridge):
    """Parameters: the measures of the fridge."""

    name = "close_fridge2"
    variations = {0: SECOND_MODEL}
    levels = {"l3": (0,)}
