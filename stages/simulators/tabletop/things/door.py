"""Doors in a frame that stands on the table, latched: the lever must be turned before they open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import DARK, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import extruded


@dataclass(frozen=True)
class Door:
    """Measures [m] and colours of a door in its frame.

    Attributes:
        hinge: +1 with the hinge on the left as seen from the robot, -1 on the right.
        opening: angle at which the door stands at first, away from the robot [rad].
        panels: rows, from the bottom, of panels: how many side by side, and the share of the height that they take.
        lever: "round", a rod, or "flat", a blade that bends back to the door at its end.
    """

    width: float = 0.30
    height: float = 0.46
    hinge: int = 1
    opening: float = 0.0
    panels: tuple[tuple[int, float], ...] = ((2, 0.42), (2, 0.58))
    lever: Literal["round", "flat"] = "round"
    lever_length: float = 0.105
    lever_height: float = 0.18
    door_colour: Colour = (0.97, 0.97, 0.96)
    panel_colour: Colour = (0.93, 0.93, 0.92)
    moulding_colour: Colour = (0.74, 0.75, 0.76)
    frame_colour: Colour = (0.84, 0.84, 0.83)
    casing_colour: Colour = (0.90, 0.90, 0.89)
    lever_colour: Colour = STEEL


@dataclass(frozen=True)
class DoorParts:
    """What moves.

    Attributes:
        leaf: the door itself; its joint is 0 when shut and grows as it opens, away from the robot.
        handle: the lever, anchored where it is grasped; its joint is 0 when level and grows as it goes down.
    """

    leaf: Thing
    handle: Thing


THICKNESS, DEPTH = 0.024, 0.034
"""Of a door and of its frame; their backs are flush [m]."""

JAMB = 0.035
"""Width of the frame's boards [m]."""

CLEARANCE, ABOVE_SILL = 0.002, 0.010
"""Between a door and its frame, and below it [m]."""

MOST_OPEN, MOST_TURNED = np.deg2rad(45), np.deg2rad(40)
"""Limits of a door and of its lever [rad]."""

UNLATCHED = np.deg2rad(25)
"""How far the lever must be turned before the bolt is clear of the frame [rad]."""

RAIL = 0.035
"""Width of the boards between the panels of a door [m]."""

BACKSET = 0.035
"""Distance of the lever's axis from the free edge of the door [m]."""

GAP = 0.032
"""Distance of the lever's middle from the door [m]: room for the fingertips."""

BAR = 0.018
"""Height of a lever [m]."""

GRIP = 0.6
"""Where a lever is grasped: this share of its length from its axis."""

BOLT, BOLT_HEIGHT, OVERLAP = 0.010, 0.016, 0.010
"""Thickness of the bolt, its height, and how far it reaches behind the edge of the frame [m]."""

PLAY = 0.0005
"""Of the bolt in its groove [m]."""


def door(scene: Scene, measures: Door = Door()) -> DoorParts:
    """A door in a frame that stands on two feet, with a lever and a spring bolt.

    The bolt slides in the free edge of the door. It reaches into a groove of the frame, whose rear wall stops it, so
    that the door cannot be pushed open. The lever draws the bolt in, by a limited tendon that never pushes: a bolt
    that is pressed in by the frame, as its slanted front is when the door is pulled shut, leaves the lever alone.
    """
    m = measures
    frame = scene.add(
        "door frame",
        size=(DEPTH, m.width + 2 * (CLEARANCE + JAMB), m.height + CLEARANCE + JAMB),
        anchor=(DEPTH / 2, 0, m.height + CLEARANCE + JAMB / 2),
    )
    _frame(scene, frame, m)
    leaf = _leaf(scene, frame, m)
    handle = _lever(scene, leaf, m)
    bolt = _bolt(scene, leaf, m)
    scene.no_contact(frame, leaf)
    _couple(scene, handle, bolt)
    return DoorParts(leaf, handle)


