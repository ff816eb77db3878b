"""Microwave ovens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing


@dataclass(frozen=True)
class Microwave:
    """Measures [m] and colours of a microwave oven.

    Attributes:
        door: width of the door; the control panel takes the rest of the front.
        hinge: +1 with the hinge on the left as seen from the robot, -1 on the right.
        opening: angle at which the door stands at first; 0 is shut [rad].
        handle: "bar" or "pocket".
        bar: distance of a bar's axis from the door.
    """

    width: float = 0.36
    depth: float = 0.24
    height: float = 0.20
    door: float = 0.26
    hinge: int = 1
    opening: float = np.deg2rad(40)
    handle: str = "bar"
    bar: float = 0.022
    shell: Colour = (0.94, 0.94, 0.93)
    front: Colour = (0.88, 0.89, 0.90)
    inside: Colour = (0.35, 0.36, 0.38)
    accent: Colour = (0.30, 0.75, 0.45)


WALL = 0.015
DOOR = 0.022
"""Thickness of a microwave's walls and of its door [m]."""

WIDEST = np.deg2rad(100)
"""How far a door opens [rad]."""

CLEAR_OF_TABLE = 0.004
PUSH_BELOW_TOP = 0.024
"""How far below its upper edge a door is pushed [m]: the hand, 45 mm above the tip, passes over the oven."""

PUSH_SHARE = 0.62
"""Where a shut door is pushed: this share of its width from the hinge."""


def microwave(scene: Scene, measures: Microwave = Microwave()) -> Thing:
    """A microwave oven with its door ajar.

    Returns:
        The door. Its joint is 0 at first and `opening` when shut; its anchor is the point of its outer face where a
        straight push shuts it.
    """
    body = _microwave_body(scene, measures)
    door = _microwave_door(scene, body, measures)
    scene.no_contact(body, door)
    if measures.handle == "bar":
        _bar(scene, door, measures, (-DOOR - measures.bar, *_edge(measures)))
    else:
        scene.box(door, (0.012, 0.022, measures.height * 0.94), STEEL, (-DOOR - 0.006, *_edge(measures)))
    return door


def shut_microwave(scene: Scene, measures: Microwave) -> tuple[Thing, Thing]:
    """A microwave oven whose door is shut and whose bar is a thing of its own.

    Returns:
        The door, and its handle, which is anchored at the middle of the bar.
    """
    body = _microwave_body(scene, measures)
    door = _microwave_door(scene, body, measures)
    place, size = (-DOOR - measures.bar, *_edge(measures)), (measures.bar, 0.014, measures.height * 0.75)
    handle = scene.add("microwave handle", place, parent=door, kind="part", size=size)
    _bar(scene, handle, measures)
    for part in (door, handle):
        scene.no_contact(body, part)
    return door, handle


def _microwave_body(scene: Scene, m: Microwave) -> Thing:
    centre = (m.depth / 2, 0, m.height / 2)
    body = scene.add("microwave", size=(m.depth, m.width, m.height), anchor=centre)
    panel = m.width - m.door
    for z in (WALL / 2, m.height - WALL / 2):
        scene.box(body, (m.depth, m.width, WALL), m.shell, (m.depth / 2, 0, z))
    scene.box(body, (WALL, m.width, m.height), m.shell, (m.depth - WALL / 2, 0, m.height / 2))
    scene.box(body, (m.depth, WALL, m.height), m.shell, (m.depth / 2, m.hinge * (m.width - WALL) / 2, m.height / 2))
    panel_y = -m.hinge * (m.width - panel) / 2
    scene.box(body, (m.depth, panel, m.height), m.shell, (m.depth / 2, panel_y, m.height / 2))
    cavity = (m.depth - 2 * WALL, m.door - WALL, 0.002)
    scene.box(body, cavity, m.inside, (m.depth / 2, m.hinge * (panel - WALL) / 2, WALL + 0.001), collide=False)
    plate = (m.depth / 2, m.hinge * panel / 2, WALL + 0.006)
    scene.cylinder(body, 0.08, 0.004, (0.75, 0.82, 0.86), plate, collide=False)
    _controls(scene, body, m, panel, panel_y)
    return body


def _controls(scene: Scene, body: Thing, m: Microwave, panel: float, y: float) -> None:
    """The dark panel with its display, keys and knob, flush with the door."""
    scene.box(body, (DOOR, panel - 0.004, m.height), DARK, (-DOOR / 2, y, m.height / 2))
    face = -DOOR - 0.002
    scene.box(body, (0.004, panel * 0.7, 0.025), m.accent, (face, y, m.height - 0.035), collide=False)
    for row in range(3):
        for column in (-1, 0, 1):
            place = (face, y + column * panel * 0.24, m.height - 0.072 - 0.024 * row)
            scene.box(body, (0.004, panel * 0.17, 0.013), STEEL, place, collide=False)
    scene.cylinder(
        body, 0.017, 0.012, STEEL, (-DOOR - 0.006, y, 0.035), rotation=axis_rotation(1, np.pi / 2), collide=False
    )


def _microwave_door(scene: Scene, body: Thing, m: Microwave) -> Thing:
    """The door, ajar; in its frame the hinge is at the origin, the door along -Y times `hinge`, its inside at X = 0."""
    reach = PUSH_SHARE * m.door / np.cos(m.opening)
    middle = m.height / 2
    door = scene.add(
        "microwave door",
        (0, m.hinge * m.width / 2, 0),
        -m.hinge * m.opening,
        parent=body,
        kind="part",
        size=(DOOR, m.door, m.height),
        anchor=(-DOOR, -m.hinge * reach, m.height - PUSH_BELOW_TOP),
    )
    scene.hinge(door, (0, 0, m.hinge), (m.opening - WIDEST, m.opening), damping=0.25, frictionloss=0.03, armature=0.01)
    along = -m.hinge * m.door / 2
    size = (DOOR, m.door - 0.004, m.height - 2 * CLEAR_OF_TABLE)
    scene.box(door, size, m.front, (-DOOR / 2, along, middle))
    window = (0.002, m.door * 0.66, m.height * 0.62)
    for x in (-DOOR - 0.0005, 0.0005):
        scene.box(door, window, DARK, (x, along * 0.92, middle), collide=False)
    return door


def _edge(m: Microwave) -> tuple[float, float]:
    """Where along the door and how high the middle of its handle is."""
    return -m.hinge * (m.door - 0.02), m.height / 2


def _bar(scene: Scene, thing: Thing, m: Microwave, place: Sequence[float] = (0, 0, 0)) -> None:
    """An upright round bar on two posts that reach back to the door."""
    x, y, z = place
    scene.cylinder(thing, 0.007, m.height * 0.75, STEEL, place)
    for end in (-1, 1):
        scene.box(thing, (m.bar, 0.008, 0.008), STEEL, (x + m.bar / 2, y, z + end * m.height * 0.33))
