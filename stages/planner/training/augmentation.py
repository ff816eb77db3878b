"""What is done to a scene between two looks at it, so that all that is said of it stays true.

Things of other scenes are set down on the table, coloured things are repainted and renamed, cameras are dropped, the
whole is turned, shifted, scaled and stretched, seen by cameras that are a little off, and lit otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import TABLE_HEIGHT

Colour = tuple[float, float, float]

PIVOT = np.array([0.2, 0.0, TABLE_HEIGHT])
"""Scenes are turned and scaled about this point, amid the table's top, world frame [m]."""

FEWEST_POINTS = 12
"""What shows less of itself cannot be recognised."""

DARKEST = 0.05
"""Reflectance of black."""

SHADES = (0.3, 1.45)
"""How bright a surface looks beside its colour's name, from its shady side to what is named after a darker one."""

OFF_COLOUR = 0.2
"""A surface is of a named colour if no more than this share of its light is of another."""

CARRIERS = {"button": "button base", "light bulb": "bulb holder"}
"""Things that are called by the colour of something else."""

REACH, FOOT, MARGIN = 0.09, 0.015, 0.02
"""Of what is cut out and set down elsewhere: how far it reaches to each side at most, how close to the table it stands,
and how much free table it gets around it [m]."""

TRIES = 6
"""Places looked at before a thing is left out."""

FARTHEST = 0.35
"""From the pivot to such a place [m]: it stays in sight wherever the scene is moved."""

HUE = np.deg2rad(5)
BRIGHTNESS, TINT, SATURATION = (0.93, 1.1), 0.02, (0.85, 1.1)
"""How light differs: largest turn of hue, range of brightness, deviation between channels, range of saturation."""

TINTED, TINTING = (0.5, 1.4), 0.25
"""How bright large things are painted anew, as shares, and by how much their channels differ [nat]."""

_LABELS = 256


@dataclass(frozen=True)
class Paints:
    """Colours by name, (red, green, blue) in [0, 1].

    Attributes:
        named: those that the names of things may begin with.
        rare: those that things are repainted in; none of the others.
    """

    named: Mapping[str, Colour]
    rare: Mapping[str, Colour]


@dataclass(frozen=True)
class Thing:
    """Something in a scene that has a name.

    Attributes:
        name: noun phrase.
        kind: one of object, part, place.
        position: (3,) its anchor, world frame [m].
    """

    name: str
    kind: str
    position: np.ndarray


@dataclass(frozen=True)
class LabelledCloud:
    """A cloud whose points are known by what they show and who saw them.

    Attributes:
        points: (N, 3) float32, world frame [m].
        colours: (N, 3) uint8.
        labels: (N,) uint8, the number of the thing that a point lies on, from 1; 0 = nothing that has a name.
        cameras: (N,) uint8.
        things: those that the labels count.
    """

    points: np.ndarray
    colours: np.ndarray
    labels: np.ndarray
    cameras: np.ndarray
    things: tuple[Thing, ...]

    def part(self, index: np.ndarray) -> LabelledCloud:
        """The points of an index."""
        points, colours = (array.take(index, axis=0) for array in (self.points, self.colours))
        return replace(self, points=points, colours=colours, labels=self.labels[index], cameras=self.cameras[index])

    def visible(self) -> np.ndarray:
        """(M,) how many points lie on each thing."""
        return np.bincount(self.labels, minlength=len(self.things) + 1)[1:]


@dataclass(frozen=True)
class Move:
    """A turn, a scaling and a shift: points (..., 3) -> points @ matrix.T + offset."""

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return points @ self.matrix.T.astype(points.dtype) + self.offset.astype(points.dtype)


def random_move(rng: np.random.Generator, turn: float, shift: float, scale: float, stretch: float) -> Move:
    """A turn about the vertical, a shift in the plane, and a scaling and a stretching about the table's top.

    Args:
        turn, shift: at most so much [rad, m].
        scale: largest change of all lengths, as a share.
        stretch: largest change of lengths along the vertical and along two random directions of the plane, as a share.
    """
    along = axis_rotation(2, rng.uniform(-np.pi, np.pi))
    stretched = along @ np.diag(rng.uniform(1 - stretch, 1 + stretch, 3)) @ along.T
    matrix = axis_rotation(2, rng.uniform(-turn, turn)) @ stretched * rng.uniform(1 - scale, 1 + scale)
    return Move(matrix, PIVOT - matrix @ PIVOT + np.append(rng.uniform(-shift, shift, 2), 0))


