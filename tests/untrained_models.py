"""A planner that nobody trained, beside a given predictor, as artifacts that a bundle is made of."""

from __future__ import annotations

from pathlib import Path

import torch

from stages.artifacts.files import publish_directory
from stages.artifacts.header import Header
from stages.planner.language.planning_model import PlanningModel
from stages.planner.planner import LANGUAGE
from stages.planner.pointing.model import PlannerModel
from stages.predictor.predictor import FinePredictor
from stages.pretraining.tiny import save_backbone, tiny_backbone
from stages.settings.fine import FineConfig
from stages.settings.vlm import VlmConfig
from tests.checkpoints import save_causal_model


def untrained_models(folder: Path) -> tuple[Path, Path]:
    """Both of random weights; `base` and `causal` beside them are the planner's bases."""
    torch.manual_seed(2)
    return save_models(folder, FinePredictor.create(FineConfig(base="", image_size=32, width=32, depth=1, heads=2)))


def save_models(folder: Path, predictor: FinePredictor) -> tuple[Path, Path]:
    """Write both into a folder, as `clap finetune-vlm` and `clap train-fine` do; the paths of both."""
    save_backbone(tiny_backbone(["grasp the red block"] * 3, 112, seed=0), folder / "base")
    planner = PlannerModel.from_base(VlmConfig(base=str(folder / "base"), lora_rank=2))
    planner.add_adapters()
    planner.save_pretrained(folder / "new vlm")
    torch.manual_seed(2)
    base = save_causal_model(folder / "causal", ["push it", "grasp the red block\nlift it"])
    language = PlanningModel.from_base(str(base), 4, frozenset({"red block"}))
    for name, weight in language.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    language.save_pretrained(folder / "new vlm" / LANGUAGE)
    predictor.save_pretrained(folder / "new fine")
    for name in ("vlm", "fine"):
        header = Header.create(f"clap.{name}", config={}, settings={}, seed=0)
        publish_directory(folder / f"new {name}", folder / name, header, {})
    return folder / "vlm", folder / "fine"
