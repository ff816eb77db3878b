"""Chests of drawers. As of all furniture, the front faces the robot; the base frame is at the middle of the lower front
edge, with X into the furniture."""

from __future__ import annotations

from dataclasses import dataclass

from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing


@dataclass(frozen=True)
class Cabinet:
    """Measures [m] and colours of a chest of drawers."""

    width: float = 0.30
    depth: float = 0.25
    legs: float = 0.045
    pitch: float = 0.06
    board: float = 0.012
    travel: float = 0.21
    handle_length: float = 0.042
    handle_gap: float = 0.042
    frame_colour: Colour = (0.72, 0.62, 0.48)
    drawer_colour: Colour = (0.83, 0.83, 0.82)
    handle_colour: Colour = (0.25, 0.26, 0.29)

    @property
    def height(self) -> float:
        return self.legs + 3 * self.pitch + 2 * self.board


@dataclass(frozen=True)
class Drawer:
    """A drawer, which slides towards the robot with a positive joint, and its handle."""

    body: Thing
    handle: Thing


LEVELS = ("bottom", "middle", "top")


def cabinet(scene: Scene, measures: Cabinet = Cabinet()) -> dict[str, Drawer]:
    """A chest of three drawers with vertical bars for handles, anchored at the bars' middles."""
    m = measures
    frame = scene.add(
        "cabinet", kind="object", size=(m.depth, m.width, m.height), anchor=(m.depth / 2, 0, m.height / 2)
    )
    middle = m.legs + (m.height - m.legs) / 2
    for z in (m.legs + m.board / 2, m.height - m.board / 2):
        scene.box(frame, (m.depth, m.width, m.board), m.frame_colour, (m.depth / 2, 0, z))
    for y in (-1, 1):
        side = y * (m.width - m.board) / 2
        scene.box(frame, (m.depth, m.board, m.height - m.legs), m.frame_colour, (m.depth / 2, side, middle))
        for x in (0.02, m.depth - 0.02):
            scene.box(frame, (0.025, 0.025, m.legs), m.frame_colour, (x, y * (m.width / 2 - 0.02), m.legs / 2))
    scene.box(frame, (m.board, m.width, m.height - m.legs), m.frame_colour, (m.depth - m.board / 2, 0, middle))
    drawers = {level: _drawer(scene, frame, m, level) for level in LEVELS}
    bodies = [frame, *(drawer.body for drawer in drawers.values())]
    for index, first in enumerate(bodies):
        for second in bodies[index + 1 :]:
            scene.no_contact(first, second)
    return drawers


def _drawer(scene: Scene, frame: Thing, m: Cabinet, level: str) -> Drawer:
    """An open tray behind a front panel; its frame is at the middle of the panel's outer face."""
    z = m.legs + m.board + (LEVELS.index(level) + 0.5) * m.pitch
    width, height, length = m.width - 2 * m.board - 0.004, m.pitch - 0.002, m.depth - 0.03
    body = scene.add(f"{level} drawer", (0, 0, z), parent=frame, kind="part", size=(length, width, height))
    scene.slide(body, (-1, 0, 0), (0, m.travel), damping=4, frictionloss=0.5, armature=0.05)
    panel, wall = 0.014, 0.006
    scene.box(body, (panel, width, height), m.drawer_colour, (panel / 2, 0, 0))
    scene.box(body, (length, width - 0.01, wall), m.drawer_colour, (length / 2, 0, (wall - height) / 2))
    tray = height * 0.7
    for y in (-1, 1):
        place = (length / 2, y * (width - 0.01 - wall) / 2, (tray - height) / 2)
        scene.box(body, (length, wall, tray), m.drawer_colour, place)
    scene.box(body, (wall, width - 0.01, tray), m.drawer_colour, (length - wall / 2, 0, (tray - height) / 2))
    size = (m.handle_gap, 0.014, m.handle_length)
    handle = scene.add(f"{level} drawer handle", (-m.handle_gap, 0, 0), parent=body, kind="part", size=size)
    bar_handle(scene, handle, m.handle_length, m.handle_gap, m.handle_colour)
    return Drawer(body, handle)


def bar_handle(scene: Scene, thing: Thing, length: float, gap: float, colour: Colour, thickness: float = 0.014) -> None:
    """A vertical bar around the thing's origin on two posts that reach `gap` forward."""
    scene.cylinder(thing, thickness / 2, length, colour, collide=False)
    scene.box(thing, (thickness, thickness, length), colour, visible=False, friction=(1.2, 0.01, 0.0001))
    for z in (-1, 1):
        scene.box(thing, (gap, 0.008, 0.008), colour, (gap / 2, 0, z * (length / 2 - 0.005)))
