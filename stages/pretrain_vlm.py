"""Stage: train the tiny vision-language base from nothing on procedural scenes and language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from stages.geometry.canonical import CanonicalViews
from stages.parallel import map_unordered
from stages.planner.config import VlmConfig
from stages.planner.model import PlannerModel
from stages.planner.training import Exchange, Progress, train
from stages.pretraining import exchanges
from stages.pretraining.language import compose, random_phrases
from stages.pretraining.scenes import ClutterScene, cloud_of, look
from stages.pretraining.tiny import save_backbone, tiny_backbone
from stages.simulators.tabletop.clutter import SHAPES
from stages.simulators.tabletop.colours import COLOURS, PALETTE
from stages.simulators.tabletop.procedural import procedural_scene

CORPUS = 4000
"""Composed instructions that the tokenizer's vocabulary is learnt from."""

KINDS = {"locate": 0.42, "decide": 0.18, "plan": 0.2, "read plan": 0.1, "follow": 0.1}
"""Shares of the batches: where are these things; what comes now; plan; plan and what comes now in text alone."""


@dataclass(frozen=True)
class PretrainConfig:
    """Attributes:
    scenes: procedural scenes to render; each is painted, turned and shifted anew whenever it is shown.
    image_size: of the cameras [px].
    steps, minutes, batch_size, learning_rate: of training from nothing; minutes = 0 is without a limit.
    shift: largest random shift of a scene in the plane [m].
    """

    scenes: int = 4000
    image_size: int = 128
    steps: int = 3000
    minutes: float = 0.0
    batch_size: int = 32
    learning_rate: float = 1e-3
    shift: float = 0.05
    workers: int = 0
    seed: int = 0


def pretrain_vlm(config: PretrainConfig, out: Path, work: Path, progress: Progress) -> dict:
    """Render scenes, train, and write a base as `clap finetune-vlm --base` reads it.

    Args:
        out: folder of the base.
        work: folder of scenes and checkpoints; what is there already is used again.
    """
    scenes = _render_scenes(config, work / "scenes", progress)
    settings = VlmConfig(
        steps=config.steps,
        minutes=config.minutes,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        warmup_fraction=0.03,
    )
    backbone = tiny_backbone(_corpus(config.seed), settings.image_size, config.seed)
    model = PlannerModel(backbone, settings)
    state = train(model, partial(_draw, config, scenes, model.views), work / "checkpoint.pt", progress)
    save_backbone(model.backbone, out)
    save_file(
        {name: value.contiguous() for name, value in model.pointer.state_dict().items()}, out / "pointer.safetensors"
    )
    return {
        "steps": state.step,
        "minutes": state.seconds / 60,
        **{k: v for k, v in state.curve[-1].items() if k != "step"},
    }


def _render_scenes(config: PretrainConfig, folder: Path, progress: Progress) -> list[ClutterScene]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index}.npz" for index in range(config.scenes)]
    missing = [index for index, path in enumerate(paths) if not path.is_file()]
    for done, _ in enumerate(map_unordered(partial(_SceneMaker, config, folder), missing, config.workers), 1):
        progress(config.scenes - len(missing) + done, config.scenes, "rendering scenes")
    return [ClutterScene.load(path) for path in paths]


class _SceneMaker:
    """Renders one procedural scene to a file, in a worker process."""

    def __init__(self, config: PretrainConfig, folder: Path) -> None:
        self._config, self._folder = config, folder

    def __call__(self, index: int) -> None:
        rng = np.random.default_rng([self._config.seed, index])
        observation, things = procedural_scene(rng, list(SHAPES), int(rng.integers(3, 8)), self._config.image_size)
        scene = cloud_of(
            observation,
            tuple(thing.name for thing in things),
            np.array([thing.mask_id for thing in things]),
            np.array([thing.position for thing in things]),
        )
        partial_path = self._folder / f"partial-{index}.npz"
        scene.save(partial_path)
        partial_path.replace(self._folder / f"{index}.npz")


def _draw(config: PretrainConfig, scenes: list[ClutterScene], views: CanonicalViews, step: int) -> list[Exchange]:
    """A batch of one kind, so that its texts are of like length."""
    rng = np.random.default_rng([config.seed, step])
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    return [_exchange(config, kind, scenes, views, rng) for _ in range(config.batch_size)]


def _exchange(
    config: PretrainConfig, kind: str, scenes: list[ClutterScene], views: CanonicalViews, rng: np.random.Generator
) -> Exchange:
    blank = np.zeros((0, views.size, views.size, 3), np.uint8)
    if kind == "read plan":
        return exchanges.plan_exchange(rng, COLOURS, blank)
    if kind == "follow":
        return exchanges.follow_exchange(rng, COLOURS, blank)
    shown = None
    while shown is None or len(shown.phrases) < 3:
        shown = look(rng, scenes[rng.integers(len(scenes))], PALETTE, views, config.shift)
    if kind == "plan":
        return exchanges.plan_exchange(rng, COLOURS, shown.views)
    return exchanges.locate_exchange(rng, shown) if kind == "locate" else exchanges.decide_exchange(rng, shown)


def _corpus(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    composed = [compose(rng, random_phrases(rng, COLOURS, 6), 3) for _ in range(CORPUS)]
    return [text for instruction, plan in composed for text in (instruction, *plan)]
