"""Stage: train a base of the fine predictor from nothing on motions in procedural scenes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch

from stages.core.errors import UserError
from stages.core.progress import Progress, silent
from stages.predictor.assessment import assess
from stages.predictor.data import PredictorSampler, home_of
from stages.predictor.predictor import FinePredictor
from stages.predictor.training import Trainer
from stages.pretraining.motions import render_motions
from stages.settings.fine import FineConfig
from stages.settings.pretrain import PretrainFineConfig

CHECKPOINT = "checkpoint.pt"
SETTINGS = "settings.json"
IRRELEVANT = ("workers", "assessed")
"""Settings that change nothing of what a folder of work holds."""


def pretrain_fine(config: PretrainFineConfig, out: Path, work: Path, progress: Progress = silent) -> dict:
    """Play scenes, train, and write a base as `clap train-fine --set fine.base=FOLDER` reads it.

    Args:
        out: folder of the base.
        work: folder of motions and a checkpoint; what is there already is used again.

    Returns:
        motions, steps, minutes, samples_per_second, path, and `assess`'s errors in fresh scenes.

    Raises:
        UserError: `work` belongs to other settings.
    """
    fine = FineConfig(
        base="",
        steps=config.steps,
        minutes=config.minutes,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        matrix_rate=config.matrix_rate,
    )
    _check_work(config, work)
    render = (fine, config.image_size)
    examples = render_motions(config.scenes, *render, config.seed, work / "motions", config.workers, progress)
    torch.manual_seed(config.seed)
    predictor = FinePredictor.create(fine, "cuda" if torch.cuda.is_available() else "cpu")
    predictor.network.home.copy_(torch.from_numpy(home_of(examples)))
    trainer = Trainer(predictor.network, PredictorSampler(examples, fine, predictor.network.text, config.seed), fine)
    if (work / CHECKPOINT).exists():
        trainer.load(work / CHECKPOINT)

    def report(state: Trainer) -> None:
        progress(round(state.done * fine.steps), fine.steps, f"steps, loss {state.curves['loss'][-1]:.2f}")

    trainer.train(work / CHECKPOINT, report)
    trainer.use_average()
    predictor.save_pretrained(out, torch.float16)
    fresh = render_motions(config.assessed, *render, config.seed + 1, work / "fresh", config.workers, progress)
    return {
        "motions": len(examples),
        "steps": trainer.step,
        "minutes": trainer.seconds / 60,
        "samples_per_second": trainer.step * fine.batch_size / max(trainer.seconds, 1e-9),
        "held_out": assess(predictor, fresh).errors() if fresh else None,
        "path": str(out),
    }


def _check_work(config: PretrainFineConfig, work: Path) -> None:
    """Refuse a folder of work that other settings made, and note these in a new one."""
    own = {name: value for name, value in asdict(config).items() if name not in IRRELEVANT}
    file = work / SETTINGS
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(own, indent=2) + "\n")
        return
    made = json.loads(file.read_text())
    different = [
        f"{name}: {made.get(name)} instead of {value}" for name, value in own.items() if made.get(name) != value
    ]
    if different:
        raise UserError(f"'{work}' was made with other settings: {', '.join(different)}", "Name another with --work")