def _frame(scene: Scene, frame: Thing, m: Door) -> None:
    """Jambs, head and sill, with a broader casing in front, on two feet; a groove for the bolt in the free jamb."""
    inner, height = m.width / 2 + CLEARANCE, m.height + CLEARANCE + JAMB
    side, middle = m.hinge * (inner + JAMB / 2), DEPTH / 2
    scene.box(frame, (DEPTH, JAMB, height), m.frame_colour, (middle, side, height / 2))
    groove = BOLT + 2 * PLAY
    rear = (THICKNESS - groove) / 2
    front = DEPTH - rear - groove
    for depth, x in ((front, front / 2), (rear, DEPTH - rear / 2)):
        scene.box(frame, (depth, JAMB, height), m.frame_colour, (x, -side, height / 2))
    filling = JAMB - 2 * OVERLAP
    outside = -m.hinge * (inner + JAMB - filling / 2)
    scene.box(
        frame, (groove, filling, height), m.frame_colour, (front + groove / 2, outside, height / 2), collide=False
    )
    scene.box(frame, (DEPTH, 2 * inner, JAMB), m.frame_colour, (middle, 0, height - JAMB / 2))
    scene.box(frame, (DEPTH, 2 * inner, 0.006), DARK, (middle, 0, 0.003), collide=False)
    for y in (-1, 1):
        scene.box(frame, (0.20, JAMB, 0.012), m.frame_colour, (middle, y * side, 0.006))
        casing = (-0.002, y * (side + m.hinge * 0.004), height / 2)
        scene.box(frame, (0.004, JAMB + 0.008, height), m.casing_colour, casing, collide=False)
    head = (0.004, 2 * (inner + JAMB) + 0.016, JAMB)
    scene.box(frame, head, m.casing_colour, (-0.003, 0, height - JAMB / 2 + 0.006), collide=False)


def _leaf(scene: Scene, frame: Thing, m: Door) -> Thing:
    """The door; in its frame the hinge is the origin, the door lies along -Y times `hinge`, its back at X = 0."""
    leaf = scene.add(
        "door",
        (DEPTH, m.hinge * m.width / 2, 0),
        m.hinge * m.opening,
        parent=frame,
        size=(THICKNESS, m.width, m.height),
        anchor=(-THICKNESS, -m.hinge * m.width / 2, m.height / 2),
    )
    physics = {"damping": 0.4, "frictionloss": 0.05, "armature": 0.01, "ref": np.rad2deg(m.opening)}
    scene.hinge(leaf, (0, 0, m.hinge), (0, MOST_OPEN), **physics)
    centre = (-THICKNESS / 2, -m.hinge * m.width / 2, (m.height + ABOVE_SILL) / 2)
    scene.box(leaf, (THICKNESS, m.width, m.height - ABOVE_SILL), m.door_colour, centre)
    _panels(scene, leaf, m)
    plate = (-THICKNESS / 2, -m.hinge * (m.width - BACKSET), m.lever_height)
    scene.box(leaf, (THICKNESS + 0.006, 0.034, 0.11), m.lever_colour, plate, collide=False)
    for size, below in (((0.007, 0.007), 0.030), ((0.004, 0.016), 0.038)):
        scene.box(leaf, (THICKNESS + 0.008, *size), DARK, np.subtract(plate, (0, 0, below)), collide=False)
    for z in (0.15, 0.85):
        scene.cylinder(leaf, 0.006, 0.05, m.lever_colour, (0.003, 0, z * m.height), collide=False)
    return leaf


def _panels(scene: Scene, leaf: Thing, m: Door) -> None:
    """Panels with a moulding around them, on both faces."""
    low = ABOVE_SILL
    for count, share in m.panels:
        height = (m.height - ABOVE_SILL) * share
        pitch = (m.width - RAIL) / count
        for number in range(count):
            place = (-THICKNESS / 2, -m.hinge * (RAIL / 2 + (number + 0.5) * pitch), low + height / 2)
            size = np.array([pitch - RAIL, height - RAIL])
            scene.box(leaf, (THICKNESS + 0.002, *size), m.moulding_colour, place, collide=False)
            scene.box(leaf, (THICKNESS + 0.004, *(size - 0.012)), m.panel_colour, place, collide=False)
        low += height


