"""Lamps: one that waits for its light bulb, the bulbs with their holders, and one with a button that turns it on."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.colours import DARK, PALETTE, STEEL, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.buttons import BUTTON_TOP, BUTTON_TRAVEL
from stages.simulators.tabletop.things.meshes import turned
from stages.simulators.tabletop.things.tubes import round_wall

WOOD: Colour = (0.46, 0.29, 0.17)
BRASS: Colour = (0.80, 0.66, 0.34)
SHADE: Colour = (0.08, 0.58, 0.5)

GLASS, GLASS_CENTRE = 0.034, 0.074
"""Radius of a light bulb's glass and height of its centre above the bulb's tip [m]."""

BASE, BASE_LENGTH = 0.0125, 0.030
"""Radius and length of a light bulb's screw base [m]."""

HOLDER, HOLDER_HEIGHT, HOLDER_FLOOR = 0.10, 0.035, 0.008
HOLE = 0.029
"""Width of the square hole in a bulb holder [m]."""

SOCKET_TOP = 0.20
"""Height of the lamp's socket above the table [m]."""

SOCKET_DEPTH, FUNNEL = 0.040, 0.008
"""Depth of the socket, and of the funnel at its top [m]."""

SOCKET, MOUTH = 0.0145, 0.0225
"""Inner radius of the socket, and of its funnel at the top [m]."""

SCREWED_IN = 0.020
"""Height of the detector on the socket's floor [m]: half of the base must be in."""

LAMP_TO_BUTTON = 0.18
SMALL_BUTTON = 0.035
"""Width of a lamp's button [m]."""

DROP = 10.0
"""How many times as far as the button the dark skin of the bulb moves."""


