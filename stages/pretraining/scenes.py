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
from stages.pretraining.references import Things
from stages.simulators.protocol import SceneObject

DARKEST = 0.05
"""Reflectance of black."""

FEWEST_POINTS = 12
"""What shows less of itself is not spoken of."""

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
    """

    points: np.ndarray
    light: np.ndarray
    ids: np.ndarray
    nouns: tuple[str, ...]
    owners: np.ndarray
    positions: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """(M,) how far the seen points of each thing spread, its parts left out [m]."""
        return np.array([_spread(self.points[self.ids == number]) for number in range(1, len(self.nouns) + 1)])

    def save(self, path: Path) -> None:
        np.savez(path, **{name: np.asarray(value) for name, value in vars(self).items()})

    @classmethod
    def load(cls, path: Path) -> ClutterScene:
        with np.load(path) as content:
            arrays = {name: content[name] for name in content.files}
        return cls(**{**arrays, "nouns": tuple(arrays["nouns"].tolist())})


@dataclass(frozen=True)
class Look:
    """A scene as it is shown once.

    Attributes:
        views: (V, S, S, 3) uint8.
        phrases: M noun phrases, each of one thing or part alone; a thing can have several.
        positions: (M, 3) world frame [m].
        things: its things in full, without parts.
    """

    views: np.ndarray
    phrases: tuple[str, ...]
    positions: np.ndarray
    things: Things


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
    )


def look(
    rng: np.random.Generator, scene: ClutterScene, palette: Mapping[str, tuple], views: CanonicalViews, shift: float
) -> Look:
    """Paint the things, turn and shift the scene, drop points, and render it."""
    names = _paint_names(rng, list(palette), scene.owners)
    paint = np.array([(1.0, 1.0, 1.0)] + [palette[name] for name in names], np.float32)
    paint[1:] = np.clip(paint[1:] + rng.normal(0, 0.02, paint[1:].shape), DARKEST, 1)
    keep = rng.random(len(scene.points)) < rng.uniform(0.4, 0.9)
    ids = scene.ids[keep]
    light = scene.light[keep] * (rng.normal(1, 0.06) * rng.normal(1, 0.02, 3)).astype(np.float32)
    table = ids == 0
    light[table] *= rng.uniform(0.7, 1.15, 3).astype(np.float32)
    colours = np.clip(light * paint[ids], 0, 255).astype(np.uint8)
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.7 else rng.normal(0, 0.2)
    turn, offset = axis_rotation(2, angle), np.append(rng.uniform(-shift, shift, 2), 0)
    points = _moved(scene.points[keep].astype(np.float32) + WORKSPACE_CENTRE, turn, offset).astype(np.float32)
    positions = _moved(scene.positions, turn, offset)
    shown = inside_workspace(positions) & (np.bincount(ids, minlength=len(scene.nouns) + 1)[1:] > FEWEST_POINTS)
    painted = [names[owner] for owner in scene.owners]
    whole = np.flatnonzero(shown & (scene.owners == np.arange(len(scene.nouns))))
    things = Things(
        tuple(painted[i] for i in whole), tuple(scene.nouns[i] for i in whole), positions[whole], scene.sizes[whole]
    )
    phrases = things.references() | _parts(scene, painted, positions, shown)
    return Look(views.render(points, colours)[0], tuple(phrases), np.array(list(phrases.values())), things)


def _paint_names(rng: np.random.Generator, colours: list[str], owners: np.ndarray) -> list[str]:
    """Colours of the things, in a third of the cases few, so that the shapes matter; a part mostly has its thing's."""
    pool = rng.permutation(colours)[: 2 if rng.random() < 0.3 else None].tolist()
    names = rng.choice(pool, len(owners)).tolist()
    return [names[owner] if rng.random() < 0.6 else name for name, owner in zip(names, owners, strict=True)]


def _parts(scene: ClutterScene, painted: list[str], positions: np.ndarray, shown: np.ndarray) -> dict[str, np.ndarray]:
    """Places of the parts that their thing's colour identifies."""
    phrases = [f"{colour} {noun}" for colour, noun in zip(painted, scene.nouns, strict=True)]
    parts = np.flatnonzero(shown & (scene.owners != np.arange(len(scene.nouns))))
    return {phrases[i]: positions[i] for i in parts if phrases.count(phrases[i]) == 1}


def _spread(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(points.astype(np.float32), axis=0))) if len(points) else 0.0


def _moved(points: np.ndarray, turn: np.ndarray, offset: np.ndarray) -> np.ndarray:
    return (points - PIVOT) @ turn.T + PIVOT + offset
