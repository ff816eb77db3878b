"""Boxes with a hinged lid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import extruded

WALL, BOTTOM, LID = 0.006, 0.006, 0.005
"""Thickness of a box's walls, bottom and lid [m]."""

EDGE_RADIUS = 0.008
"""Of the rounded front edge of a lid [m]."""

LIP = 0.036
"""How far the middle of that edge lies in front of the box [m]: a finger fits between."""

SLOT = 0.05
"""Width of the hole behind the edge, for that finger [m]."""

AROUND, APART = 0.25, 0.01
"""How far the table around a box reaches, and how near to it [m]."""

WIDEST = np.deg2rad(115)
"""Angle from closed at which a lid stops [rad]."""


@dataclass(frozen=True)
class Box:
    """Measures [m] and colours of a box with a lid hinged along its back.

    Attributes:
        edge: width of the rounded front edge, with a hole behind it, that the lid is gripped by.
        rim: how far the lid's sides reach down over the box.
        opening: angle at which the lid stands at first, from closed [rad].
        fittings: of corner posts, or None for a carton with arrows printed on its front and a label on its lid.
    """

    width: float = 0.29
    depth: float = 0.19
    height: float = 0.13
    edge: float = 0.28
    rim: float = 0.022
    opening: float = 0.0
    walls: Colour = (0.85, 0.84, 0.93)
    lid: Colour = (0.70, 0.71, 0.90)
    grip: Colour = (0.33, 0.34, 0.58)
    inside: Colour = (0.62, 0.62, 0.72)
    fittings: Colour | None = None


def hinged_box(scene: Scene, measures: Box, name: str = "box") -> tuple[Thing, Thing]:
    """A box, open on top, under its lid.

    Returns:
        The box and its lid, named "<name> lid". The lid's joint is 0 at first and grows as it opens; its anchor is the
        middle of its front edge.
    """
    body = _body(scene, measures, name)
    lid = _lid(scene, body, measures, f"{name} lid")
    scene.no_contact(body, lid)
    return body, lid


def table_around(scene: Scene, box: Thing, m: Box) -> list[str]:
    """Flat detectors on the table on the four sides of a box."""
    parts = []
    for side in (-1, 1):
        along, across = side * (m.depth + AROUND) / 2 + m.depth / 2, side * (m.width + AROUND) / 2
        size = (AROUND - 2 * APART, m.width + AROUND, 2 * APART)
        parts.append(scene.box_detector(box, size, (along, 0, APART)))
        size = (m.depth + AROUND, AROUND - 2 * APART, 2 * APART)
        parts.append(scene.box_detector(box, size, (m.depth / 2, across, APART)))
    return parts


def _body(scene: Scene, m: Box, name: str) -> Thing:
    body = scene.add(name, size=(m.depth, m.width, m.height), anchor=(m.depth / 2, 0, m.height / 2))
    middle = (m.depth / 2, 0, m.height / 2)
    scene.box(body, (m.depth, m.width, BOTTOM), m.inside, (m.depth / 2, 0, BOTTOM / 2))
    for side in (-1, 1):
        along, across = side * (m.depth - WALL) / 2, side * (m.width - WALL) / 2
        scene.box(body, (WALL, m.width, m.height), m.walls, np.add(middle, (along, 0, 0)))
        scene.box(body, (m.depth, WALL, m.height), m.walls, np.add(middle, (0, across, 0)))
    if m.fittings is None:
        for y in (-1, 1):
            _arrow(scene, body, y * m.width * 0.11, m.height * 0.46)
        line = (0.001, m.width * 0.42, 0.005)
        scene.box(body, line, DARK, (-0.0005, 0, m.height * 0.2), collide=False)
    else:
        for x in (0, m.depth):
            for y in (-1, 1):
                post = (0.024, 0.024, m.height)
                scene.box(body, post, m.fittings, (x, y * (m.width / 2 - 0.009), m.height / 2), collide=False)
    return body


def _arrow(scene: Scene, body: Thing, y: float, z: float) -> None:
    """An upward arrow printed on the front."""
    outline = np.array([[-0.017, 0], [0.017, 0], [0, 0.022]])
    facing = axis_rotation(2, -np.pi / 2) @ axis_rotation(0, np.pi / 2)
    scene.mesh(body, *extruded(outline, 0.001), DARK, (0, y, z), rotation=facing, collide=False)
    scene.box(body, (0.001, 0.011, 0.02), DARK, (-0.0005, y, z - 0.009), collide=False)


def _lid(scene: Scene, body: Thing, m: Box, name: str) -> Thing:
    """A flat plate; in its frame the hinge is at the origin and the closed lid reaches along -X."""
    reach = m.depth + LIP
    lid = scene.add(
        name,
        (m.depth, 0, m.height + LID / 2),
        rotation=axis_rotation(1, m.opening),
        parent=body,
        kind="part",
        size=(reach, m.width, LID),
        anchor=(-reach, 0, 0),
    )
    limits = (-m.opening, WIDEST - m.opening)
    scene.hinge(lid, (0, 1, 0), limits, damping=0.06, frictionloss=0.02, armature=0.003)
    plate, width, strap = m.depth + 0.004, m.width + 0.014, (m.edge - SLOT) / 2
    scene.box(lid, (plate, width, LID), m.lid, (-plate / 2, 0, 0))
    for side in (-1, 1):
        place = (-(plate + reach) / 2, side * (m.edge - strap) / 2, 0)
        scene.box(lid, (reach - plate, strap, LID), m.grip, place)
        place = (0.004 - m.depth / 2, side * (width - 0.005) / 2, -m.rim / 2)
        scene.box(lid, (m.depth + 0.008, 0.005, m.rim), m.lid, place, collide=False)
        hinge = (0.003, side * m.width * 0.3, 0)
        scene.cylinder(lid, 0.006, 0.04, STEEL, hinge, rotation=axis_rotation(0, np.pi / 2), collide=False)
    scene.cylinder(lid, EDGE_RADIUS, m.edge, m.grip, (-reach, 0, 0), rotation=axis_rotation(0, np.pi / 2))
    if m.fittings is None:
        _label(scene, lid, -0.4 * m.depth)
    return lid


def _label(scene: Scene, lid: Thing, x: float) -> None:
    """A white address label stuck on the lid."""
    top = LID / 2
    scene.box(lid, (0.06, 0.10, 0.001), (0.97, 0.97, 0.96), (x, 0, top), collide=False)
    for line, length in enumerate((0.06, 0.075, 0.045)):
        place = (x + 0.016 - 0.016 * line, (0.08 - length) / 2, top + 0.0004)
        scene.box(lid, (0.005, length, 0.001), DARK, place, collide=False)
