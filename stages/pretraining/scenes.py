"""Procedural scenes as point clouds that can be coloured, turned and shifted at will before they are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.observation import Observation
from stages.geometry.arm import outside_arm
from stages.geometry.cameras import deproject
from stages.geometry.canonical import CanonicalViews
from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import WORKSPACE_CENTRE, inside_workspace
from stages.planner.hand import Hand
from stages.planner.pointing.views import render_views
from stages.pretraining.references import Things
from stages.simulators.protocol import SceneObject
from stages.simulators.tabletop.families import NOUNS, alike

DARKEST = 0.05
"""Reflectance of black."""

FEWEST_POINTS = 12
"""What shows less of itself is not spoken of."""

NO_THING, WHOLE = "nothing", "whole"
"""Words for what is no thing, and for what is no part."""

STRANGE = 3
"""Nouns of other things that a scene is asked about."""

NAMELESS = 0.25
"""Share of scenes whose colours have no names."""

OWN_PAINT = 0.4
"""Share of parts that are painted otherwise than their thing."""

IN_HAND = 0.03
"""What is so near to the gripper's tip is held [m]."""

PIVOT = np.array([0.2, 0.0, 0.0])
"""Scenes are turned about the vertical through this point, world frame [m]."""


@dataclass(frozen=True)
class ClutterScene:
    """One scene of white things.

    Attributes:
        points: (N, 3) float16 from the workspace's centre [m].
        light: (N, 3) uint8 colours under white paint.
        ids: (N,) uint8, which thing a point belongs to, from 1; 0 = none.
        nouns: names of the M things and parts ("jug", "jug handle").
        owners: (M,) for a part the thing that it belongs to, for a thing itself.
        positions: (M, 3) their places, world frame [m].
        tip: (3,) of the gripper, world frame [m].
    """

    points: np.ndarray
    light: np.ndarray
    ids: np.ndarray
    nouns: tuple[str, ...]
    owners: np.ndarray
    positions: np.ndarray
    tip: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """(M,) how far the seen points of each thing spread, its parts left out [m]."""
        return np.array([_spread(self.points[self.ids == number]) for number in range(1, len(self.nouns) + 1)])

    def save(self, path: Path) -> None:
        np.savez(path, **{name: np.asarray(value) for name, value in vars(self).items()})

    @property
    def words(self) -> tuple[set[str], set[str]]:
        """Its nouns, and words for its parts."""
        found = [_words(noun, "") for noun in self.nouns]
        return {noun for noun, _, _ in found}, {part for _, part, _ in found}

    @property
    def held(self) -> int | None:
        """Which thing is in the hand."""
        near = self.ids[np.linalg.norm(self.points + WORKSPACE_CENTRE - self.tip, axis=1) < IN_HAND]
        counts = np.bincount(self.owners[near[near > 0] - 1], minlength=len(self.nouns))
        return int(counts.argmax()) if counts.max(initial=0) > 0 else None

    @classmethod
    def load(cls, path: Path) -> ClutterScene:
        with np.load(path) as content:
            arrays = {name: content[name] for name in content.files}
        return cls(**{**arrays, "nouns": tuple(arrays["nouns"].tolist())})


@dataclass(frozen=True)
class Look:
    """A scene as it is shown once.

    Attributes:
        views: (V, S, S, 6) uint8, of `render_views`.
        phrases: by kind of referring expression, noun phrases of one thing or part alone with its place (3,) in the
            world frame [m].
        absent: noun phrases that mean nothing in it.
        things: its things in full, without parts.
        labels: (V, S, S) uint8, number from 1 of the thing or part that a pixel shows.
        words: for every label noun, word of the part and name of the paint.
    """

    views: np.ndarray
    phrases: dict[str, dict[str, np.ndarray]]
    absent: tuple[str, ...]
    things: Things
    labels: np.ndarray
    words: tuple[tuple[str, str, str], ...]

    @property
    def places(self) -> dict[str, np.ndarray]:
        """All phrases with their places."""
        return {phrase: place for phrases in self.phrases.values() for phrase, place in phrases.items()}


def cloud_of(observation: Observation, things: Sequence[SceneObject]) -> ClutterScene:
    """The cloud of an observation with masks, the arm left out.

    Args:
        things: what the masks show, each followed by its parts.
    """
    points, light, masks = [], [], []
    for frame in observation.cameras.values():
        world = deproject(frame.depth, frame.intrinsics, frame.camera_to_world).reshape(-1, 3)
        keep = (frame.depth.reshape(-1) > 0) & inside_workspace(world)
        points.append(world[keep])
        light.append(frame.rgb.reshape(-1, 3)[keep])
        masks.append(frame.mask.reshape(-1)[keep])
    cloud, shades, mask = np.concatenate(points), np.concatenate(light), np.concatenate(masks)
    keep = outside_arm(cloud, observation.joint_positions)
    mask_ids = np.array([thing.mask_id for thing in things])
    number = np.zeros(max(int(mask.max()), int(mask_ids.max())) + 1, np.uint8)
    number[mask_ids] = np.arange(1, len(things) + 1)
    whole = np.array([thing.kind != "part" for thing in things])
    return ClutterScene(
        (cloud[keep] - WORKSPACE_CENTRE).astype(np.float16),
        shades[keep],
        number[mask[keep]],
        tuple(thing.name for thing in things),
        np.maximum.accumulate(np.where(whole, np.arange(len(things)), 0)),
        np.array([thing.position for thing in things]),
        observation.gripper_pose[:3],
    )


