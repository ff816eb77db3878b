"""Stage: train the tiny vision-language base from nothing on procedural scenes and language."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from stages.core.progress import Progress, silent
from stages.planner.planner import Planner
from stages.planner.pointing.model import PlannerModel
from stages.planner.training.loop import train
from stages.pretraining.assessment import assess
from stages.pretraining.language import compose
from stages.pretraining.procedural_exchanges import COLOUR_NAMES, PAINTS, ProceduralExchanges, render_scenes
from stages.pretraining.tiny import save_backbone, tiny_backbone
from stages.runtime.distributed import is_main, processes
from stages.settings.pretrain import PretrainConfig
from stages.settings.vlm import VlmConfig

CORPUS = 6000
"""Composed instructions that the tokenizer's vocabulary is learnt from."""

SHOWN = {"locate": 0.56, "name": 0.12, "count": 0.015, "decide": 0.245, "plan": 0.06}
"""Of the batches about scenes."""

TOLD = {"read plan": 0.75, "follow": 0.25}
"""Of the batches of text alone, which cost a third of those."""


def pretrain_vlm(config: PretrainConfig, out: Path, work: Path, progress: Progress) -> dict:
    """Render scenes, train, and write a base as `clap finetune-vlm --base` reads it.

    Args:
        out: folder of the base.
        work: folder of scenes and checkpoints; what is there already is used again.

    Returns:
        steps, minutes, path, and what `assess` finds on fresh scenes; nothing in processes other than the main one.
    """
    progress = progress if is_main() else silent
    with processes().main_process_first():
        scenes = render_scenes(config.scenes, config.image_size, config.seed, work / "scenes", config.workers, progress)
    settings = VlmConfig(
        base=config.base,
        steps=config.steps,
        minutes=config.minutes,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        warmup_fraction=0.03,
    )
    model = PlannerModel.from_base(settings) if config.base else _from_nothing(settings, config.seed)
    source = ProceduralExchanges(scenes, model.views, _shares(config.text))
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


def _shares(text: float) -> dict[str, float]:
    """How often each kind of example is drawn."""
    return {kind: share * (1 - text) for kind, share in SHOWN.items()} | {
        kind: share * text for kind, share in TOLD.items()
    }


def _save(model: PlannerModel, out: Path) -> None:
    """Write a base in 16 bits, to which the model's weights are rounded."""
    model.backbone.model.bfloat16()
    save_backbone(model.backbone, out)
    pointer = {name: value.half().contiguous() for name, value in model.pointer.state_dict().items()}
    save_file(pointer, out / "pointer.safetensors")
    model.backbone.model.float()
    model.pointer.load_state_dict(pointer)


def _from_nothing(settings: VlmConfig, seed: int) -> PlannerModel:
    return PlannerModel(tiny_backbone(_corpus(seed), settings.image_size, seed), settings)


def _corpus(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    composed = [compose(rng, COLOUR_NAMES, 2) for _ in range(CORPUS)]
    return [text for instruction, plan in composed for text in (instruction, *plan)]
