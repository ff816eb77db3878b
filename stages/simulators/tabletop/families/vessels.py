"""Vessels: bodies turned about an axis, with lids, rims, spouts and handles as parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.simulators.tabletop.families.draft import Build, Draft, Point, arc
from stages.simulators.tabletop.families.grips import knob, side_grip, top_grip


def _rim(draft: Draft, radius: float, height: float) -> None:
    """A thickened upper edge, filled."""
    thick = draft.draw(0.006, 0.014)
    rim = draft.part("rim", (0, 0, height + 0.002 - thick / 2), anchor=(0, 0, thick / 2), shade=draft.draw(0.7, 1.0))
    rim.cylinder(1.06 * radius, thick)


def _lid(draft: Draft, radius: float, height: float) -> None:
    """A lid with a knob on top."""
    thick, ball = draft.draw(0.005, 0.012), draft.draw(0.007, 0.015)
    top = thick + 2.4 * ball
    lid = draft.part("lid", (0, 0, height), anchor=(0, 0, top - ball), shade=draft.draw(0.7, 1.0))
    lid.turned([[radius, 0], [radius, thick], [0.4 * radius, 1.6 * thick]])
    lid.cylinder(0.5 * ball, top - ball, (0, 0, (top - ball) / 2))
    lid.sphere(ball, (0, 0, top - ball))


def _spout(draft: Draft, x: float, low: float, high: float, reach: float, thick: float) -> None:
    """A bent tube from the wall at `x` upwards, opposite to the handle."""
    spout = draft.part("spout", (x - reach, 0, high), anchor=(0, 0, 0), shade=draft.draw(0.8, 1.0))
    spout.bar((0.6 * reach + 0.01, 0, low - high), (0.3 * reach, 0, 0.4 * (low - high)), 1.3 * thick)
    spout.bar((0.3 * reach, 0, 0.4 * (low - high)), (0, 0, 0), thick)


def _loop(draft: Draft, radius: float, low: float, high: float) -> None:
    """A handle at the side of a wall of a radius."""
    side_grip(
        draft, "handle", (0.96 * radius, 0.96 * radius), low, high, draft.draw(0.02, 0.04), draft.draw(0.006, 0.012)
    )


def _body(draft: Draft, profile: Sequence[Point], radius: float, tall: float) -> None:
    """A closed body of a profile (P, 2) in shares of a radius and a height."""
    draft.turned(np.asarray(profile, float) * (radius, tall))


def _jug(draft: Draft) -> float:
    """A body that narrows to a rim, with a handle at its side."""
    radius, tall, neck = draft.draw(0.028, 0.055), draft.draw(0.08, 0.17), draft.draw(0.5, 0.9)
    _body(draft, [[0.8, 0], [1, 0.3], [1, 0.6], [neck, 0.85], [neck, 1]], radius, tall)
    _rim(draft, neck * radius, tall)
    _loop(draft, radius, 0.25 * tall, 0.75 * tall)
    return tall


def _pot(draft: Draft) -> float:
    """A low vessel with a lid, mostly with two handles."""
    radius, tall = draft.draw(0.035, 0.085), draft.draw(0.035, 0.1)
    draft.cylinder(radius, tall, (0, 0, tall / 2))
    _lid(draft, 1.06 * radius, tall)
    if draft.chance(0.6):
        for sign, word in ((-1, "rear"), (1, "front")):
            side_grip(draft, f"{word} handle", (sign * radius, sign * radius), 0.6 * tall, 0.85 * tall, 0.018, 0.008)
    return tall


def _pan(draft: Draft) -> float:
    """A shallow vessel with one long handle."""
    radius, tall, length = draft.draw(0.05, 0.1), draft.draw(0.018, 0.045), draft.draw(0.07, 0.16)
    draft.hollow([[0.85 * radius, 0], [radius, tall]], 0.004)
    grip = draft.part("handle", (radius + length / 2, 0, 0.85 * tall), shade=draft.draw(0.6, 1))
    grip.box((length, draft.draw(0.012, 0.02), draft.draw(0.006, 0.012)))
    draft.room((1.2 * radius, 1.2 * radius, 0.3), (0, 0, 0.004))
    return tall


def _kettle(draft: Draft) -> float:
    """A dome with a spout and a loop above it."""
    radius, tall = draft.draw(0.045, 0.08), draft.draw(0.06, 0.12)
    _body(draft, [[0.9, 0], [1, 0.25], [0.85, 0.7], [0.45, 1]], radius, tall)
    _lid(draft, 0.45 * radius, tall)
    _spout(draft, -0.6 * radius, 0.4 * tall, tall, 0.06, 0.012)
    top_grip(draft, "handle", 1.5 * radius, draft.draw(0.045, 0.07), 0.75 * tall, draft.draw(0.007, 0.012))
    return tall


def _teapot(draft: Draft) -> float:
    """A round body with a lid, a spout and a handle opposite to it."""
    radius, flat = draft.draw(0.035, 0.06), draft.draw(0.7, 1.05)
    tall = 2 * radius * flat
    draft.turned(arc(radius, -0.45 * np.pi, 0.42 * np.pi, 9) * (1, flat) + (0, 0.49 * tall))
    _lid(draft, 0.45 * radius, 0.96 * tall)
    _spout(draft, -0.75 * radius, 0.4 * tall, 0.95 * tall, 0.035, 0.01)
    _loop(draft, 0.9 * radius, 0.25 * tall, 0.75 * tall)
    return tall


def _vase(draft: Draft) -> float:
    """A slender body of any curve, open above."""
    radius, tall = draft.draw(0.022, 0.045), draft.draw(0.09, 0.22)
    foot, belly, neck, mouth = draft.rng.uniform((0.5, 0.9, 0.3, 0.45), (0.9, 1.2, 0.6, 1.0))
    draft.hollow(
        np.array([[foot, 0], [belly, 0.3], [0.8 * belly, 0.55], [neck, 0.8], [mouth, 1]]) * (radius, tall),
        0.15 * radius,
    )
    draft.cylinder(1.1 * foot * radius, 0.006, (0, 0, 0.003))
    return tall


def _flask(draft: Draft) -> float:
    """A body with a narrow neck and a stopper."""
    radius, tall, neck = draft.draw(0.025, 0.045), draft.draw(0.1, 0.2), draft.draw(0.25, 0.45)
    shoulder = draft.draw(0.45, 0.75)
    _body(draft, [[0.95, 0], [1, 0.03], [1, shoulder], [neck, shoulder + 0.15], [neck, 1]], radius, tall)
    cap = draft.part("stopper", (0, 0, tall), anchor=(0, 0, 0.008), shade=draft.draw(0.5, 0.9))
    cap.cylinder(1.25 * neck * radius, 0.018, (0, 0, 0.007))
    return tall


def _carafe(draft: Draft) -> float:
    """A wide body under a funnel."""
    radius, tall, neck = draft.draw(0.035, 0.06), draft.draw(0.11, 0.2), draft.draw(0.3, 0.45)
    profile = np.array([[0.85, 0], [1, 0.2], [0.8, 0.4], [neck, 0.65], [0.75, 1]]) * (radius, tall)
    draft.hollow(profile, 0.12 * radius)
    draft.cylinder(0.95 * radius, 0.006, (0, 0, 0.003))
    if draft.chance(0.5):
        _loop(draft, 0.8 * radius, 0.3 * tall, 0.8 * tall)
    return tall


def _barrel(draft: Draft) -> float:
    """A bulging body with three hoops and sometimes a tap."""
    radius, tall, bulge = draft.draw(0.03, 0.065), draft.draw(0.07, 0.15), draft.draw(1.1, 1.3)
    _body(draft, [[1, 0], [0.5 + bulge / 2, 0.25], [bulge, 0.5], [0.5 + bulge / 2, 0.75], [1, 1]], radius, tall)
    bands = draft.part("hoops", (0, 0, 0.27 * tall), anchor=(radius, 0, 0), shade=0.6)
    outer = 0.53 + bulge / 2
    for height, swell in ((0.0, outer), (0.23, 1.03 * bulge), (0.46, outer)):
        bands.cylinder(swell * radius, 0.06 * tall, (0, 0, height * tall))
    if draft.chance(0.5):
        tap = draft.part("tap", (radius, 0, 0.15 * tall), anchor=(0.03, 0, 0), shade=0.7)
        tap.cylinder(0.006, 0.04, (0.015, 0, 0), axis=0)
        tap.cylinder(0.005, 0.022, (0.03, 0, 0.005))
    return tall


def _goblet(draft: Draft) -> float:
    """A hollow bowl on a stem with a flat foot."""
    radius, tall = draft.draw(0.025, 0.045), draft.draw(0.09, 0.17)
    foot, mouth = draft.draw(0.65, 1.0), draft.draw(0.8, 1.05)
    profile = [[foot, 0], [foot, 0.03], [0.13, 0.09], [0.13, 0.45], [0.85, 0.62], [mouth, 1]]
    inside = [[0.88 * mouth, 1], [0.72, 0.65], [0.1, 0.55]]
    draft.turned(np.array(profile + inside) * (radius, tall))
    draft.cylinder(1.05 * foot * radius, 0.004, (0, 0, 0.002))
    return tall


def _tankard(draft: Draft) -> float:
    """A straight vessel with a big handle, mostly with a hinged cover that is raised or not."""
    radius, tall = draft.draw(0.025, 0.045), draft.draw(0.06, 0.13)
    draft.hollow([[radius, 0], [radius, tall]], 0.004)
    _loop(draft, radius, 0.15 * tall, 0.85 * tall)
    draft.turned([[1.08 * radius, 0], [1.08 * radius, 0.1 * tall]])
    return tall


def _amphora(draft: Draft) -> float:
    """A slender body with a handle at both sides of its neck."""
    radius, tall = draft.draw(0.03, 0.05), draft.draw(0.12, 0.22)
    _body(draft, [[0.35, 0], [0.8, 0.3], [1, 0.55], [0.4, 0.8], [0.4, 0.93], [0.55, 1]], radius, tall)
    for sign, word in ((-1, "rear"), (1, "front")):
        walls = (sign * 0.85 * radius, sign * 0.38 * radius)
        side_grip(draft, f"{word} handle", walls, 0.62 * tall, 0.9 * tall, 0.006, 0.008)
    return tall


def _shaker(draft: Draft) -> float:
    """A small body with a domed cap."""
    radius, tall, waist = draft.draw(0.014, 0.026), draft.draw(0.04, 0.08), draft.draw(0.6, 1.0)
    _body(draft, [[1, 0], [waist, 0.5], [0.85, 1]], radius, tall)
    cap = draft.part("cap", (0, 0, tall), anchor=(0, 0, 0.6 * radius), shade=draft.draw(0.5, 0.8))
    cap.turned(arc(0.95 * radius, 0.0, 0.46 * np.pi, 5))
    return tall


def _cloche(draft: Draft) -> float:
    """A dome with a knob on a plate."""
    radius, tall = draft.draw(0.05, 0.09), draft.draw(0.04, 0.08)
    draft.cylinder(1.2 * radius, 0.008, (0, 0, 0.004))
    cover = draft.part("cover", (0, 0, 0.008), anchor=(0, 0, tall), shade=draft.draw(0.7, 1))
    cover.turned(arc(1.0, 0.0, 0.47 * np.pi, 6) * (radius, tall))
    knob(cover, "knob", 0.012, 0.03, (0, 0, 0.97 * tall))
    return tall


VESSELS: dict[str, Build] = {
    "jug": _jug,
    "pot": _pot,
    "pan": _pan,
    "kettle": _kettle,
    "teapot": _teapot,
    "vase": _vase,
    "flask": _flask,
    "carafe": _carafe,
    "barrel": _barrel,
    "goblet": _goblet,
    "tankard": _tankard,
    "amphora": _amphora,
    "shaker": _shaker,
    "cloche": _cloche,
}

VESSEL_SYNONYMS: dict[str, tuple[str, ...]] = {
    "jug": ("pitcher", "ewer"),
    "pot": ("casserole", "saucepan"),
    "pan": ("skillet",),
    "vase": ("urn",),
    "flask": ("vial",),
    "carafe": ("decanter",),
    "barrel": ("keg", "cask"),
    "goblet": ("chalice",),
    "tankard": ("mug", "stein"),
}
