"""Fold the lid of another model of laptop down."""

from __future__ import annotations

from stages.simulators.tabletop.tasks.close_laptop_lid import CloseLaptopLid
from stages.simulators.tabletop.things.laptop import Laptop

SECOND_MODEL = Laptop(
    width=0.36,
    depth=0.19,
    base=0.024,
    lid=0.012,
    tab=(0.014, 0.11),
    hinges=(-0.11, 0.11),
    barrel=0.05,
    key_rows=5,
    key_columns=14,
    pad=(0.026, 0.14),
    shell=(0.2, 0.2, 0.2),
    trim=(1.0, 1.0, 1.0),
    keys=(1.0, 1.0, 1.0),
    well=(0.1, 0.1, 0.1),
    screen=(0.55, 0.74, 0.62),
)
"""Wider, shallower and thicker, dark gray with white keys; two hinges carry the lid, and a broad lip ends it."""


class CloseLaptopLid2(CloseLaptopLid):
    """Parameters: the measures of the laptop."""

    name = "close_laptop_lid2"
    variations = {0: SECOND_MODEL}
    levels = {"l3": (0,)}
