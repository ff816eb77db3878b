"""Stage: train the tiny vision-language base from nothing on procedural scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from stages.core.progress import Progress, silent
from stages.geometry.canonical import CanonicalViews
from stages.planner.planner import Planner
from stages.planner.pointing.model import PlannerModel
from stages.planner.training.loop import train
from stages.pretraining.assessment import assess
from stages.pretraining.procedural_samples import PAINTS, ProceduralSampler, render_scenes
from stages.pretraining.scenes import ClutterScene
from stages.pretraining.tiny import save_backbone, tiny_backbone
from stages.runtime.distributed import distributed_state, is_main
from stages.settings.pretrain import PretrainConfig
from stages.settings.vlm import VlmConfig
from stages.simulators.tabletop.families import NOUNS

CORPUS = 6000
"""Texts of samples that the tokenizer's vocabulary is learnt from."""


def pretrain_vlm(config: PretrainConfig, out: Path, work: Path, progress: Progress) -> dict:
    """Render scenes, train, and write a base as `clap finetune-vlm --base` reads it.

    Args:
        out: folder of the base.
        work: folder of scenes and checkpoints; what is there already is used again.

    Returns:
        steps, minutes, path, and what `assess` finds on fresh scenes; nothing in processes other than the main one.
    """
    progress = progress if is_main() else silent
    with distributed_state().main_process_first():
        scenes = render_scenes(config.scenes, config.image_size, config.seed, work / "scenes", config.workers, progress)
    settings = VlmConfig(
        base=config.base,
        steps=config.steps,
        minutes=config.minutes,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        pointer_rate=config.pointer_rate,
        warmup_fraction=0.03,
    )
    model = PlannerModel.from_base(settings) if config.base else _from_nothing(settings, scenes, config.seed)
    model.pointer.standardise(model.phrases([*NOUNS, *PAINTS])[0][:, 0])
    source = ProceduralSampler(scenes, model.views, {"locate": 1 - config.text, "decide": config.text})
    state = train(
        model,
        lambda step: source.batch(config.seed, step, config.batch_size),
        work / "checkpoint.pt",
        progress,
    )
    if not is_main():
        return {}
    _save(model, out)
    fresh = render_scenes(config.assessed, config.image_size, config.seed + 1, work / "fresh", config.workers, progress)
    known = assess(Planner(model), fresh, PAINTS, config.seed + 1, progress)
    held_out = {name: round(value, 4) for name, value in known.items()}
    return {"steps": state.step, "minutes": round(state.seconds / 60, 1), **held_out, "path": str(out)}


def _save(model: PlannerModel, out: Path) -> None:
    """Write a base in 16 bits, to which the model's weights are rounded."""
    model.backbone.model.bfloat16()
    save_backbone(model.backbone, out)
    pointer = {name: value.half().contiguous() for name, value in model.pointer.state_dict().items()}
    save_file(pointer, out / "pointer.safetensors")
    model.backbone.model.float()
    model.pointer.load_state_dict(pointer)


def _from_nothing(settings: VlmConfig, scenes: list[ClutterScene], seed: int) -> PlannerModel:
    views = CanonicalViews(size=settings.image_size, names=settings.views)
    rng, source = np.random.default_rng(seed), ProceduralSampler(scenes, views, {"decide": 1.0})
    drawn = [source.one(rng) for _ in range(min(CORPUS, 4 * len(scenes)))]
    corpus = [text for sample in drawn for text in (sample.request, sample.answer)]
    corpus += [f"{colour} {noun}" for colour in PAINTS for noun in NOUNS]
    return PlannerModel(tiny_backbone(corpus, settings.image_size, seed), settings)
