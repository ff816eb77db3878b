"""A cupboard with an open shelf compartment. As of all furniture, the front faces the robot; the base frame is at the
middle of the lower front edge, with X into the furniture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import extruded, turned

WIDTH, DEPTH, BOARD = 0.57, 0.18, 0.012
"""Outside, and thickness of the boards [m]."""

MAT = 0.002
"""Thickness of the mat on the compartment's floor; only seen, so that no edge stops what is pushed in [m]."""

CEILING, SET_BACK = 0.20, 0.10
"""Height of the compartment's ceiling, and how far its upper front edge lies behind the lower one: a hand that leans
back out of the compartment can go up from there [m]."""

CLOSED = 0.085
"""Height of the closed part above [m]."""

KNOB = np.array([[0, 0], [0.004, 0], [0.004, 0.008], [0.008, 0.010], [0.008, 0.016], [0, 0.018]])
"""Section of a door's knob [m]."""

WOOD: Colour = (0.93, 0.90, 0.83)
INSIDE: Colour = (0.80, 0.77, 0.70)
FLOOR: Colour = (0.58, 0.55, 0.50)
DOORS: Colour = (0.36, 0.50, 0.53)
PANELS: Colour = (0.45, 0.59, 0.61)


@dataclass(frozen=True)
class Cupboard:
    """A cupboard: its body, anchored in the middle of the opening, and the detector in the compartment."""

    body: Thing
    detector: str


def cupboard(scene: Scene) -> Cupboard:
    """A wide open compartment between slanted sides, under a closed part with two doors."""
    height = CEILING + CLOSED
    body = scene.add("cupboard", size=(DEPTH, WIDTH, height), anchor=(0.02, 0, 0.09))
    scene.box(body, (DEPTH - BOARD, WIDTH - 2 * BOARD, MAT), FLOOR, ((DEPTH - BOARD) / 2, 0, MAT / 2), collide=False)
    scene.box(body, (BOARD, WIDTH - 2 * BOARD, CEILING), INSIDE, (DEPTH - BOARD / 2, 0, CEILING / 2))
    outline = np.array([[0, 0], [DEPTH, 0], [DEPTH, CEILING], [SET_BACK, CEILING], [0, 0.01]])
    for y in (BOARD - WIDTH / 2, WIDTH / 2):
        scene.mesh(body, *extruded(outline, BOARD), WOOD, (0, y, 0), rotation=axis_rotation(0, np.pi / 2))
    _closed_part(scene, body)
    inside = np.array([DEPTH - BOARD - 0.02, WIDTH - 2 * BOARD, 0.10])
    detector = scene.box_detector(body, inside, (0.02 + inside[0] / 2, 0, 0.005 + inside[2] / 2))
    return Cupboard(body, detector)


def _closed_part(scene: Scene, body: Thing) -> None:
    """A box over the compartment, with two panelled doors and their knobs in front."""
    depth, middle = DEPTH - SET_BACK, CEILING + CLOSED / 2
    scene.box(body, (depth, WIDTH, CLOSED), WOOD, (SET_BACK + depth / 2, 0, middle))
    width, height = WIDTH / 2 - 0.012, CLOSED - 0.016
    for y in (-1, 1):
        place = np.array([SET_BACK - 0.005, y * WIDTH / 4, middle])
        scene.box(body, (0.010, width, height), DOORS, place)
        scene.box(body, (0.004, width - 0.04, height - 0.03), PANELS, place - (0.005, 0, 0), collide=False)
        knob = place - (0.005, y * (width / 2 - 0.011), 0)
        scene.mesh(body, *turned(KNOB, 16), STEEL, knob, rotation=axis_rotation(1, -np.pi / 2), collide=False)
