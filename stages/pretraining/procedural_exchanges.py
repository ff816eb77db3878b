"""The auxiliary set: procedural scenes with things to locate, plans to make and plans to follow.

The planner's base is made of it, and fine-tuning goes on rehearsing it, so that colours and shapes that the
demonstrations do not show are not forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from stages.core.progress import Progress
from stages.geometry.canonical import CanonicalViews
from stages.planner.paraphrases import replace_words
from stages.planner.training.loop import Drawn, Exchange
from stages.pretraining import exchanges
from stages.pretraining.references import Things
from stages.pretraining.scenes import ClutterScene, cloud_of, look
from stages.pretraining.words import invented_word
from stages.runtime.worker_pool import map_unordered
from stages.simulators.tabletop.clutter import SHAPES
from stages.simulators.tabletop.colours import PALETTE, RARE_COLOURS
from stages.simulators.tabletop.procedural import procedural_scene

SHIFT = 0.05
"""Largest random shift of a scene in the plane [m]."""

TEXT_ALONE = ("read plan", "follow")

LENGTHS = 4
"""Texts alone are sorted into so many batches by length, so that little is padding."""

UNFAMILIAR = 0.15
"""How often a noun of a scene is replaced by a word that means nothing: its colour, and what else is named, tell which
thing it is."""

FEWEST_THINGS = 2
FEWEST_PHRASES = 4

PAINTS = PALETTE | RARE_COLOURS
COLOUR_NAMES = tuple(PAINTS)


class ProceduralExchanges:
    """Draws examples about procedural scenes, each painted, turned and shifted anew whenever it is shown.

    Args:
        scenes: rendered ones.
        views: canonical cameras.
        shares: how often each kind is drawn: "locate", "name", "count", "decide", "plan", or, without a picture,
            "read plan", "follow".
    """

    def __init__(self, scenes: list[ClutterScene], views: CanonicalViews, shares: Mapping[str, float]) -> None:
        self._scenes, self._views, self._shares = scenes, views, dict(shares)

    def batch(self, seed: int, step: int, size: int) -> Sequence[Exchange]:
        """Examples of one kind; of texts alone, which cost little to draw, those of like length."""
        rng = np.random.default_rng([seed, step])
        kind = self._kind(rng)
        if kind not in TEXT_ALONE:
            return Drawn(partial(self._draw, kind=kind), (seed, step), size)
        drawn = sorted((self._draw(rng, kind) for _ in range(size * LENGTHS)), key=_length)
        first = size * int(rng.integers(LENGTHS))
        return drawn[first : first + size]

    def one(self, rng: np.random.Generator) -> Exchange:
        """One example."""
        return self._draw(rng, self._kind(rng))

    def _kind(self, rng: np.random.Generator) -> str:
        return str(rng.choice(list(self._shares), p=list(self._shares.values())))

    def _draw(self, rng: np.random.Generator, kind: str) -> Exchange:
        blank = np.zeros((0, self._views.size, self._views.size, 3), np.uint8)
        if kind == "read plan":
            return exchanges.plan_exchange(rng, COLOUR_NAMES, blank)
        if kind == "follow":
            return exchanges.follow_exchange(rng, COLOUR_NAMES, blank)
        shown = None
        while shown is None or len(shown.things.names) < FEWEST_THINGS or len(shown.phrases) < FEWEST_PHRASES:
            shown = look(rng, self._scenes[rng.integers(len(self._scenes))], PAINTS, self._views, SHIFT)
        if kind == "plan":
            return exchanges.plan_exchange(
                rng, COLOUR_NAMES, shown.views, shown.phrases if rng.random() < 0.7 else None
            )
        if kind == "decide":
            return unfamiliar(rng, exchanges.decide_exchange(rng, shown, COLOUR_NAMES), shown.things)
        if kind == "locate":
            return unfamiliar(rng, exchanges.locate_exchange(rng, shown), shown.things)
        draw = {"name": exchanges.name_exchange, "count": exchanges.count_exchange}
        return draw[kind](rng, shown)


def unfamiliar(rng: np.random.Generator, exchange: Exchange, things: Things) -> Exchange:
    """Now and then the same with a word that means nothing for a noun, where that is only said with a colour."""
    if rng.random() > UNFAMILIAR:
        return exchange
    noun, word = str(rng.choice(things.nouns)), invented_word(rng)
    words = {name: f"{name.removesuffix(noun)}{word}" for name in things.names if name.endswith(f" {noun}")}
    said = [replace_words(text, words) for text in (exchange.request, exchange.answer)]
    return exchange if any(noun in text for text in said) else replace(exchange, request=said[0], answer=said[1])


def _length(exchange: Exchange) -> int:
    return len(exchange.request) + len(exchange.answer)


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