def light_bulb(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """A light bulb that stands in a coloured holder, named "<colour> light bulb"; its anchor is its glass' centre."""
    _holder(scene, colour, x, y, yaw)
    size = (2 * GLASS, 2 * GLASS, GLASS_CENTRE + GLASS)
    thing = scene.add(
        f"{colour} light bulb", (x, y, HOLDER_FLOOR), yaw, free=True, size=size, anchor=(0, 0, GLASS_CENTRE)
    )
    scene.mesh(thing, *turned(_glass(), 32), PALETTE["white"], collide=False, density=0)
    scene.mesh(thing, *turned(_screw_base(), 32), STEEL, collide=False, density=0)
    scene.sphere(thing, GLASS, PALETTE["white"], (0, 0, GLASS_CENTRE), visible=False)
    solid = [[0, 0], [BASE - 0.005, 0], [BASE, 0.006], [BASE, BASE_LENGTH + 0.012], [0, BASE_LENGTH + 0.012]]
    scene.mesh(thing, *turned(np.array(solid), 16), STEEL, visible=False)
    return thing


def lamp_without_bulb(scene: Scene, x: float, y: float) -> tuple[Thing, str]:
    """A lamp, fixed to the table, whose socket is a hole with a funnel.

    Returns:
        The socket, anchored at the middle of its mouth; a detector of what is well inside.
    """
    lamp = scene.add("lamp", (x, y, 0), size=(0.13, 0.13, SOCKET_TOP), anchor=(0, 0, SOCKET_TOP / 2))
    foot, neck = SOCKET_TOP - SOCKET_DEPTH, SOCKET_DEPTH + 0.008
    profile = [[0, 0], [0.065, 0], [0.065, 0.010], [0.058, 0.016], [0.018, 0.026], [0.013, 0.05], [0.020, 0.09]]
    scene.mesh(lamp, *turned(np.array([*profile, [0.012, foot - 0.008], [0, foot - 0.008]])), WOOD, collide=False)
    scene.cylinder(lamp, 0.062, 0.016, WOOD, (0, 0, 0.008), visible=False)
    scene.cylinder(lamp, 0.017, foot, WOOD, (0, 0, foot / 2), visible=False)
    scene.box(lamp, (0.005, 0.12, 0.004), DARK, (0, 0.12, 0.002), collide=False)
    scene.box(lamp, (0.014, 0.022, 0.008), PALETTE["white"], (0, -0.048, 0.019), collide=False)
    socket = scene.add("lamp socket", (0, 0, SOCKET_TOP), parent=lamp, kind="part", size=(0.058, 0.058, neck))
    outside = [[0, -neck], [0.017, -neck], [0.025, -0.038], [0.025, -0.008], [0.029, -0.006], [0.029, 0]]
    inside = [[MOUTH, 0], [SOCKET, -FUNNEL], [SOCKET, -SOCKET_DEPTH], [0, -SOCKET_DEPTH]]
    scene.mesh(socket, *turned(np.array([*outside, *inside])), BRASS, collide=False)
    scene.cylinder(socket, SOCKET - 0.002, 0.002, DARK, (0, 0, 0.001 - SOCKET_DEPTH), collide=False)
    round_wall(scene, socket, (SOCKET, -SOCKET_DEPTH), (SOCKET, -FUNNEL), 0.010)
    round_wall(scene, socket, (SOCKET, -FUNNEL), (MOUTH, 0), 0.004)
    return socket, scene.box_detector(socket, (0.02, 0.02, SCREWED_IN), (0, 0, SCREWED_IN / 2 - SOCKET_DEPTH))


def lamp_with_button(scene: Scene) -> Thing:
    """A lamp with a shade that is open above, and a button beside it on the table.

    The bulb is white under a black skin. The button draws the skin down into the lamp's body, so that the bulb is seen
    to shine as long as the button is down.

    Returns:
        The button's cap, named "lamp button" and anchored at its top; its joint is negative when pressed.
    """
    lamp = scene.add("lamp", (LAMP_TO_BUTTON / 2, 0, 0), size=(0.136, 0.136, 0.19), anchor=(0, 0, 0.10))
    body = [
        [0, 0],
        [0.055, 0],
        [0.055, 0.008],
        [0.046, 0.014],
        [0.026, 0.022],
        [0.036, 0.065],
        [0.027, 0.11],
        [0, 0.11],
    ]
    scene.mesh(lamp, *turned(np.array(body)), WOOD, collide=False)
    shade = [[0, 0.105], [0.068, 0.105], [0.048, 0.19], [0.045, 0.19], [0.064, 0.108], [0, 0.108]]
    scene.mesh(lamp, *turned(np.array(shade)), SHADE, collide=False)
    scene.cylinder(lamp, 0.055, 0.105, WOOD, (0, 0, 0.0525), visible=False)
    scene.cylinder(lamp, 0.068, 0.085, SHADE, (0, 0, 0.1475), visible=False)
    bulb = (_glass() - (0, BASE_LENGTH)) * 0.65
    scene.mesh(lamp, *turned(bulb + (0, 0.128), 32), PALETTE["white"], collide=False)
    scene.cylinder(lamp, 0.009, 0.024, STEEL, (0, 0, 0.117), collide=False)
    skin = scene.add("lamp bulb", (0, 0, 0.128), parent=lamp, kind="part", size=(0.048, 0.048, 0.055))
    scene.mesh(skin, *turned(bulb * 1.06, 32), PALETTE["black"], collide=False, density=1)
    cap = _small_button(scene)
    scene.slide(skin, (0, 0, 1), (-DROP * 0.01, DROP * 0.01))
    scene.gear(skin, cap, DROP)
    return cap


def _small_button(scene: Scene) -> Thing:
    """A lime cap on a black base, with a cord to the lamp."""
    base = scene.add(
        "lamp button base", (-LAMP_TO_BUTTON / 2, 0, 0), kind="part", size=(SMALL_BUTTON, SMALL_BUTTON, 0.02)
    )
    scene.box(base, (SMALL_BUTTON, SMALL_BUTTON, 0.02), PALETTE["black"], (0, 0, 0.01))
    scene.box(base, (LAMP_TO_BUTTON, 0.005, 0.004), DARK, (LAMP_TO_BUTTON / 2, 0, 0.002), collide=False)
    size = (SMALL_BUTTON, SMALL_BUTTON, BUTTON_TOP)
    cap = scene.add("lamp button", (0, 0, 0.02), parent=base, size=size, anchor=(0, 0, BUTTON_TOP - 0.02))
    height = BUTTON_TOP - 0.022
    scene.cylinder(cap, 0.0165, height, PALETTE["lime"], (0, 0, BUTTON_TOP - 0.02 - height / 2))
    scene.slide(cap, (0, 0, 1), (-BUTTON_TRAVEL, 0.003), stiffness=300, damping=3, armature=0.01)
    scene.no_contact(base, cap)
    return cap


def _holder(scene: Scene, colour: str, x: float, y: float, yaw: float) -> None:
    """A square block, fixed to the table, with a hole for a bulb's base, named "<colour> bulb holder"."""
    size = (HOLDER, HOLDER, HOLDER_HEIGHT)
    thing = scene.add(f"{colour} bulb holder", (x, y, 0), yaw, size=size, anchor=(0, 0, HOLDER_HEIGHT))
    side = (HOLDER - HOLE) / 2
    for sign in (-1, 1):
        offset, middle = sign * (HOLE + side) / 2, HOLDER_HEIGHT / 2
        scene.box(thing, (HOLDER, side, HOLDER_HEIGHT), PALETTE[colour], (0, offset, middle))
        scene.box(thing, (side, HOLE, HOLDER_HEIGHT), PALETTE[colour], (offset, 0, middle))
    scene.box(thing, (HOLE, HOLE, HOLDER_FLOOR), PALETTE[colour], (0, 0, HOLDER_FLOOR / 2))


def _glass() -> np.ndarray:
    """(P, 2) radius and height of the section of a bulb's glass: a neck that widens into a sphere."""
    angles = np.linspace(np.deg2rad(-45), np.deg2rad(80), 10)
    dome = np.stack([np.cos(angles), np.sin(angles)], axis=1) * GLASS + (0, GLASS_CENTRE)
    neck = [[0, BASE_LENGTH], [BASE + 0.001, BASE_LENGTH], [BASE + 0.002, BASE_LENGTH + 0.008]]
    return np.array([*neck, *dome, [0, GLASS_CENTRE + GLASS]])


def _screw_base() -> np.ndarray:
    """(P, 2) section of a bulb's base: the contact below, then the thread."""
    thread = [[BASE - 0.0015 * (step % 2), 0.006 + 0.003 * step] for step in range(9)]
    return np.array([[0, 0], [BASE - 0.005, 0], *thread, [0, BASE_LENGTH]])
