"""Laptops on a holder block. A laptop can face anywhere: the base frame is at the middle of the holder's foot, with X
from the front edge of the laptop to its hinge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing

HOLDER = (0.30, 0.40, 0.10)
HOLDER_COLOUR: Colour = (0.31, 0.19, 0.15)

WIDE_OPEN = np.deg2rad(105)
"""Angle between the lid and the keyboard when the lid cannot be opened further [rad]."""

TAB_GRIP = 0.018
"""How far in front of the lid's edge the fingers hold the tab [m]."""


@dataclass(frozen=True)
class Laptop:
    """Measures [m] and colours of a laptop.

    Attributes:
        base, lid: thicknesses.
        tab: (length, width) of the tab in the middle of the lid's front edge.
        hinges: where along the width the barrels of the hinge sit; barrel: length of each.
        key_rows, key_columns: of the keyboard.
        pad: (depth, width) of the touch pad.
    """

    width: float = 0.30
    depth: float = 0.20
    base: float = 0.016
    lid: float = 0.008
    tab: tuple[float, float] = (0.03, 0.032)
    hinges: tuple[float, ...] = (0.0,)
    barrel: float = 0.24
    key_rows: int = 4
    key_columns: int = 11
    pad: tuple[float, float] = (0.05, 0.09)
    shell: Colour = (1.0, 1.0, 1.0)
    trim: Colour = (0.6, 0.6, 0.6)
    keys: Colour = (0.6, 0.6, 0.6)
    well: Colour = (0.25, 0.25, 0.27)
    screen: Colour = (0.16, 0.36, 0.60)


def laptop(scene: Scene, measures: Laptop, opening: float) -> Thing:
    """A laptop whose lid stands open by an angle [rad].

    Returns:
        The lid. Its joint is 0 at first and grows as it opens; its anchor is the middle of its front edge. In its frame
        the hinge is at the origin, the lid along -X and its outer face up when it is shut.
    """
    m = measures
    holder = scene.add("laptop holder", size=HOLDER, anchor=(0, 0, HOLDER[2] / 2))
    scene.box(holder, HOLDER, HOLDER_COLOUR, (0, 0, HOLDER[2] / 2))
    size = (m.depth, m.width, m.base)
    base = scene.add("laptop", (0, 0, HOLDER[2]), parent=holder, size=size, anchor=(0, 0, m.base))
    scene.box(base, size, m.shell, (0, 0, m.base / 2))
    scene.box(base, (m.depth + 0.002, m.width + 0.002, 0.004), m.trim, (0, 0, m.base / 2), collide=False)
    _keyboard(scene, base, m)
    lid = _lid(scene, base, m, opening)
    scene.no_contact(base, lid)
    return lid


def _keyboard(scene: Scene, base: Thing, m: Laptop) -> None:
    """Keys on a sunken plate in the rear part, and the touch pad in front of them."""
    rear, front = m.depth / 2 - 0.022, -m.depth / 2 + m.pad[0] + 0.022
    depth, width = rear - front, m.width - 0.036
    middle = (rear + front) / 2
    scene.box(base, (depth, width, 0.001), m.well, (middle, 0, m.base), collide=False)
    pitch = np.array([depth / m.key_rows, width / m.key_columns])
    for row in range(m.key_rows):
        for column in range(m.key_columns):
            place = (front + (row + 0.5) * pitch[0], (column + 0.5) * pitch[1] - width / 2, m.base + 0.0005)
            scene.box(base, (*(pitch - 0.005), 0.003), m.keys, place, collide=False)
    pad = (*m.pad, 0.001)
    scene.box(base, pad, m.trim, (-m.depth / 2 + m.pad[0] / 2 + 0.01, 0, m.base), collide=False)


def _lid(scene: Scene, base: Thing, m: Laptop, opening: float) -> Thing:
    """The lid with its screen inside and its tab; the hinge's friction carries it at every angle."""
    height = m.lid + 0.001
    size = (m.depth, m.width, m.lid)
    lid = scene.add(
        "laptop lid",
        (m.depth / 2, 0, m.base + 0.003),
        rotation=axis_rotation(1, opening),
        parent=base,
        kind="part",
        size=size,
        anchor=(-m.depth, 0, m.lid / 2),
    )
    limits = (-opening, WIDE_OPEN - opening)
    scene.hinge(lid, (0, 1, 0), limits, damping=0.05, frictionloss=0.4, armature=0.005)
    middle = -m.depth / 2
    scene.box(lid, size, m.shell, (middle, 0, m.lid / 2))
    length, width = m.tab
    scene.box(lid, (length, width, m.lid), m.trim, (-m.depth - length / 2, 0, m.lid / 2), friction=(1.2, 0.01, 0.0001))
    scene.box(lid, (m.depth - 0.012, m.width - 0.012, 0.001), DARK, (middle, 0, -0.0002), collide=False)
    scene.box(lid, (m.depth - 0.040, m.width - 0.034, 0.001), m.screen, (middle - 0.004, 0, -0.0006), collide=False)
    scene.cylinder(lid, 0.024, 0.001, m.trim, (middle, 0, height), collide=False)
    across = axis_rotation(0, np.pi / 2)
    for y in m.hinges:
        scene.cylinder(lid, 0.006, m.barrel, STEEL, (0, y, 0), rotation=across, collide=False)
    return lid
