"""Packaged goods, most with a label of another shade."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.families.draft import Build, Draft, arc, turn


def _shade(draft: Draft) -> float:
    return draft.draw(0.4, 0.8)


def _front_label(draft: Draft, x: float, width: float, tall: float, height: float) -> None:
    """A flat label on a face that looks along X."""
    label = draft.part("label", (x, 0, height), anchor=(0.001, 0, 0), shade=_shade(draft))
    label.box((0.003, width * draft.draw(0.5, 0.95), tall * draft.draw(0.25, 0.6)))


def _band(draft: Draft, radius: float, tall: float, height: float) -> None:
    """A label around a round body."""
    label = draft.part("label", (0, 0, height), anchor=(radius, 0, 0), shade=_shade(draft))
    label.cylinder(1.015 * radius, tall)


def _cap(draft: Draft, radius: float, tall: float, height: float) -> None:
    cap = draft.part("cap", (0, 0, height), anchor=(0, 0, tall / 2), shade=_shade(draft))
    cap.cylinder(radius, tall, (0, 0, tall / 2))


def _carton(draft: Draft) -> float:
    """An upright block with a gabled or a flat top."""
    deep, wide, tall = draft.rng.uniform((0.03, 0.04, 0.07), (0.07, 0.09, 0.17))
    draft.block((deep, wide, tall))
    _front_label(draft, deep / 2, wide, tall, tall / 2)
    if draft.chance(0.5):
        draft.top(deep, wide, tall)
        return float(tall)
    ridge = 0.4 * deep
    draft.extruded([[-deep / 2, 0], [deep / 2, 0], [0, ridge]], wide, (0, wide / 2, tall), turn(0, np.pi / 2))
    draft.block((0.006, wide, 0.012), (0, 0, tall + ridge - 0.004))
    return float(tall + ridge)


def _tin(draft: Draft) -> float:
    """A flat round vessel with a lid, or an oval one."""
    radius, tall, stretch = draft.draw(0.03, 0.06), draft.draw(0.02, 0.055), draft.draw(1.1, 1.7)
    outline = arc(radius, 0.0, 2 * np.pi, 21)[:-1] * (1, stretch)
    draft.extruded(outline, tall)
    lid = draft.part("lid", (0, 0, tall), anchor=(0, 0, 0.012), shade=_shade(draft))
    lid.extruded(1.03 * outline, 0.012)
    return tall + 0.012


def _tube(draft: Draft) -> float:
    """A lying tube, round at the cap and flat at the far end."""
    radius, length = draft.draw(0.014, 0.024), draft.draw(0.09, 0.16)
    draft.extruded(
        [[0, -radius], [length, -1.5 * radius], [length, 1.5 * radius], [0, radius]], 0.006, (0, 0, radius - 0.003)
    )
    draft.turned([[radius, 0], [0.25 * radius, 0.8 * length]], (0, 0, radius), rotation=turn(1, np.pi / 2))
    cap = draft.part("cap", (-0.012, 0, radius), shade=_shade(draft))
    cap.cylinder(0.8 * radius, 0.026, axis=0)
    return 2 * radius


def _pillow(draft: Draft, deep: float, wide: float, thick: float, height: float) -> None:
    """A lying cushion with flat seams at both ends of X."""
    draft.ellipsoid((0.5 * deep, 0.55 * wide, thick / 2), (0, 0, height))
    draft.box((0.86 * deep, 0.96 * wide, 0.3 * thick), (0, 0, height))
    for side in (-1, 1):
        draft.box((0.12 * deep, wide, 0.004), (side * 0.46 * deep, 0, height))


def _sachet(draft: Draft) -> float:
    """A small flat cushion."""
    deep, wide, thick = draft.rng.uniform((0.06, 0.045, 0.01), (0.11, 0.08, 0.022))
    _pillow(draft, deep, wide, thick, thick / 2)
    label = draft.part("label", (0, 0, thick), shade=_shade(draft))
    label.box((0.3 * deep, 0.5 * wide, 0.006))
    return float(thick)


def _packet(draft: Draft) -> float:
    """A fat lying cushion with wide seams."""
    deep, wide, thick = draft.rng.uniform((0.11, 0.07, 0.03), (0.2, 0.13, 0.06))
    _pillow(draft, deep, wide, thick, thick / 2)
    label = draft.part("label", (0, 0, thick), shade=_shade(draft))
    label.cylinder(0.2 * wide, 0.006)
    return float(thick)


def _pouch(draft: Draft) -> float:
    """A standing bag that is thick below and flat above."""
    wide, thick, tall = draft.rng.uniform((0.06, 0.03, 0.09), (0.11, 0.055, 0.17))
    draft.extruded(
        [[-thick / 2, 0], [thick / 2, 0], [0.06 * thick, tall], [-0.06 * thick, tall]],
        wide,
        (0, wide / 2, 0),
        turn(0, np.pi / 2),
    )
    lean = float(np.arctan2(0.44 * thick, tall))
    label = draft.part("label", (0.3 * thick, 0, 0.45 * tall), rotation=turn(1, -lean), shade=_shade(draft))
    label.box((0.004, 0.7 * wide, 0.4 * tall))
    if draft.chance(0.5):
        spout = draft.part("spout", (0, 0.3 * wide, tall), anchor=(0, 0, 0.012), shade=_shade(draft))
        spout.cylinder(0.009, 0.03)
    return float(tall)


def _canister(draft: Draft) -> float:
    """A tall round vessel with a spray cap and a label."""
    radius, tall = draft.draw(0.018, 0.03), draft.draw(0.1, 0.19)
    draft.turned([[radius, 0], [radius, 0.88 * tall], [0.6 * radius, tall]])
    _band(draft, radius, 0.5 * tall, 0.45 * tall)
    _cap(draft, 0.55 * radius, draft.draw(0.012, 0.03), tall)
    return tall


def _phial(draft: Draft) -> float:
    """A small round vessel with shoulders and a wide cap."""
    radius, tall, neck = draft.draw(0.016, 0.03), draft.draw(0.045, 0.09), draft.draw(0.55, 0.8)
    draft.turned(np.array([[1, 0], [1, 0.75], [neck, 0.88], [neck, 1]]) * (radius, tall))
    _band(draft, radius, 0.4 * tall, 0.4 * tall)
    _cap(draft, 1.2 * neck * radius, draft.draw(0.012, 0.022), tall)
    return tall


def _parcel(draft: Draft) -> float:
    """A block with two bands around it and a bow."""
    deep, wide, tall = draft.rng.uniform((0.06, 0.08, 0.04), (0.14, 0.2, 0.11))
    draft.block((deep, wide, tall))
    ribbon = draft.part("ribbon", (0, 0, tall), anchor=(0, 0, 0.004), shade=_shade(draft))
    ribbon.box((deep + 0.004, 0.016, tall + 0.002), (0, 0, 0.001 - tall / 2))
    ribbon.box((0.016, wide + 0.004, tall + 0.002), (0, 0, 0.001 - tall / 2))
    for side in (-1, 1) if draft.chance(0.6) else ():
        ribbon.ellipsoid((0.01, 0.022, 0.011), (0, side * 0.022, 0.008))
    return float(tall)


def _sack(draft: Draft) -> float:
    """A round bag that is tied below its mouth."""
    radius, tall = draft.draw(0.035, 0.07), draft.draw(0.07, 0.13)
    draft.turned(np.array([[0.8, 0], [1, 0.15], [0.95, 0.45], [0.35, 0.72], [0.25, 0.78], [0.55, 1]]) * (radius, tall))
    cord = draft.part("cord", (0, 0, 0.77 * tall), anchor=(0.3 * radius, 0, 0), shade=_shade(draft))
    cord.cylinder(0.33 * radius, 0.07 * tall)
    return tall


def _roll(draft: Draft) -> float:
    """A standing or lying roll with a core and a label around it."""
    radius, tall = draft.draw(0.03, 0.055), draft.draw(0.02, 0.1)
    core = radius * draft.draw(0.3, 0.7)
    draft.turned([[radius, 0], [radius, tall], [core, tall], [core, 0.2 * tall]])
    _band(draft, radius, 0.3 * tall, 0.5 * tall)
    return tall


PACKAGES: dict[str, Build] = {
    "carton": _carton,
    "tin": _tin,
    "tube": _tube,
    "sachet": _sachet,
    "packet": _packet,
    "pouch": _pouch,
    "canister": _canister,
    "phial": _phial,
    "parcel": _parcel,
    "sack": _sack,
    "roll": _roll,
}

PACKAGE_SYNONYMS: dict[str, tuple[str, ...]] = {
    "canister": ("spray",),
    "packet": ("bag",),
    "parcel": ("gift", "present"),
}
