"""The auxiliary set: procedural scenes with things to locate, and plans to follow.

The planner's base is made of it, and fine-tuning goes on rehearsing it, so that colours and shapes that the
demonstrations do not show are not forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from stages.core.progress import Progress
from stages.geometry.canonical import CanonicalViews
from stages.planner.training.batches import LazyBatch, Sample
from stages.pretraining.samples import decide_sample, locate_sample, unambiguous_phrases
from stages.pretraining.scenes import NO_THING, WHOLE, ClutterScene, cloud_of, look
from stages.runtime.worker_pool import map_unordered
from stages.simulators.tabletop.colours import PALETTE, RARE_COLOURS
from stages.simulators.tabletop.families import SHAPES
from stages.simulators.tabletop.procedural import procedural_scene

SHIFT = 0.05
"""Largest random shift of a scene in the plane [m]."""

FEWEST_THINGS = 2
FEWEST_PHRASES = 4

PAINTS = PALETTE | RARE_COLOURS


class ProceduralSampler:
    """Draws examples about procedural scenes, each painted, turned and shifted anew whenever it is shown.

    Args:
        scenes: rendered ones.
        views: canonical cameras.
        shares: how often each kind is drawn: "locate", "decide".
    """

    def __init__(self, scenes: list[ClutterScene], views: CanonicalViews, shares: Mapping[str, float]) -> None:
        self._scenes, self._views, self._shares = scenes, views, dict(shares)
        nouns, parts = (set().union(*words) for words in zip(*(scene.words for scene in scenes), strict=True))
        self._vocabularies = ((NO_THING, *sorted(nouns)), tuple(sorted({WHOLE, *parts})), tuple(PAINTS))

    def batch(self, seed: int, step: int, size: int) -> Sequence[Sample]:
        """Examples of a step."""
        return LazyBatch(self.one, (seed, step), size)

    def one(self, rng: np.random.Generator) -> Sample:
        """One example."""
        kind = str(rng.choice(list(self._shares), p=list(self._shares.values())))
        shown = None
        while shown is None or len(shown.things.names) < FEWEST_THINGS or len(shown.places) < FEWEST_PHRASES:
            shown = look(rng, self._scenes[rng.integers(len(self._scenes))], PAINTS, self._views, SHIFT)
        if kind == "decide" and len(unambiguous_phrases(shown)) >= FEWEST_THINGS:
            return decide_sample(rng, shown)
        return locate_sample(rng, shown, self._vocabularies)


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
        scene = cloud_of(observation, things)
        partial_path = path.with_name(f"partial-{path.name}")
        scene.save(partial_path)
        partial_path.replace(path)
