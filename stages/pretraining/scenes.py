"""Procedural scenes as point clouds that can be coloured, turned and shifted at will before they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.geometry.arm import outside_arm
from stages.geometry.cameras import deproject
from stages.geometry.canonical import CanonicalViews
from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import WORKSPACE_CENTRE, inside_workspace
from stages.observation import Observation

DARKEST = 0.05
"""Reflectance of black."""

PIVOT = np.array([0.2, 0.0, 0.0])
"""Scenes are turned about the vertical through this point, world frame [m]."""


@dataclass(frozen=True)
class ClutterScene:
    """One scene of white things.

    Attributes:
        points: (N, 3) float16 from the workspace's centre [m].
        light: (N, 3) uint8 colours under white paint.
        ids: (N,) uint8, which thing a point belongs to, from 1; 0 = none.
        nouns: names of the M things.
        positions: (M, 3) their places, world frame [m].
    """

    points: np.ndarray
    light: np.ndarray
    ids: np.ndarray
    nouns: tuple[str, ...]
    positions: np.ndarray

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
        phrases: M noun phrases, equal ones left out.
        positions: (M, 3) world frame [m].
    """

    views: np.ndarray
    phrases: tuple[str, ...]
    positions: np.ndarray


def cloud_of(
    observation: Observation, nouns: tuple[str, ...], mask_ids: np.ndarray, positions: np.ndarray
) -> ClutterScene:
    """The cloud of an observation with masks, the arm left out."""
    points, light, masks = [], [], []
    for frame in observation.cameras.values():
        world = deproject(frame.depth, frame.intrinsics, frame.camera_to_world).reshape(-1, 3)
        keep = (frame.depth.reshape(-1) > 0) & inside_workspace(world)
        points.append(world[keep])
        light.append(frame.rgb.reshape(-1, 3)[keep])
        masks.append(frame.mask.reshape(-1)[keep])
    cloud, shades, mask = np.concatenate(points), np.concatenate(light), np.concatenate(masks)
    keep = outside_arm(cloud, observation.joint_positions)
    number = np.zeros(max(int(mask.max()), int(mask_ids.max())) + 1, np.uint8)
    number[mask_ids] = np.arange(1, len(mask_ids) + 1)
    return ClutterScene(
        (cloud[keep] - WORKSPACE_CENTRE).astype(np.float16), shades[keep], number[mask[keep]], nouns, positions
    )


def look(
    rng: np.random.Generator, scene: ClutterScene, palette: Mapping[str, tuple], views: CanonicalViews, shift: float
) -> Look:
    """Paint the things, turn and shift the scene, drop points, and render it."""
    names = _paint_names(rng, list(palette), len(scene.nouns))
    paint = np.array([(1.0, 1.0, 1.0)] + [palette[name] for name in names], np.float32)
    paint[1:] = np.clip(paint[1:] + rng.normal(0, 0.02, paint[1:].shape), DARKEST, 1)
    keep = rng.random(len(scene.points)) < rng.uniform(0.5, 1)
    colours = (scene.light[keep] * paint[scene.ids[keep]]).astype(np.uint8)
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.7 else rng.normal(0, 0.2)
    turn, offset = axis_rotation(2, angle), np.append(rng.uniform(-shift, shift, 2), 0)
    points = _moved(scene.points[keep].astype(np.float32) + WORKSPACE_CENTRE, turn, offset).astype(np.float32)
    positions = _moved(scene.positions, turn, offset)
    phrases = [f"{colour} {noun}" for colour, noun in zip(names, scene.nouns, strict=True)]
    unique = [i for i, phrase in enumerate(phrases) if phrases.count(phrase) == 1 and inside_workspace(positions[i])]
    return Look(views.render(points, colours)[0], tuple(phrases[i] for i in unique), positions[unique])


def _paint_names(rng: np.random.Generator, colours: list[str], count: int) -> list[str]:
    """Colours of the things; in half of the cases few, so that the shapes matter."""
    pool = rng.permutation(colours)[: 2 if rng.random() < 0.3 else None].tolist()
    return rng.choice(pool, count).tolist()


def _moved(points: np.ndarray, turn: np.ndarray, offset: np.ndarray) -> np.ndarray:
    return (points - PIVOT) @ turn.T + PIVOT + offset
