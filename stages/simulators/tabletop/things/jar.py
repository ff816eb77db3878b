"""Jars and the lid that fits them."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.colours import DARK, PALETTE, Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.things.meshes import extruded, turned
from stages.simulators.tabletop.things.tubes import round_wall

JAR_RADIUS = 0.045
JAR_HEIGHT = 0.110
SHOULDER = 0.090
"""Height at which the neck begins [m]."""

NECK = 0.0275
"""Outer radius of the neck [m]."""

CONTENTS = 0.065
"""Height to which a jar is filled with something dark [m]."""

JAR_DENSITY = 900.0
"""A jar is full: it stands firmly [kg/m^3]."""

LID_RADIUS = 0.034
LID_HEIGHT = 0.021
LID_TOP = 0.004
LID_WALL = 0.0035
"""Thickness of a lid's top and of its wall, which goes over the neck with 3 mm of play [m]."""

LID_GRIP = 0.013
"""Height above a lid's lower edge at which it is held [m]: the fingers end above the table, or a jar's shoulder."""

LID_DENSITY = 1500.0
SMOOTH = (0.15, 0.001, 0.0001)
"""Friction between lid and jar; fingers and table bring their own, which is larger."""

SEAT = JAR_HEIGHT + LID_TOP - LID_HEIGHT
"""Height of a seated lid's lower edge above a jar's foot [m]."""

UPRIGHT = np.cos(np.deg2rad(10))
"""Least cosine of the tilt of a lid that is on a mouth."""

PAPER: Colour = (0.95, 0.93, 0.86)
METAL: Colour = (0.5, 0.5, 0.5)
BRIGHT_METAL: Colour = (0.68, 0.68, 0.70)


def jar(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """An open jar with a label, named "<colour> jar"; its anchor is the middle of its mouth."""
    size = (2 * JAR_RADIUS, 2 * JAR_RADIUS, JAR_HEIGHT)
    thing = scene.add(f"{colour} jar", (x, y, 0), yaw, free=True, size=size, anchor=(0, 0, JAR_HEIGHT))
    scene.mesh(thing, *turned(_jar_profile()), PALETTE[colour], collide=False, density=0)
    scene.cylinder(thing, JAR_RADIUS + 0.0004, 0.028, PAPER, (0, 0, 0.040), collide=False, density=0)
    scene.cylinder(thing, NECK - 0.005, 0.001, DARK, (0, 0, CONTENTS), collide=False, density=0)
    body = (0, 0, SHOULDER / 2)
    scene.cylinder(thing, JAR_RADIUS, SHOULDER, PALETTE[colour], body, visible=False, density=JAR_DENSITY)
    neck = [[0, SHOULDER], [NECK, SHOULDER], [NECK, JAR_HEIGHT - 0.005], [NECK - 0.005, JAR_HEIGHT], [0, JAR_HEIGHT]]
    scene.mesh(thing, *turned(np.array(neck), 24), PALETTE[colour], visible=False, density=JAR_DENSITY, friction=SMOOTH)
    return thing


def lid(scene: Scene, x: float, y: float) -> Thing:
    """A gray screw lid with a knurled edge, hollow below, named "lid"; its anchor is where it is held."""
    size = (2 * LID_RADIUS, 2 * LID_RADIUS, LID_HEIGHT)
    thing = scene.add("lid", (x, y, 0), free=True, size=size, anchor=(0, 0, LID_GRIP))
    scene.mesh(thing, *extruded(_knurled(), LID_HEIGHT), METAL, collide=False, density=0)
    scene.cylinder(thing, LID_RADIUS - 0.006, 0.001, BRIGHT_METAL, (0, 0, LID_HEIGHT), collide=False, density=0)
    inner, ceiling = LID_RADIUS - LID_WALL, LID_HEIGHT - LID_TOP
    round_wall(scene, thing, (inner, 0), (inner, ceiling), LID_WALL, boxes=12, density=LID_DENSITY, friction=SMOOTH)
    top = (0, 0, ceiling + LID_TOP / 2)
    scene.cylinder(thing, LID_RADIUS, LID_TOP, METAL, top, visible=False, density=LID_DENSITY, friction=SMOOTH)
    return thing


def height_on_mouth(state: State, cover: Thing, vessel: Thing) -> float:
    """How far above its seat a lid is that goes over a jar's neck [m]; infinite for a lid elsewhere."""
    relative = np.linalg.inv(state.matrix(vessel)) @ state.matrix(cover)
    around = np.linalg.norm(relative[:2, 3]) < LID_RADIUS - LID_WALL - NECK + 0.002 and relative[2, 2] > UPRIGHT
    return float(relative[2, 3] - SEAT) if around and relative[2, 3] < JAR_HEIGHT else np.inf


def _jar_profile() -> np.ndarray:
    """(P, 2) radius and height of the section: the foot, the side, over shoulder, thread and lip, and down inside."""
    ridges = ((0.003, 0), (0.0045, 0.0015), (0.006, 0), (0.008, 0), (0.0095, 0.0015), (0.011, 0))
    thread = [[NECK + swell, SHOULDER + height] for height, swell in ridges]
    outside = [[0, 0], [JAR_RADIUS - 0.004, 0], [JAR_RADIUS, 0.004], [JAR_RADIUS, SHOULDER - 0.012]]
    lip = [[NECK + 0.003, SHOULDER], *thread, [NECK, JAR_HEIGHT - 0.002], [NECK - 0.002, JAR_HEIGHT]]
    inside = [[NECK - 0.005, JAR_HEIGHT], [NECK - 0.005, CONTENTS], [0, CONTENTS]]
    return np.array([*outside, *lip, *inside])


def _knurled() -> np.ndarray:
    """(P, 2) outline of a lid: a circle with notches."""
    angles = 2 * np.pi * np.arange(72) / 72
    radius = LID_RADIUS - 0.001 * (np.arange(72) % 2)
    return radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