def seen_by_erring_cameras(rng: np.random.Generator, scene: LabelledCloud, shift: float, turn: float) -> LabelledCloud:
    """The scene with each camera's cloud shifted and turned about the pivot by deviations [m, rad] of its own."""
    moves = []
    for _ in range(int(scene.cameras.max(initial=0)) + 1):
        matrix = _small_turn(rng.normal(0, turn, 3))
        moves.append(Move(matrix, PIVOT - matrix @ PIVOT + rng.normal(0, shift, 3)))
    points = np.empty_like(scene.points)
    ends = [*(np.flatnonzero(np.diff(scene.cameras)) + 1), len(points)]
    for first, end in pairwise([0, *ends]):
        points[first:end] = moves[scene.cameras[first]](scene.points[first:end])
    return replace(scene, points=points)


def _small_turn(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix (3, 3), to first order, of a small rotation vector (3,) [rad]."""
    x, y, z = vector
    return np.array([[1, -z, y], [z, 1, -x], [-y, x, 1]])


def without_cameras(scene: LabelledCloud, dropped: Iterable[int], pointed: Sequence[str]) -> LabelledCloud:
    """The scene without what some cameras saw, or as it is if they alone see something that is pointed at."""
    rest = scene.part(np.flatnonzero(~np.isin(scene.cameras, list(dropped))))
    wanted = np.array([thing.name in pointed for thing in scene.things], bool)
    if np.any(rest.visible()[wanted] < np.minimum(scene.visible()[wanted], FEWEST_POINTS)):
        return scene
    return rest


def relit(rng: np.random.Generator, colours: np.ndarray) -> np.ndarray:
    """Colours (N, 3) uint8 in other light, by so little that none becomes another that has a name."""
    gains = rng.uniform(*BRIGHTNESS) * np.clip(rng.normal(1, TINT, 3), 1 - 2 * TINT, 1 + 2 * TINT)
    matrix = gains[:, None] * colour_turn(rng.uniform(-HUE, HUE), rng.uniform(*SATURATION))
    return np.clip(colours.astype(np.float32) @ matrix.T.astype(np.float32), 0, 255).astype(np.uint8)


def colour_turn(hue: float, saturation: float) -> np.ndarray:
    """(3, 3): turns colours about the grey axis [rad], and moves them away from it or towards it."""
    grey = np.full((3, 3), 1 / 3)
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return grey + saturation * (np.cos(hue) * (np.eye(3) - grey) + np.sin(hue) * across)


def tinted(rng: np.random.Generator, scene: LabelledCloud, paints: Paints, share: float) -> LabelledCloud:
    """The scene with a share of its large things and their parts in other colours, where no name has their colour.

    Small things keep theirs, since some, as groceries, can only be recognised by it.
    """
    coloured, whole = {*paints.named, *paints.rare}, _random_tint(rng)
    gains = np.ones((_LABELS, 3), np.float32)
    for number, thing in enumerate(scene.things, 1):
        if thing.kind != "place" and coloured.isdisjoint(thing.name.split()) and rng.random() < share:
            gains[number] = whole if rng.random() < 0.5 else _random_tint(rng)
    for number, thing in enumerate(scene.things, 1):
        if thing.kind == "object" and _is_small(scene.points[scene.labels == number]):
            gains[[number, *_parts(scene, number)]] = 1
    colours = np.clip(scene.colours * gains[scene.labels], 0, 255).astype(np.uint8)
    return replace(scene, colours=colours)


def _random_tint(rng: np.random.Generator) -> np.ndarray:
    """(3,) what a paint reflects more or less of."""
    return rng.uniform(*TINTED) * np.exp(rng.normal(0, TINTING, 3))


def paintable(scene: LabelledCloud, paints: Paints) -> dict[str, np.ndarray]:
    """The colours by whose names things are called and that they show, each with the points (N,) bool that do.

    A colour is left out if something called by it shows another, as a pale green square does.
    """
    called = [re.fullmatch(r"(\S+) (.+)", thing.name) for thing in scene.things]
    names = {thing.name for thing in scene.things}
    found: dict[str, np.ndarray] = {}
    spoilt = set()
    for label, match in enumerate(called, 1):
        if not match or match[1] not in paints.named or f"{match[1]} {CARRIERS.get(match[2], '')}" in names:
            continue
        own = np.flatnonzero(scene.labels == label)
        fits = own[_shows(scene.colours[own], paints.named[match[1]])]
        if 2 * len(fits) < len(own):
            spoilt.add(match[1])
        found.setdefault(match[1], np.zeros(len(scene.labels), bool))[fits] = True
    return {colour: points for colour, points in found.items() if colour not in spoilt}


def repainted(
    scene: LabelledCloud, points: Mapping[str, np.ndarray], renamed: Mapping[str, str], paints: Paints
) -> LabelledCloud:
    """The scene with some of its `paintable` colours replaced by rare ones, in paint and in name.

    Args:
        points: what `paintable` found.
        renamed: the rare colour for each colour that is replaced.
    """
    colours = scene.colours.copy()
    for old, new in renamed.items():
        own = points[old]
        shade = _shade(colours[own].astype(np.float32), _reflected(paints.named[old]))
        colours[own] = np.clip(shade[:, None] * _reflected(paints.rare[new]), 0, 255).astype(np.uint8)
    things = tuple(replace(thing, name=_recoloured(thing.name, renamed)) for thing in scene.things)
    return replace(scene, colours=colours, things=things)


def _recoloured(name: str, renamed: Mapping[str, str]) -> str:
    first, _, rest = name.partition(" ")
    return f"{renamed.get(first, first)} {rest}" if rest else name


def _shows(colours: np.ndarray, paint: Colour) -> np.ndarray:
    """Which colours (N, 3) are that paint in some light: (N,) bool."""
    colours, reflected = colours.astype(np.float32), _reflected(paint)
    shade = _shade(colours, reflected)
    off = np.linalg.norm(colours - shade[:, None] * reflected, axis=1)
    lit = (SHADES[0] < shade) & (shade < SHADES[1])
    return lit & (off < OFF_COLOUR * np.maximum(np.linalg.norm(colours, axis=1), 255 * DARKEST))


def _shade(colours: np.ndarray, reflected: np.ndarray) -> np.ndarray:
    """(N,): how much of the light of a paint (3,) colours (N, 3) have; 1 = as much as the paint reflects."""
    return colours @ reflected / (reflected @ reflected)


def _reflected(paint: Colour) -> np.ndarray:
    """(3,) float32, of 255."""
    return np.clip(paint, DARKEST, 1).astype(np.float32) * np.float32(255)


def cut_out(scene: LabelledCloud) -> list[LabelledCloud]:
    """The small things that stand on the table, each with its parts and nothing else."""
    objects = [number for number, thing in enumerate(scene.things, 1) if thing.kind == "object"]
    pieces = (_piece(scene, number) for number in objects)
    return [piece for piece in pieces if len(piece.points) >= FEWEST_POINTS and _is_small(piece.points)]


def _piece(scene: LabelledCloud, number: int) -> LabelledCloud:
    """A thing and its parts."""
    own = [number, *_parts(scene, number)]
    numbers = np.zeros(_LABELS, np.uint8)
    numbers[own] = np.arange(1, len(own) + 1)
    labels = numbers[scene.labels]
    return replace(scene, labels=labels, things=tuple(scene.things[n - 1] for n in own)).part(np.flatnonzero(labels))


def _parts(scene: LabelledCloud, number: int) -> list[int]:
    """Numbers of a thing's parts, whose names begin with the thing's."""
    name = scene.things[number - 1].name
    return [part for part, thing in enumerate(scene.things, 1) if thing.name.startswith(f"{name} ")]


def _is_small(points: np.ndarray) -> bool:
    """Whether something stands on the table and is no larger than what is set down elsewhere; nothing is."""
    if not len(points):
        return True
    low, high = points.min(axis=0), points.max(axis=0)
    return bool(np.all(high[:2] - low[:2] < 2 * REACH) and abs(low[2] - TABLE_HEIGHT) < FOOT)


def set_down(rng: np.random.Generator, scene: LabelledCloud, thing: LabelledCloud) -> LabelledCloud:
    """The scene with what was cut out of another on a free place of the table, or as it is if none is found."""
    low, high = thing.points.min(axis=0), thing.points.max(axis=0)
    centre, radius = (low + high)[:2] / 2, float(np.linalg.norm((high - low)[:2])) / 2
    place = _free_place(rng, scene, radius + MARGIN)
    if place is None or len(scene.things) + len(thing.things) >= _LABELS:
        return scene
    turn = axis_rotation(2, rng.uniform(-np.pi, np.pi))
    move = Move(turn, np.append(place, 0) - turn @ np.append(centre, 0))
    labels = (thing.labels + len(scene.things)).astype(np.uint8)
    return LabelledCloud(
        np.concatenate([scene.points, move(thing.points)]),
        np.concatenate([scene.colours, thing.colours]),
        np.concatenate([scene.labels, labels]),
        np.concatenate([scene.cameras, thing.cameras]),
        (*scene.things, *(replace(one, position=move(one.position)) for one in thing.things)),
    )


def _free_place(rng: np.random.Generator, scene: LabelledCloud, radius: float) -> np.ndarray | None:
    """(2,) the middle of a bare disc of the table that is seen."""
    height = scene.points[:, 2] - np.float32(TABLE_HEIGHT)
    table = np.flatnonzero((scene.labels == 0) & (np.abs(height) < FOOT / 2))
    taken = scene.points[(scene.labels > 0) | (height > FOOT), :2]
    for index in table[rng.integers(len(table), size=TRIES)] if len(table) else ():
        place = scene.points[index, :2]
        near = np.linalg.norm(place - PIVOT[:2]) < FARTHEST
        if near and not np.any(np.sum((taken - place) ** 2, axis=1) < radius**2):
            return place.astype(float)
    return None
