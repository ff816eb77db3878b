"""Simple solids."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.families.draft import Build, Draft, arc, faceted, turn
from stages.simulators.tabletop.things.meshes import hoop

Extents = tuple[float, float, float]


def _ball(draft: Draft) -> float:
    radius = draft.draw(0.015, 0.06)
    draft.sphere(radius, (0, 0, radius))
    return 2 * radius


def _egg(draft: Draft) -> float:
    radius, tall = draft.draw(0.015, 0.042), draft.draw(1.25, 1.7)
    draft.ellipsoid((radius, radius, radius * tall), (0, 0, radius * tall))
    return 2 * radius * tall


def _pill(draft: Draft) -> float:
    """A level cylinder with round ends."""
    radius = draft.draw(0.012, 0.03)
    half = radius * draft.draw(1.0, 3.0)
    draft.cylinder(radius, 2 * half, (0, 0, radius), axis=0)
    for side in (-half, half):
        draft.sphere(radius, (side, 0, radius))
    return 2 * radius


def _disc(draft: Draft) -> float:
    height, radius = draft.draw(0.005, 0.022), draft.draw(0.025, 0.08)
    draft.cylinder(radius, height, (0, 0, height / 2))
    draft.top(radius, radius, height)
    return height


def _boxes(low: Extents, high: Extents) -> Build:
    """A box of random extents between two triples."""

    def build(draft: Draft) -> float:
        size = draft.rng.uniform(low, high)
        draft.block(size)
        draft.top(size[0], size[1], size[2])
        return float(size[2])

    return build


def _prism(sides: int, radius: tuple[float, float], height: tuple[float, float], taper: float) -> Build:
    """An upright frustum over a regular polygon: a prism (taper 1) or a pyramid (taper 0)."""

    def build(draft: Draft) -> float:
        foot, tall = draft.draw(*radius), draft.draw(*height)
        draft.turned([[foot, 0], [max(taper, 0.02) * foot, tall]], sides=sides)
        return tall

    return build


def _frustum(draft: Draft) -> float:
    foot, tall, taper = draft.draw(0.03, 0.07), draft.draw(0.03, 0.12), draft.draw(0.35, 0.75)
    draft.turned([[foot, 0], [taper * foot, tall]], sides=int(draft.rng.choice([4, 6, 18])))
    draft.top(1.2 * taper * foot, 1.2 * taper * foot, tall)
    return tall


def _dome(draft: Draft) -> float:
    radius, flat = draft.draw(0.025, 0.07), draft.draw(0.5, 1.1)
    draft.turned(arc(radius, 0.0, 0.48 * np.pi, 6) * (1, flat))
    return radius * flat


def _bowl(draft: Draft) -> float:
    radius, tall = draft.draw(0.035, 0.09), draft.draw(0.02, 0.07)
    draft.hollow(np.array([[0.5, 0], [0.85, 0.4], [1, 1]]) * (radius, tall), 0.08 * radius)
    draft.room((radius, radius, 0.3), (0, 0, 0.12 * tall))
    return tall


def _ring(draft: Draft) -> float:
    radius = draft.draw(0.025, 0.065)
    thick = radius * draft.draw(0.15, 0.38)
    section = arc(0.5, 0, 2 * np.pi, 9)[:-1] + (0.5, 0)
    inner, outer = radius - thick, radius + thick
    draft.mesh(*hoop((outer, outer), (inner, inner), 0.0, section * (1, 2 * thick) + (0, thick), 22))
    return 2 * thick


def _nut(draft: Draft) -> float:
    """A hexagonal prism with a round hole."""
    radius, tall = draft.draw(0.02, 0.05), draft.draw(0.01, 0.035)
    section = np.array([[0, 0], [1, 0], [1, tall], [0, tall]])
    inner = radius * draft.draw(0.4, 0.65)
    draft.mesh(*faceted(*hoop((radius, radius), (inner, inner), 0.0, section, 6)))
    return tall


def _wedge(draft: Draft) -> float:
    length, width, tall = draft.rng.uniform((0.05, 0.03, 0.025), (0.13, 0.09, 0.09))
    draft.extruded(
        [[-length / 2, 0], [length / 2, 0], [-length / 2, tall]], width, (0, width / 2, 0), turn(0, np.pi / 2)
    )
    return float(tall)


def _tent(draft: Draft) -> float:
    """A level prism on a triangle."""
    length, width, tall = draft.rng.uniform((0.05, 0.04, 0.03), (0.16, 0.08, 0.08))
    draft.extruded([[-width / 2, 0], [width / 2, 0], [0, tall]], length, (0, length / 2, 0), turn(0, np.pi / 2))
    return float(tall)


def _cross(draft: Draft) -> float:
    length, thick = draft.draw(0.06, 0.15), draft.draw(0.014, 0.035)
    draft.block((length, thick, thick))
    draft.block((thick, length * draft.draw(0.7, 1.0), thick))
    return thick


def _tee(draft: Draft) -> float:
    length, thick = draft.draw(0.06, 0.15), draft.draw(0.014, 0.035)
    draft.block((thick, length * draft.draw(0.6, 1.1), thick), (length / 2, 0, 0))
    draft.block((length, thick, thick))
    return thick


def _bracket(draft: Draft) -> float:
    """Two plates at a right angle, one lying."""
    length, width, thick = draft.draw(0.05, 0.12), draft.draw(0.02, 0.07), draft.draw(0.006, 0.02)
    tall = length * draft.draw(0.5, 1.2)
    draft.block((length, width, thick))
    draft.block((thick, width, tall), ((thick - length) / 2, 0, 0))
    return tall


def _dumbbell(draft: Draft) -> float:
    radius, half = draft.draw(0.015, 0.032), draft.draw(0.03, 0.065)
    flat = draft.chance(0.5)
    for side in (-half, half):
        if flat:
            draft.cylinder(radius, radius, (side, 0, radius), axis=0)
        else:
            draft.sphere(radius, (side, 0, radius))
    draft.cylinder(radius * draft.draw(0.25, 0.4), 2 * half, (0, 0, radius), axis=0)
    return 2 * radius


def _pin(draft: Draft) -> float:
    tall, radius = draft.draw(0.05, 0.14), draft.draw(0.013, 0.028)
    draft.cylinder(radius * draft.draw(0.35, 0.6), tall, (0, 0, tall / 2))
    draft.sphere(radius, (0, 0, tall))
    return tall + radius


def _spool(draft: Draft) -> float:
    radius, tall, thick = draft.draw(0.02, 0.05), draft.draw(0.035, 0.1), draft.draw(0.005, 0.013)
    draft.cylinder(radius * draft.draw(0.35, 0.65), tall, (0, 0, tall / 2))
    for height in (thick / 2, tall - thick / 2):
        draft.cylinder(radius, thick, (0, 0, height))
    return tall


def _arch(draft: Draft) -> float:
    """Half a ring on two feet."""
    radius, thick, deep, rise = (
        draft.draw(0.035, 0.07),
        draft.draw(0.012, 0.025),
        draft.draw(0.02, 0.06),
        draft.draw(0.01, 0.05),
    )
    _shell(draft, arc(radius, 0.0, np.pi, 7) + (0, rise), deep, thick)
    for side in (-radius, radius):
        draft.block((deep, thick, rise), (0, side, 0))
    return radius + rise + thick / 2


def _stair(draft: Draft) -> float:
    steps = int(draft.rng.integers(2, 5))
    run, rise, width = draft.draw(0.018, 0.04), draft.draw(0.012, 0.035), draft.draw(0.04, 0.12)
    for step in range(steps):
        length = run * (steps - step)
        draft.block((length, width, rise), ((length - run * steps) / 2, 0, step * rise))
    return steps * rise


def _gutter(draft: Draft) -> float:
    """Half a pipe, open above."""
    radius, length = draft.draw(0.02, 0.05), draft.draw(0.08, 0.22)
    _shell(draft, arc(radius, np.pi, 2 * np.pi, 8) + (0, radius), length, 0.004)
    return radius


def _shell(draft: Draft, outline: np.ndarray, length: float, thick: float) -> None:
    """Plates of a length along X on the lines between points (P, 2) of the plane of Y and Z."""
    for start, end in zip(outline[:-1], outline[1:], strict=True):
        along, middle = end - start, (start + end) / 2
        size = (length, float(np.linalg.norm(along)) + 0.3 * thick, thick)
        draft.box(size, (0, middle[0], middle[1]), turn(0, float(np.arctan2(along[1], along[0]))))


SOLIDS: dict[str, Build] = {
    "ball": _ball,
    "egg": _egg,
    "pill": _pill,
    "disc": _disc,
    "plank": _boxes((0.12, 0.02, 0.008), (0.26, 0.045, 0.022)),
    "brick": _boxes((0.07, 0.03, 0.02), (0.12, 0.05, 0.045)),
    "slab": _boxes((0.07, 0.055, 0.006), (0.14, 0.11, 0.02)),
    "pillar": _prism(6, (0.014, 0.035), (0.09, 0.22), 1),
    "cone": _prism(18, (0.025, 0.06), (0.05, 0.13), 0),
    "pyramid": _prism(4, (0.03, 0.07), (0.04, 0.11), 0),
    "frustum": _frustum,
    "dome": _dome,
    "ring": _ring,
    "nut": _nut,
    "wedge": _wedge,
    "prism": _tent,
    "cross": _cross,
    "tee": _tee,
    "bracket": _bracket,
    "bowl": _bowl,
    "dumbbell": _dumbbell,
    "pin": _pin,
    "spool": _spool,
    "arch": _arch,
    "stair": _stair,
    "gutter": _gutter,
}

SOLID_SYNONYMS: dict[str, tuple[str, ...]] = {
    "ball": ("sphere",),
    "pill": ("capsule",),
    "disc": ("puck",),
    "plank": ("slat", "batten"),
    "slab": ("tile",),
    "pillar": ("column",),
    "frustum": ("plinth",),
    "dome": ("hemisphere",),
    "ring": ("hoop",),
    "wedge": ("ramp",),
    "bracket": ("angle",),
    "bowl": ("dish",),
    "dumbbell": ("barbell",),
    "spool": ("reel", "bobbin"),
    "arch": ("archway",),
    "stair": ("steps",),
    "gutter": ("channel",),
}
