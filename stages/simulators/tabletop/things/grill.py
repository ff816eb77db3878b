"""Barbecue grills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import extruded

SHEET = 0.005
"""Thickness of the hood's metal [m]."""

TRAVEL = 1.0472
"""Angle by which the hood turns from wide open to shut [rad]."""

HOOD = ((0.0, 0.0), (0.0, 0.032), (0.045, 0.082), (0.125, 0.088), (0.175, 0.045), (0.18, 0.0))
"""Section of the shut hood from its front to its back: (x, z) [m], x from the front of the grill, z from its rim."""

SHOULDER = 1
"""Index of the slanting panel of the hood that carries the handle."""

STAND_OFF = 0.042
"""Distance of the handle's middle from the hood [m]: room for a finger behind it."""

HANDLE_RADIUS, HANDLE_LENGTH = 0.008, 0.15
BARS, KNOBS = 9, 3
"""How many the grate and the front have."""


@dataclass(frozen=True)
class Grill:
    """Measures [m] and colours of a barbecue on legs.

    Attributes:
        rim: height of the firebox's upper edge, where the hood rests.
        firebox: its height.
        table: width of the shelf on either side.
    """

    width: float = 0.25
    depth: float = 0.18
    rim: float = 0.19
    firebox: float = 0.065
    table: float = 0.075
    body: Colour = (0.25, 0.25, 0.25)
    hood: Colour = (0.40, 0.40, 0.40)
    handle: Colour = (0.50, 0.50, 0.50)
    wood: Colour = (0.45, 0.27, 0.14)
    knobs: Colour = (0.80, 0.12, 0.10)


def grill(scene: Scene, measures: Grill = Grill()) -> tuple[Thing, Thing]:
    """A barbecue with its hood wide open.

    Returns:
        The hood, whose joint is 0 at first and `TRAVEL` when shut, and its handle, anchored at its middle.
    """
    body = _body(scene, measures)
    hood = _hood(scene, body, measures)
    handle = _handle(scene, hood, measures)
    scene.no_contact(body, hood)
    scene.no_contact(body, handle)
    return hood, handle


def _body(scene: Scene, m: Grill) -> Thing:
    body = scene.add("grill", size=(m.depth, m.width, m.rim), anchor=(m.depth / 2, 0, m.rim - m.firebox / 2))
    middle = (m.depth / 2, 0, m.rim - m.firebox / 2)
    scene.box(body, (m.depth, m.width, m.firebox * 0.55), m.body, np.subtract(middle, (0, 0, m.firebox * 0.225)))
    for side in (-1, 1):
        along, across = side * (m.depth - SHEET) / 2, side * (m.width - SHEET) / 2
        scene.box(body, (SHEET, m.width, m.firebox), m.body, np.add(middle, (along, 0, 0)))
        scene.box(body, (m.depth, SHEET, m.firebox), m.body, np.add(middle, (0, across, 0)))
        shelf = (m.depth / 2, side * (m.width + m.table) / 2, m.rim - 0.01)
        scene.box(body, (m.depth * 0.8, m.table - 0.006, 0.010), m.wood, shelf)
    _stand(scene, body, m)
    for y in np.linspace(-0.45, 0.45, BARS) * m.width:
        scene.box(body, (m.depth - SHEET, 0.006, 0.004), STEEL, (m.depth / 2, y, m.rim - 0.012), collide=False)
    for y in np.linspace(-0.3, 0.3, KNOBS) * m.width:
        facing = {"rotation": axis_rotation(1, np.pi / 2), "collide": False}
        scene.cylinder(body, 0.012, 0.012, m.knobs, (-0.006, y, middle[2]), **facing)
    return body


def _stand(scene: Scene, body: Thing, m: Grill) -> None:
    """Four legs, two of them on wheels, and a rack between them."""
    height = m.rim - m.firebox
    for x in (0.015, m.depth - 0.015):
        for side in (-1, 1):
            y = side * (m.width / 2 - 0.014)
            scene.box(body, (0.014, 0.014, height), m.body, (x, y, height / 2))
        wheel = (x, m.width / 2 - 0.001, 0.026)
        lying = {"rotation": axis_rotation(0, np.pi / 2), "collide": False}
        scene.cylinder(body, 0.026, 0.012, (0.10, 0.10, 0.10), wheel, **lying)
        scene.cylinder(body, 0.010, 0.014, STEEL, wheel, **lying)
    scene.box(body, (m.depth - 0.02, m.width - 0.02, 0.008), m.wood, (m.depth / 2, 0, 0.045))


def _hood(scene: Scene, body: Thing, m: Grill) -> Thing:
    """A hood of flat panels; in its frame the hinge is at the origin and the shut hood reaches along -X and up."""
    hood = scene.add(
        "grill lid",
        (m.depth, 0, m.rim),
        rotation=axis_rotation(1, TRAVEL),
        parent=body,
        kind="part",
        size=(m.depth, m.width, HOOD[3][1]),
        anchor=(-m.depth / 2, 0, HOOD[3][1]),
    )
    scene.hinge(hood, (0, -1, 0), (0, TRAVEL), damping=0.12, frictionloss=0.04, armature=0.004)
    corners = np.subtract(HOOD, (m.depth, 0))
    for first, second in zip(corners[:-1], corners[1:], strict=True):
        length = np.linalg.norm(second - first) + 0.003
        place, rotation = _panel(first, second)
        scene.box(hood, (length, m.width, SHEET), m.hood, place, rotation=rotation)
    upright = axis_rotation(0, np.pi / 2)
    for side in (-1, 1):
        place = (0, side * (m.width - SHEET) / 2 + SHEET / 2, 0)
        scene.mesh(hood, *extruded(corners[::-1], SHEET), m.hood, place, rotation=upright)
    place, rotation = _panel(*corners[SHOULDER : SHOULDER + 2])
    dial = np.add(place, rotation @ (0, -m.width * 0.38, SHEET / 2))
    scene.cylinder(hood, 0.014, 0.006, (0.95, 0.95, 0.93), dial, rotation=rotation, collide=False)
    return hood


def _panel(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle (3,) and rotation (3, 3) of the panel between two corners (2,) of the section; its Z points outwards."""
    middle, along = (first + second) / 2, second - first
    return np.array([middle[0], 0, middle[1]]), axis_rotation(1, -np.arctan2(along[1], along[0]))


def _handle(scene: Scene, hood: Thing, m: Grill) -> Thing:
    """A bar on two posts; in its frame the bar lies along Y at the origin and Z points away from the hood."""
    corners = np.subtract(HOOD, (m.depth, 0))
    place, rotation = _panel(*corners[SHOULDER : SHOULDER + 2])
    size = (2 * HANDLE_RADIUS, HANDLE_LENGTH, STAND_OFF)
    handle = scene.add(
        "grill handle", place + STAND_OFF * rotation[:, 2], rotation=rotation, parent=hood, kind="part", size=size
    )
    lying = axis_rotation(0, np.pi / 2)
    scene.cylinder(handle, HANDLE_RADIUS, HANDLE_LENGTH, m.handle, rotation=lying)
    for side in (-1, 1):
        post = (0, side * (HANDLE_LENGTH / 2 - 0.012), -STAND_OFF / 2)
        scene.box(handle, (0.010, 0.010, STAND_OFF), m.handle, post)
    return handle