def look(
    rng: np.random.Generator, scene: ClutterScene, palette: Mapping[str, tuple], views: CanonicalViews, shift: float
) -> Look:
    """Paint the things, turn and shift the scene, drop points, and render it."""
    names, paint = _paints(rng, palette, scene.owners)
    keep = rng.random(len(scene.points)) < rng.uniform(0.4, 0.9)
    ids = scene.ids[keep]
    light = scene.light[keep] * (rng.normal(1, 0.06) * rng.normal(1, 0.02, 3)).astype(np.float32)
    light[ids == 0] *= rng.uniform(0.7, 1.15, 3).astype(np.float32)
    colours = np.clip(light * paint[ids], 0, 255).astype(np.uint8)
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.7 else rng.normal(0, 0.2)
    turn, offset = axis_rotation(2, angle), np.append(rng.uniform(-shift, shift, 2), 0)
    points = _moved(scene.points[keep].astype(np.float32) + WORKSPACE_CENTRE, turn, offset).astype(np.float32)
    positions = _moved(scene.positions, turn, offset)
    shown = inside_workspace(positions) & (np.bincount(ids, minlength=len(scene.nouns) + 1)[1:] > FEWEST_POINTS)
    called = [names[owner] for owner in scene.owners]
    whole = np.flatnonzero(shown & (scene.owners == np.arange(len(scene.nouns))))
    things = Things(
        tuple(called[i] for i in whole), tuple(scene.nouns[i] for i in whole), positions[whole], scene.sizes[whole]
    )
    phrases = things.references(rng) | {"part": _parts(scene, called, positions, shown)}
    held = scene.held
    if held is not None and shown[held]:
        phrases["held"] = {f"grasped {_full_name(called[held], scene.nouns[held])}": positions[held]}
    tip = _moved(scene.tip, turn, offset)
    absent = _absent(rng, list(palette), called, scene.nouns)
    seen = render_views(views, points, np.column_stack([colours, ids]), Hand(tip))
    words = [_words(noun, name) for noun, name in zip(scene.nouns, names, strict=True)]
    return Look(seen[..., :-1], phrases, absent, things, seen[..., -1], ((NO_THING, WHOLE, ""), *words))


def _paints(rng: np.random.Generator, palette: Mapping[str, tuple], owners: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names of the paints of M things, and the paints (1 + M, 3), white for what is no thing.

    In some scenes the colours have no names, in some there are few of them, so that the shapes matter.
    """
    if rng.random() < NAMELESS:
        paint = rng.uniform(DARKEST, 1, (len(owners), 3)) ** rng.uniform(0.5, 2)
        own = np.where(rng.random(len(owners)) < OWN_PAINT, np.arange(len(owners)), owners)
        return [""] * len(owners), np.concatenate([np.ones((1, 3)), paint[own]]).astype(np.float32)
    names = _paint_names(rng, list(palette), owners)
    paint = np.array([(1.0, 1.0, 1.0)] + [palette[name] for name in names], np.float32)
    paint[1:] = np.clip(paint[1:] + rng.normal(0, 0.02, paint[1:].shape), DARKEST, 1)
    return names, paint


def _paint_names(rng: np.random.Generator, colours: list[str], owners: np.ndarray) -> list[str]:
    """Colours of the things, in a third of the cases few; a part mostly has its thing's."""
    pool = rng.permutation(colours)[: 2 if rng.random() < 0.3 else None].tolist()
    names = rng.choice(pool, len(owners)).tolist()
    return [name if rng.random() < OWN_PAINT else names[owner] for name, owner in zip(names, owners, strict=True)]


def _parts(scene: ClutterScene, called: list[str], positions: np.ndarray, shown: np.ndarray) -> dict[str, np.ndarray]:
    """Places of the parts that their thing's colour identifies, or its noun alone."""
    found = {}
    for phrases in ([_full_name(*pair) for pair in zip(called, scene.nouns, strict=True)], list(scene.nouns)):
        parts = np.flatnonzero(shown & (scene.owners != np.arange(len(scene.nouns))))
        found |= {phrases[i]: positions[i] for i in parts if phrases.count(phrases[i]) == 1}
    return found


def _absent(rng: np.random.Generator, colours: list[str], called: list[str], nouns: Sequence[str]) -> tuple[str, ...]:
    """Names of things and parts that are not there: those that are there in another colour, and others."""
    there = {_full_name(*pair) for pair in zip(called, nouns, strict=True)}
    known = {word for noun in nouns for word in alike(noun.split()[0])}
    strange = [noun for noun in rng.choice(NOUNS, STRANGE).tolist() if noun not in known]
    recoloured = [*strange, *(noun for colour, noun in zip(called, nouns, strict=True) if colour)]
    names = (*strange, *(_full_name(str(rng.choice(colours)), noun) for noun in recoloured))
    return tuple(name for name in names if name not in there)


def _words(noun: str, paint: str) -> tuple[str, str, str]:
    """Noun, part and paint of a thing or part."""
    first, *part = noun.split()
    return first, part[-1] if part else WHOLE, paint


def _full_name(colour: str, noun: str) -> str:
    return f"{colour} {noun}".strip()


def _spread(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(points.astype(np.float32), axis=0))) if len(points) else 0.0


def _moved(points: np.ndarray, turn: np.ndarray, offset: np.ndarray) -> np.ndarray:
    return (points - PIVOT) @ turn.T + PIVOT + offset
