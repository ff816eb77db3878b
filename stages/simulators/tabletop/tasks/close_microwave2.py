"""Push the door of another model of microwave oven shut."""

from __future__ import annotations

from stages.simulators.tabletop.tasks.close_microwave import CloseMicrowave
from stages.simulators.tabletop.things.microwave import Microwave

SECOND_MODEL = Microwave(
    width=0.42,
    depth=0.20,
    height=0.24,
    door=0.29,
    hinge=-1,
    handle="pocket",
    shell=(0.80, 0.80, 0.78),
    front=(0.42, 0.44, 0.47),
    inside=(0.75, 0.72, 0.66),
    accent=(0.95, 0.55, 0.15),
)
"""Wider, higher and shallower, with the hinge on the right, a dark door and a broad grip in place of a bar."""


class CloseMicrowave2(CloseMicrowave):
    """Parameters: the measures of the oven."""

    name = "close_microwave2"
    variations = {0: SECOND_MODEL}
    levels = {"l3": (0,)}
