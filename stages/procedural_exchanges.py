"""The auxiliary set: procedural scenes with things to locate, plans to make and plans to follow.

The planner's base is made of it, and fine-tuning goes on rehearsing it, so that colours and shapes that the
demonstrations do not show are not forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from stages.geometry.canonical import CanonicalViews
from stages.parallel import map_unordered
from stages.planner.training import Exchange
from stages.pretraining import exchanges
from stages.pretraining.scenes import ClutterScene, cloud_of, look
from stages.progress import Progress
from stages.simulators.tabletop.clutter import SHAPES
from stages.simulators.tabletop.colours import COLOURS, PALETTE
from stages.simulators.tabletop.procedural import procedural_scene

SHIFT = 0.05
"""Largest random shift of a scene in the plane [m]."""

FEWEST_THINGS = 3


class ProceduralExchanges:
    """Draws examples about procedural scenes, each painted, turned and shifted anew whenever it is shown.

    Args:
        scenes: rendered ones.
        views: canonical cameras.
        shares: how often each kind is drawn: "locate", "decide", "plan", or, without a picture, "read plan", "follow".
    """

    def __init__(self, scenes: list[ClutterScene], views: CanonicalViews, shares: Mapping[str, float]) -> None:
        self._scenes, self._views, self._shares = scenes, views, dict(shares)

    def batch(self, rng: np.random.Generator, size: int) -> list[Exchange]:
        """Examples of one kind, so that their texts are of like length."""
        kind = self._kind(rng)
        return [self._draw(rng, kind) for _ in range(size)]

    def one(self, rng: np.random.Generator) -> Exchange:
        """One example."""
        return self._draw(rng, self._kind(rng))

    def _kind(self, rng: np.random.Generator) -> str:
        return str(rng.choice(list(self._shares), p=list(self._shares.values())))

    def _draw(self, rng: np.random.Generator, kind: str) -> Exchange:
        blank = np.zeros((0, self._views.size, self._views.size, 3), np.uint8)
        if kind == "read plan":
            return exchanges.plan_exchange(rng, COLOURS, blank)
        if kind == "follow":
            return exchanges.follow_exchange(rng, COLOURS, blank)
        shown = None
        while shown is None or len(shown.phrases) < FEWEST_THINGS:
            shown = look(rng, self._scenes[rng.integers(len(self._scenes))], PALETTE, self._views, SHIFT)
        if kind == "plan":
            return exchanges.plan_exchange(rng, COLOURS, shown.views)
        return exchanges.locate_exchange(rng, shown) if kind == "locate" else exchanges.decide_exchange(rng, shown)


def render_scenes(
    count: int, image_size: int, seed: int, folder: Path, workers: int, progress: Progress
) -> list[ClutterScene]:
    """Procedural scenes, seen by cameras of `image_size` px; those that `folder` holds already are used again."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index}.npz" for index in range(count)]
    missing = [path for path in paths if not path.is_file()]
    done = count - len(missing)
    for _ in map_unordered(partial(_SceneMaker, image_size, seed), missing, workers):
        done += 1
        progress(done, count, "rendering procedural scenes")
    return [ClutterScene.load(path) for path in paths]


class _SceneMaker:
    """Renders the scene of a path, whose name is its number, in a worker process."""

    def __init__(self, image_size: int, seed: int) -> None:
        self._image_size, self._seed = image_size, seed

    def __call__(self, path: Path) -> None:
        rng = np.random.default_rng([self._seed, int(path.stem)])
        observation, things = procedural_scene(rng, list(SHAPES), int(rng.integers(3, 8)), self._image_size)
        scene = cloud_of(
            observation,
            tuple(thing.name for thing in things),
            np.array([thing.mask_id for thing in things]),
            np.array([thing.position for thing in things]),
        )
        partial_path = path.with_name(f"partial-{path.name}")
        scene.save(partial_path)
        partial_path.replace(path)
