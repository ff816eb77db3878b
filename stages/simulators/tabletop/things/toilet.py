"""Toilets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import hoop, turned

UPRIGHT = 1.6581
"""Angle from lying at which the seat stops [rad]."""

FRONT, SIDES, BACK = 0.020, 0.028, 0.030
"""Width of the oval that the seat consists of: at its front, where it is gripped, at its sides and at its back [m]."""

THICK = 0.016
OVERHANG = 0.022
"""How far the seat's front reaches beyond the pan [m]: a finger fits below."""


@dataclass(frozen=True)
class Toilet:
    """Measures [m] and colours of a toilet, scaled down to the size of a toy.

    Attributes:
        length, width: of the seat.
        pan: height of the seat above the table.
        tank: depth, width and top of the tank.
    """

    length: float = 0.165
    width: float = 0.145
    pan: float = 0.17
    tank: tuple[float, float, float] = (0.065, 0.18, 0.285)
    ceramic: Colour = (1.0, 1.0, 1.0)
    seat: Colour = (0.57, 0.57, 0.57)
    water: Colour = (0.60, 0.80, 0.92)


def toilet(scene: Scene, measures: Toilet = Toilet()) -> Thing:
    """A toilet with its seat down.

    Returns:
        The seat. Its joint is 0 when it lies and grows as it is raised; its anchor is the middle of its front edge.
    """
    body = _ceramic(scene, measures)
    seat = _seat(scene, body, measures)
    scene.no_contact(body, seat)
    return seat


def _ceramic(scene: Scene, m: Toilet) -> Thing:
    depth, width, top = m.tank
    back = m.length + 0.012
    body = scene.add("toilet", size=(back + depth, width, top), anchor=(m.length / 2, 0, m.pan / 2))
    middle = (OVERHANG + m.length) / 2
    vertices, faces = turned(_pan_profile(m.width / 2 - 0.006, m.pan - THICK / 2 - 0.001), 40)
    stretch = (m.length - OVERHANG) / (m.width - 0.012)
    scene.mesh(body, vertices * (stretch, 1, 1), faces, m.ceramic, (middle, 0, 0))
    water = (middle, 0, m.pan * 0.62)
    scene.cylinder(body, m.width * 0.24, 0.002, m.water, water, collide=False)
    stem = 0.024 + depth * 0.7
    scene.box(body, (stem, m.width * 0.6, m.pan * 0.94), m.ceramic, (back - 0.024 + stem / 2, 0, m.pan * 0.47))
    low = m.pan * 0.75
    scene.box(body, (depth, width, top - low), m.ceramic, (back + depth / 2, 0, (top + low) / 2))
    cover = (depth + 0.012, width + 0.014, 0.014)
    scene.box(body, cover, m.ceramic, (back + depth / 2, 0, top + 0.007))
    scene.cylinder(body, 0.014, 0.006, STEEL, (back + depth / 2, 0, top + 0.017), collide=False)
    return body


def _pan_profile(radius: float, height: float) -> np.ndarray:
    """(P, 2) radius and height of the pan's section: out along the foot, up the outside, over the rim, down inside."""
    outside = [[0, 0], [0.70, 0], [0.66, 0.06], [0.52, 0.25], [0.60, 0.48], [0.86, 0.72], [0.99, 0.90], [1, 0.96]]
    inside = [[0.96, 1], [0.74, 1], [0.68, 0.94], [0.58, 0.74], [0.36, 0.58], [0, 0.55]]
    return np.array(outside + inside) * (radius, height)


def _seat(scene: Scene, body: Thing, m: Toilet) -> Thing:
    """An oval with a hole; in its frame the hinge is at the origin and the seat, when down, reaches along -X."""
    radius = THICK / 2
    reach = m.length - FRONT / 2
    seat = scene.add(
        "toilet seat",
        (m.length, 0, m.pan),
        parent=body,
        kind="part",
        size=(m.length, m.width, THICK),
        anchor=(-reach, 0, 0),
    )
    scene.hinge(seat, (0, 1, 0), (0, UPRIGHT), damping=0.02, frictionloss=0.01, armature=0.001)
    middle = (-m.length / 2, 0, 0)
    outer, inner = (m.length / 2, m.width / 2), ((m.length - FRONT - BACK) / 2, m.width / 2 - SIDES)
    oval = hoop(outer, inner, (FRONT - BACK) / 2, _seat_section(), 40)
    scene.mesh(seat, *oval, m.seat, middle, collide=False, density=0)
    across, hidden = axis_rotation(0, np.pi / 2), {"visible": False}
    scene.cylinder(seat, radius, 0.05, m.seat, (-reach, 0, 0), rotation=across, **hidden)
    scene.box(seat, (BACK, m.width * 0.5, 0.006), m.seat, (-BACK / 2, 0, 0), **hidden)
    for side in (-1, 1):
        rail = (m.length * 0.5, SIDES * 0.8, 0.006)
        scene.box(seat, rail, m.seat, np.add(middle, (0, side * (m.width - SIDES) / 2, 0)), **hidden)
        hinge = (0, side * m.width * 0.2, 0.002)
        scene.cylinder(seat, 0.007, 0.024, STEEL, hinge, rotation=across, collide=False)
    return seat


def _seat_section() -> np.ndarray:
    """(P, 2) share of the way from the hole to the outside and height: a flattened circle."""
    angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    return np.column_stack([0.5 + 0.5 * np.cos(angles), THICK / 2 * np.sin(angles)])
