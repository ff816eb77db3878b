"""Cabinets of drawers. As of all furniture, the front faces the robot; the base frame is at the middle of the lower
front edge, with X into the furniture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import turned

LEVELS = ("bottom", "middle", "top")


@dataclass(frozen=True)
class Cabinet:
    """Measures [m] and colours of a cabinet of drawers.

    Attributes:
        levels: names of the drawers from the bottom up.
        legs: height of the feet.
        feet: "legs" or a "plinth", which stands back a little at the front.
        pitch: height of one drawer and of the rail above it.
        rail: height of the frame that shows above every drawer.
        board: thickness of the frame.
        eaves: how far the top stands out over the front and the sides.
        framed: whether the drawers' panels have raised edges.
        handle: "bar" (upright), "bow" (level, on two posts), "knob" or "tab" (an upright plate).
        handle_length: of a bar or tab its height, of a bow its width, of a knob its diameter.
        handle_gap: distance of the point of grasp from the panel.
    """

    levels: tuple[str, ...] = LEVELS
    width: float = 0.30
    depth: float = 0.25
    legs: float = 0.045
    feet: Literal["legs", "plinth"] = "legs"
    pitch: float = 0.06
    rail: float = 0.0
    board: float = 0.012
    travel: float = 0.21
    eaves: float = 0.0
    framed: bool = False
    handle: Literal["bar", "bow", "knob", "tab"] = "bar"
    handle_length: float = 0.042
    handle_gap: float = 0.042
    frame_colour: Colour = (0.72, 0.62, 0.48)
    drawer_colour: Colour = (0.83, 0.83, 0.82)
    handle_colour: Colour = (0.25, 0.26, 0.29)

    @property
    def height(self) -> float:
        return self.legs + len(self.levels) * self.pitch + 2 * self.board

    @property
    def panel(self) -> tuple[float, float, float]:
        """Extents of a drawer's front."""
        return PANEL, self.width - 2 * self.board - 0.004, self.pitch - self.rail - 0.002

    @property
    def handle_size(self) -> tuple[float, float, float]:
        length = self.handle_length
        faces = {"bar": (0.014, length), "bow": (length, 0.010), "knob": (length, length), "tab": (0.010, length)}
        return (self.handle_gap, *faces[self.handle])

    @property
    def length(self) -> float:
        """Of a drawer, its front included."""
        return self.depth - 0.03


PANEL, WALL = 0.014, 0.006
"""Thickness of a drawer's front and of its other walls [m]."""

TRAY = 0.7
"""Height of a drawer's other walls, as a share of its front's."""

TRIM = 0.003
"""How far rails lie behind the drawers' fronts and their raised edges stand out [m]."""

GRIP = (1.2, 0.01, 0.0001)
"""Friction of handles."""


@dataclass(frozen=True)
class Drawer:
    """A drawer, which slides towards the robot with a positive joint, and its handle, anchored where it is grasped."""

    body: Thing
    handle: Thing


def cabinet(scene: Scene, measures: Cabinet = Cabinet(), ajar: Mapping[str, float] | None = None) -> dict[str, Drawer]:
    """A cabinet, named "cabinet", of drawers named "<level> drawer" with a "<level> drawer handle" each.

    Args:
        ajar: how far drawers stand open at first [m]; the others are shut.
    """
    frame, ajar = _frame(scene, measures), ajar or {}
    drawers = {level: _drawer(scene, frame, measures, level, ajar.get(level, 0.0)) for level in measures.levels}
    bodies = [frame, *(drawer.body for drawer in drawers.values())]
    for index, first in enumerate(bodies):
        for second in bodies[index + 1 :]:
            scene.no_contact(first, second)
    return drawers


def tray_detector(scene: Scene, drawer: Drawer, measures: Cabinet) -> str:
    """The room inside a drawer, between its walls and as high as they."""
    _, width, height = measures.panel
    size = (measures.length - PANEL - WALL, width - 0.01 - 2 * WALL, TRAY * height - WALL)
    centre = ((measures.length + PANEL - WALL) / 2, 0, tray_floor(measures) + size[2] / 2)
    return scene.box_detector(drawer.body, size, centre)


def tray_floor(measures: Cabinet) -> float:
    """Height of the upper face of a drawer's floor in the drawer's frame [m]."""
    return WALL - measures.panel[2] / 2


def _frame(scene: Scene, m: Cabinet) -> Thing:
    frame = scene.add(
        "cabinet", kind="object", size=(m.depth, m.width, m.height), anchor=(m.depth / 2, 0, m.height / 2)
    )
    middle = m.legs + (m.height - m.legs) / 2
    for z in (m.legs + m.board / 2, m.height - m.board / 2):
        scene.box(frame, (m.depth, m.width, m.board), m.frame_colour, (m.depth / 2, 0, z))
    for y in (-1, 1):
        side = y * (m.width - m.board) / 2
        scene.box(frame, (m.depth, m.board, m.height - m.legs), m.frame_colour, (m.depth / 2, side, middle))
        for x in (0.02, m.depth - 0.02) if m.feet == "legs" else ():
            scene.box(frame, (0.025, 0.025, m.legs), m.frame_colour, (x, y * (m.width / 2 - 0.02), m.legs / 2))
    scene.box(frame, (m.board, m.width, m.height - m.legs), m.frame_colour, (m.depth - m.board / 2, 0, middle))
    _trim(scene, frame, m)
    return frame