def _lever(scene: Scene, leaf: Thing, m: Door) -> Thing:
    """The lever, which points towards the hinge; in its frame its axis is X, and it lies along Y times `hinge`."""
    handle = scene.add(
        "door handle",
        (-THICKNESS - GAP, -m.hinge * (m.width - BACKSET), m.lever_height),
        parent=leaf,
        kind="part",
        size=(GAP, m.lever_length, BAR),
        anchor=(0, m.hinge * GRIP * m.lever_length, 0),
    )
    physics = {"stiffness": 0.3, "springref": -20, "damping": 0.02, "frictionloss": 0.01, "armature": 0.002}
    scene.hinge(handle, (-m.hinge, 0, 0), (0, MOST_TURNED), **physics)
    through = GAP + THICKNESS / 2
    sideways, crosswise = axis_rotation(0, np.pi / 2), axis_rotation(1, np.pi / 2)
    scene.cylinder(handle, 0.008, 2 * through, m.lever_colour, (through, 0, 0), rotation=crosswise, collide=False)
    rod = m.lever == "round"
    length, middle = m.lever_length + BAR / 2, m.hinge * (m.lever_length - BAR / 2) / 2
    size = (BAR if rod else 0.6 * BAR, length, BAR)
    scene.box(handle, size, m.lever_colour, (0, middle, 0), visible=not rod)
    for x in (0, 2 * through):
        if rod:
            scene.cylinder(handle, BAR / 2, length, m.lever_colour, (x, middle, 0), rotation=sideways, collide=False)
            continue
        scene.box(handle, size, m.lever_colour, (x, middle, 0), collide=False)
        end = ((x + through) / 2, m.hinge * (m.lever_length - BAR * 0.3), 0)
        scene.box(handle, (GAP, BAR * 0.6, BAR), m.lever_colour, end, collide=False)
    return handle


def _bolt(scene: Scene, leaf: Thing, m: Door) -> Thing:
    """The bolt, whose front is slanted; its joint is 0 when it is out, and grows as it is drawn in."""
    bolt = scene.add("door bolt", (-THICKNESS / 2, -m.hinge * m.width, m.lever_height), parent=leaf, kind="part")
    physics = {"stiffness": 100, "springref": -0.02, "damping": 2, "armature": 0.1}
    scene.slide(bolt, (0, m.hinge, 0), (0, 2 * OVERLAP), **physics)
    out, half = CLEARANCE + OVERLAP, BOLT / 2
    stop = scene.box(bolt, (half, 2 * out, BOLT_HEIGHT), m.lever_colour, (half / 2, 0, 0))
    outline = np.array([[0, -out], [0, out], [-half, out], [-half, 0]]) * (1, m.hinge)
    shape = extruded(outline[:: m.hinge], BOLT_HEIGHT)
    slant = scene.mesh(bolt, *shape, m.lever_colour, (0, 0, -BOLT_HEIGHT / 2), friction=(0.1, 0.001, 0.0001))
    for geom in (stop, slant):
        geom.priority, geom.solref, geom.solimp = 1, [0.004, 1], [0.99, 0.999, 0.0005, 0.5, 2]
    return bolt


def _couple(scene: Scene, handle: Thing, bolt: Thing) -> None:
    """A rod by which the lever draws the bolt in: the bolt is at least as far in as the lever tells."""
    rod = scene.spec.add_tendon(name="latch", limited=True, range=[-1, 0], solref_limit=[0.005, 1])
    rod.wrap_joint(handle.body, OVERLAP / UNLATCHED)
    rod.wrap_joint(bolt.body, -1)
