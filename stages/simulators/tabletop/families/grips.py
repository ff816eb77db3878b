"""Handles, knobs and feet, as furniture, machines and vessels have them."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.families.draft import Draft, Point, arc, turn

GRIPS = ("bar", "bow", "knob", "pull")


def front_grip(draft: Draft, words: str, position: Point, room: float, upright: bool = False) -> None:
    """A handle on a front that faces X.

    Args:
        position: (3,) on the front.
        room: greatest length of the handle [m].
        upright: whether a bar or a bow stands upright rather than level.
    """
    style = draft.pick(*GRIPS)
    reach = draft.draw(0.012, 0.035)
    grip = draft.part(words, position, anchor=(reach, 0, 0), shade=draft.draw(0.6, 1.0))
    length, thick = room * draft.draw(0.4, 0.9), min(draft.draw(0.006, 0.012), 0.4 * room)
    axis = np.array([0, 0, 1.0]) if upright else np.array([0, 1.0, 0])
    if style == "knob":
        radius = min(draft.draw(0.006, 0.014), 0.45 * room)
        grip.cylinder(0.5 * radius, reach, (reach / 2, 0, 0), axis=0)
        grip.sphere(radius, (reach, 0, 0))
    elif style == "pull":
        _pull(grip, length, reach, upright)
    else:
        grip.bar((reach, 0, 0) - axis * length / 2, (reach, 0, 0) + axis * length / 2, thick)
        inset = 0.5 if style == "bow" else 0.3
        for side in (-inset, inset):
            grip.bar(axis * side * (length - thick), (reach, 0, 0) + axis * side * (length - thick), 0.7 * thick)


def side_grip(draft: Draft, words: str, side: Point, low: float, high: float, reach: float, thick: float) -> None:
    """A loop of bars at a side of a vessel, in the plane of X and Z.

    Args:
        side: x of the wall at the lower and at the upper end [m]; a wall at a negative x has its loop there.
        low, high: heights of its ends [m].
        reach: how far it stands off the wall.
    """
    sign = 1.0 if side[0] >= 0 else -1.0
    far = max(abs(side[0]), abs(side[1])) + reach
    middle = (low + high) / 2
    grip = draft.part(words, (sign * far, 0, middle))
    half = (high - low) / 2
    bend = half * draft.draw(0.4, 1.0)
    grip.bar((0, 0, -bend), (0, 0, bend), thick)
    for end, wall in ((-1, side[0]), (1, side[1])):
        grip.bar((0, 0, end * bend), (wall - sign * far, 0, end * half), thick)


def top_grip(draft: Draft, words: str, length: float, rise: float, height: float, thick: float) -> None:
    """A loop above a thing, in the plane of Y and Z, between two points `length` apart at a height."""
    grip = draft.part(words, (0, 0, height + rise))
    inner = length * draft.draw(0.3, 0.5)
    grip.bar((0, -inner, 0), (0, inner, 0), thick)
    for side in (-1, 1):
        grip.bar((0, side * inner, 0), (0, side * length / 2, -rise), thick)


def knob(draft: Draft, words: str, radius: float, height: float, position: Point = (0, 0, 0)) -> None:
    """A ball on a short stem on top of something."""
    grip = draft.part(words, position, anchor=(0, 0, height - radius))
    grip.cylinder(0.5 * radius, height - radius, (0, 0, (height - radius) / 2))
    grip.sphere(radius, (0, 0, height - radius))


def legs(draft: Draft, depth: float, width: float, height: float, thick: float) -> None:
    """Four legs under the corners of a rectangle."""
    for x in (-1, 1):
        for y in (-1, 1):
            draft.block((thick, thick, height), (x * (depth - thick) / 2, y * (width - thick) / 2, 0))


def _pull(grip: Draft, length: float, reach: float, upright: bool) -> None:
    """Half of a shallow shell that fingers go behind."""
    outline = arc(1.0, -np.pi / 2, np.pi / 2, 7) * (reach, length / 2)
    thick = 0.4 * reach
    if upright:
        grip.extruded(outline, thick, (0, thick / 2, 0), turn(0, np.pi / 2))
    else:
        grip.extruded(outline, thick, (0, 0, -thick / 2))