def _trim(scene: Scene, frame: Thing, m: Cabinet) -> None:
    """What not every cabinet has: a plinth, rails over the drawers, eaves."""
    if m.feet == "plinth":
        size = (m.depth - 0.02, m.width - 0.01, m.legs)
        scene.box(frame, size, _shade(m.frame_colour, 0.6), (m.depth / 2 + 0.01, 0, m.legs / 2))
    if m.rail:
        for index in range(len(m.levels)):
            z = m.legs + m.board + (index + 1) * m.pitch - m.rail / 2
            place = (TRIM + PANEL / 2, 0, z)
            scene.box(frame, (PANEL, m.width - 2 * m.board, m.rail), m.frame_colour, place, collide=False)
    if m.eaves:
        size = (m.depth + m.eaves, m.width + 2 * m.eaves, m.board)
        place = ((m.depth - m.eaves) / 2, 0, m.height - m.board / 2 + 0.001)
        scene.box(frame, size, m.frame_colour, place, collide=False)


def _drawer(scene: Scene, frame: Thing, m: Cabinet, level: str, ajar: float) -> Drawer:
    """An open tray behind a front panel; its frame is at the middle of the panel's outer face."""
    z = m.legs + m.board + (m.levels.index(level) + 0.5) * m.pitch - m.rail / 2
    (_, width, height), length = m.panel, m.length
    body = scene.add(f"{level} drawer", (-ajar, 0, z), parent=frame, kind="part", size=(length, width, height))
    scene.slide(body, (-1, 0, 0), (0, m.travel), ref=ajar, damping=4, frictionloss=0.5, armature=0.05)
    scene.box(body, m.panel, m.drawer_colour, (PANEL / 2, 0, 0))
    scene.box(body, (length, width - 0.01, WALL), m.drawer_colour, (length / 2, 0, (WALL - height) / 2))
    tray = height * TRAY
    for y in (-1, 1):
        place = (length / 2, y * (width - 0.01 - WALL) / 2, (tray - height) / 2)
        scene.box(body, (length, WALL, tray), m.drawer_colour, place)
    scene.box(body, (WALL, width - 0.01, tray), m.drawer_colour, (length - WALL / 2, 0, (tray - height) / 2))
    if m.framed:
        _raised_edges(scene, body, m)
    handle = scene.add(f"{level} drawer handle", (-m.handle_gap, 0, 0), parent=body, kind="part", size=m.handle_size)
    HANDLES[m.handle](scene, handle, m.handle_length, m.handle_gap, m.handle_colour)
    return Drawer(body, handle)


def _raised_edges(scene: Scene, body: Thing, m: Cabinet, breadth: float = 0.012) -> None:
    _, width, height = m.panel
    colour = _shade(m.drawer_colour, 0.86)
    for side in (-1, 1):
        upright, level = (TRIM, breadth, height), (TRIM, width, breadth)
        scene.box(body, upright, colour, (-TRIM / 2, side * (width - breadth) / 2, 0), collide=False)
        scene.box(body, level, colour, (-TRIM / 2, 0, side * (height - breadth) / 2), collide=False)


def bar_handle(scene: Scene, thing: Thing, length: float, gap: float, colour: Colour, thickness: float = 0.014) -> None:
    """A vertical bar around the thing's origin on two posts that reach `gap` forward."""
    scene.cylinder(thing, thickness / 2, length, colour, collide=False)
    scene.box(thing, (thickness, thickness, length), colour, visible=False, friction=GRIP)
    for z in (-1, 1):
        scene.box(thing, (gap, 0.008, 0.008), colour, (gap / 2, 0, z * (length / 2 - 0.005)))


def _bow_handle(scene: Scene, thing: Thing, length: float, gap: float, colour: Colour) -> None:
    """A level bar around the thing's origin, grasped across its whole length, on two posts at its ends."""
    scene.box(thing, (0.010, length, 0.010), colour, friction=GRIP)
    for y in (-1, 1):
        scene.box(thing, (gap, 0.009, 0.010), colour, (gap / 2, y * (length - 0.009) / 2, 0), friction=GRIP)


def _knob_handle(scene: Scene, thing: Thing, diameter: float, gap: float, colour: Colour) -> None:
    """A round head about the thing's origin on a waisted neck."""
    radius, front = diameter / 2, gap + 0.010
    neck = [[0.55 * radius, 0], [0.40 * radius, 0.35 * gap], [0.50 * radius, 0.60 * gap]]
    head = [[radius, 0.80 * gap], [radius, front - 0.005], [0.70 * radius, front]]
    towards_robot = axis_rotation(1, -np.pi / 2)
    profile = np.array([[0, 0], *neck, *head, [0, front]])
    scene.mesh(thing, *turned(profile, 24), colour, (gap, 0, 0), rotation=towards_robot, collide=False, density=0)
    options = {"rotation": towards_robot, "visible": False, "friction": GRIP}
    scene.cylinder(thing, radius, front - 0.80 * gap, colour, (gap - (front + 0.80 * gap) / 2, 0, 0), **options)
    scene.cylinder(thing, radius / 2, gap, colour, (gap / 2, 0, 0), **options)


def _tab_handle(scene: Scene, thing: Thing, length: float, gap: float, colour: Colour) -> None:
    """An upright plate that stands out from the panel."""
    scene.box(thing, (gap + 0.008, 0.010, length), colour, (gap / 2 - 0.004, 0, 0), friction=GRIP)


HANDLES: dict[str, Callable[[Scene, Thing, float, float, Colour], None]] = {
    "bar": bar_handle,
    "bow": _bow_handle,
    "knob": _knob_handle,
    "tab": _tab_handle,
}
"""How to build each handle: length and gap [m]."""


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return factor * red, factor * green, factor * blue
