"""Procedural things on a table, none of a benchmark: what the planner's base learns to name and to point at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing


def add_clutter(scene: Scene, noun: str, colour: Colour, place: np.ndarray, rng: np.random.Generator) -> None:
    """Add one thing of a random size, after it its parts.

    Args:
        noun: a key of `SHAPES`.
        place: (4,) x, y and height of its foot in the scene's frame [m], yaw [rad].
    """
    number, thing = len(scene.things), scene.add(noun, place[:3], place[3])
    height = SHAPES[noun](scene, thing, colour, rng)
    scene.things[number] = replace(thing, anchor=(0.0, 0.0, height / 2))


def _ball(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    radius = rng.uniform(0.02, 0.045)
    scene.sphere(thing, radius, colour, (0, 0, radius))
    return 2 * radius


def _disc(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    height = rng.uniform(0.008, 0.02)
    scene.cylinder(thing, rng.uniform(0.03, 0.055), height, colour, (0, 0, height / 2))
    return height


def _boxes(low: tuple[float, float, float], high: tuple[float, float, float]) -> Callable[..., float]:
    def build(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
        size = rng.uniform(low, high)
        scene.box(thing, size, colour, (0, 0, size[2] / 2))
        return float(size[2])

    return build


def _prism(sides: int, radius: tuple[float, float], height: tuple[float, float], taper: float) -> Callable[..., float]:
    """Upright prism (taper 1) or pyramid (taper 0) over a regular polygon."""

    def build(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
        tall = rng.uniform(*height)
        profile = np.array([[1, 0], [max(taper, 0.02), tall]]) * [rng.uniform(*radius), 1]
        scene.mesh(thing, *_revolve(profile, sides, closed=True), colour)
        return tall

    return build


def _bowl(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    radius, tall = rng.uniform(0.04, 0.06), rng.uniform(0.03, 0.05)
    outer = [[0.02, 0], [0.5, 0], [0.85, 0.4], [1, 1]]
    inner = [[0.92, 1], [0.78, 0.45], [0.45, 0.12], [0.02, 0.12]]
    scene.mesh(thing, *_revolve(np.array(outer + inner) * [radius, tall], 20, closed=False), colour, collide=False)
    return tall


def _ring(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    radius, thick = rng.uniform(0.03, 0.05), rng.uniform(0.008, 0.013)
    turn = np.linspace(0, 2 * np.pi, 9)
    section = np.column_stack([radius + thick * np.cos(turn), thick + thick * np.sin(turn)])
    scene.mesh(thing, *_revolve(section, 24, closed=False), colour, collide=False)
    return 2 * thick


def _wedge(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    x, y, z = rng.uniform((0.03, 0.025, 0.03), (0.05, 0.04, 0.06))
    corners = np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0], [-x, -y, z], [-x, y, z]])
    quads = [(0, 3, 2, 1), (0, 4, 5, 3), (1, 2, 5, 4)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    scene.mesh(thing, corners, np.array([*faces, (0, 1, 4), (3, 5, 2)]), colour)
    return float(z)


def _cross(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    length, thick = rng.uniform(0.08, 0.12), rng.uniform(0.018, 0.03)
    for size in ((length, thick, thick), (thick, length, thick)):
        scene.box(thing, size, colour, (0, 0, thick / 2))
    return thick


def _tee(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    length, thick = rng.uniform(0.08, 0.12), rng.uniform(0.018, 0.03)
    scene.box(thing, (thick, length, thick), colour, (length / 2, 0, thick / 2))
    scene.box(thing, (length, thick, thick), colour, (0, 0, thick / 2))
    return thick


def _dumbbell(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    radius, half = rng.uniform(0.02, 0.028), rng.uniform(0.03, 0.05)
    for side in (-half, half):
        scene.sphere(thing, radius, colour, (side, 0, radius))
    scene.cylinder(thing, radius / 3, 2 * half, colour, (0, 0, radius), rotation=axis_rotation(1, np.pi / 2))
    return 2 * radius


def _pin(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    tall, radius = rng.uniform(0.06, 0.11), rng.uniform(0.018, 0.025)
    scene.cylinder(thing, radius / 2, tall, colour, (0, 0, tall / 2))
    scene.sphere(thing, radius, colour, (0, 0, tall))
    return tall + radius


def _spool(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    radius, tall, thick = rng.uniform(0.025, 0.04), rng.uniform(0.05, 0.09), rng.uniform(0.006, 0.012)
    scene.cylinder(thing, radius / 2, tall, colour, (0, 0, tall / 2))
    for height in (thick / 2, tall - thick / 2):
        scene.cylinder(thing, radius, thick, colour, (0, 0, height))
    return tall


def _jug(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    """A closed body with a spout ring on top and a square handle at its side."""
    radius, tall = rng.uniform(0.03, 0.045), rng.uniform(0.09, 0.14)
    scene.mesh(thing, *_revolve(np.array([[1, 0], [1, 0.7], [0.6, 1]]) * [radius, tall], 10, closed=True), colour)
    rim = scene.add("jug rim", (0, 0, tall), parent=thing, kind="part")
    scene.cylinder(rim, 0.7 * radius, 0.014, colour, (0, 0, 0.007))
    reach, thick = rng.uniform(0.025, 0.04), rng.uniform(0.008, 0.012)
    handle = scene.add("jug handle", (radius + reach, 0, 0.45 * tall), parent=thing, kind="part")
    scene.box(handle, (thick, thick, 0.5 * tall), colour)
    for height in (-0.23 * tall, 0.23 * tall):
        scene.box(handle, (reach, thick, thick), colour, (-reach / 2, 0, height))
    return tall


def _pot(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    """A low cylinder with a lid that has a knob."""
    radius, tall = rng.uniform(0.04, 0.06), rng.uniform(0.04, 0.08)
    scene.cylinder(thing, radius, tall, colour, (0, 0, tall / 2))
    lid = scene.add("pot lid", (0, 0, tall), parent=thing, kind="part", anchor=(0, 0, 0.02))
    scene.cylinder(lid, 1.1 * radius, 0.01, colour, (0, 0, 0.005))
    scene.sphere(lid, rng.uniform(0.01, 0.015), colour, (0, 0, 0.02))
    return tall


def _bell(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    """A dome with a button on its top."""
    radius, tall = rng.uniform(0.035, 0.05), rng.uniform(0.025, 0.045)
    profile = np.array([[1, 0], [0.9, 0.5], [0.6, 0.85], [0.3, 1]]) * [radius, tall]
    scene.mesh(thing, *_revolve(profile, 16, closed=True), colour)
    button = scene.add("bell button", (0, 0, tall), parent=thing, kind="part", anchor=(0, 0, 0.01))
    scene.cylinder(button, 0.3 * radius, 0.02, colour, (0, 0, 0.01))
    return tall


def _rack(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    """Four posts that carry two or three boards."""
    width, depth, step = rng.uniform(0.12, 0.2), rng.uniform(0.1, 0.15), rng.uniform(0.07, 0.11)
    names = (("lower", "upper"), ("lower", "middle", "upper"))[rng.integers(2)]
    tall = step * len(names)
    for x in (-depth / 2, depth / 2):
        for y in (-width / 2, width / 2):
            scene.box(thing, (0.012, 0.012, tall), colour, (x, y, tall / 2))
    for number, name in enumerate(names):
        shelf = scene.add(f"rack {name} shelf", (0, 0, step * number + 0.03), parent=thing, kind="part")
        scene.box(shelf, (depth, width, 0.01), colour)
    return tall


def _trunk(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    """A block with a lid along its back edge, shut or raised; the lid is meant by its free edge."""
    depth, width, tall = rng.uniform((0.08, 0.12, 0.05), (0.13, 0.2, 0.1))
    scene.box(thing, (depth, width, tall), colour, (0, 0, tall / 2))
    angle = 0.0 if rng.random() < 0.5 else rng.uniform(0.3, 1.9)
    turn = axis_rotation(1, -angle)
    lid = scene.add(
        "trunk lid", (-depth / 2, 0, tall + 0.008), rotation=turn, parent=thing, kind="part", anchor=(depth, 0, 0)
    )
    scene.box(lid, (1.06 * depth, 1.06 * width, 0.014), colour, (depth / 2, 0, 0))
    return tall


def _locker(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
    """An upright block with a door on one side, shut or swung open, that has a bar to hold it by."""
    depth, width, tall = rng.uniform((0.07, 0.09, 0.14), (0.12, 0.15, 0.24))
    scene.box(thing, (depth, width, tall), colour, (0, 0, tall / 2))
    side = rng.choice([-1, 1])
    angle = 0.0 if rng.random() < 0.5 else rng.uniform(0.3, 1.8)
    door = scene.add(
        "locker door",
        (depth / 2 + 0.008, side * width / 2, tall / 2),
        side * angle,
        parent=thing,
        kind="part",
        anchor=(0, -side * width / 2, 0),
    )
    scene.box(door, (0.012, width, 0.94 * tall), colour, (0, -side * width / 2, 0))
    handle = scene.add("locker handle", (0.03, -side * 0.85 * width, 0), parent=door, kind="part")
    scene.box(handle, (0.012, 0.012, rng.uniform(0.04, 0.07)), colour)
    scene.box(handle, (0.03, 0.01, 0.01), colour, (-0.012, 0, 0))
    return tall


SHAPES: dict[str, Callable[[Scene, Thing, Colour, np.random.Generator], float]] = {
    "ball": _ball,
    "disc": _disc,
    "plank": _boxes((0.12, 0.02, 0.01), (0.2, 0.035, 0.02)),
    "brick": _boxes((0.07, 0.035, 0.025), (0.09, 0.045, 0.035)),
    "slab": _boxes((0.07, 0.06, 0.008), (0.1, 0.09, 0.016)),
    "pillar": _prism(6, (0.018, 0.028), (0.1, 0.17), 1),
    "cone": _prism(24, (0.03, 0.045), (0.06, 0.1), 0),
    "pyramid": _prism(4, (0.035, 0.055), (0.05, 0.09), 0),
    "ring": _ring,
    "wedge": _wedge,
    "cross": _cross,
    "bowl": _bowl,
    "dumbbell": _dumbbell,
    "tee": _tee,
    "pin": _pin,
    "spool": _spool,
    "jug": _jug,
    "pot": _pot,
    "bell": _bell,
    "rack": _rack,
    "trunk": _trunk,
    "locker": _locker,
}
"""How to build what a noun means; each returns its height [m]."""


def _revolve(profile: np.ndarray, sides: int, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Turn a profile (P, 2) of radius and height [m], its outside to the right, about Z; `closed` adds both caps.

    Returns:
        vertices (N, 3) and triangles (F, 3), counter-clockwise seen from outside.
    """
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    walls = np.concatenate([np.column_stack([radius * circle, np.full(sides, height)]) for radius, height in profile])
    faces = []
    for level in range(len(profile) - 1):
        for i in range(sides):
            a, b = level * sides + i, level * sides + (i + 1) % sides
            faces += [(a, b, b + sides), (a, b + sides, a + sides)]
    if closed:
        top = (len(profile) - 1) * sides
        for i in range(1, sides - 1):
            faces += [(0, i + 1, i), (top, top + i, top + i + 1)]
    return walls, np.array(faces)
