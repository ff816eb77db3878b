"""Fine-tuning samples a second, ours beside TRL's SFTTrainer: `python -m tests.benchmarks.finetune [--steps 20]`.

Both train the same adapters on the same base, on the same samples and batch size, in the same precision, with one
worker that prepares batches. The views are rendered before the clock starts. TRL gets them as PIL images through its
own collator with the model's own image processor, and learns the same answers without pointing, which it has no way
to; we train the pointer besides. Needs `pip install -e '.[bench]'`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch

from stages.core.progress import silent
from stages.geometry.canonical import CanonicalViews
from stages.planner.pointing.model import PlannerModel
from stages.planner.training.batches import Sample
from stages.planner.training.loop import train
from stages.pretraining.procedural_samples import ProceduralSampler, render_scenes
from stages.runtime.distributed import without_gpu
from stages.runtime.precision import use_bfloat16
from stages.settings.vlm import VlmConfig

SHARES = {"locate": 0.2, "plan": 0.2, "decide": 0.6}
"""Like the mix of fine-tuning."""

WARM_UP = 3
"""Steps before the clock starts."""


def draw(count: int, scenes: int, config: VlmConfig, folder: Path) -> list[Sample]:
    """Samples about procedural scenes."""
    views = CanonicalViews(size=config.image_size, names=config.views)
    rendered = render_scenes(scenes, 128, 0, folder, 0, silent)
    source, rng = ProceduralSampler(rendered, views, SHARES), np.random.default_rng(0)
    return [source.one(rng) for _ in range(count)]


def our_rate(samples: Sequence[Sample], config: VlmConfig) -> float:
    """Samples a second of our loop."""
    model, size = _adapted(config), config.batch_size
    with tempfile.TemporaryDirectory() as folder:
        state = train(
            model, lambda step: [samples[(step * size + i) % len(samples)] for i in range(size)],
            Path(folder) / "checkpoint.pt", silent,
        )  # fmt: skip
    clock = [point["seconds"] for point in state.curve]
    return _rate(clock, size)


def trl_rate(samples: Sequence[Sample], config: VlmConfig) -> float:
    """Samples a second of TRL's trainer."""
    from datasets import Dataset
    from PIL import Image
    from transformers import TrainerCallback
    from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
    from trl import SFTConfig, SFTTrainer

    model, clock = _adapted(config), []
    backbone = model.backbone
    examples = [
        {
            "prompt": backbone.family.prompt(backbone.tokenizer, sample.request, len(sample.views)),
            "completion": sample.answer + backbone.end,
            "images": [Image.fromarray(view) for view in sample.views],
        }
        for sample in samples
    ]

    class Processor(Qwen2_5_VLProcessor):
        """Without the part for videos, whose class cannot even be looked up without torchvision."""

        def check_argument_for_proper_class(self, argument_name: str, argument: object) -> type:
            return type(argument)

    class Clock(TrainerCallback):
        def on_step_end(self, args: object, state: object, control: object, **_: object) -> None:
            clock.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=model.vlm,
            args=SFTConfig(
                output_dir=folder,
                max_steps=config.steps,
                per_device_train_batch_size=config.batch_size,
                learning_rate=config.learning_rate,
                max_length=None,
                gradient_checkpointing=False,
                bf16=use_bfloat16(config.precision, next(model.parameters()).device),
                use_cpu=without_gpu(),
                dataloader_num_workers=1,
                remove_unused_columns=False,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                logging_steps=config.steps,
            ),
            train_dataset=Dataset.from_list(examples),
            processing_class=Processor(backbone.image_processor, backbone.tokenizer),
            callbacks=[Clock()],
        )
        trainer.train()
    return _rate(clock, config.batch_size)


def _adapted(config: VlmConfig) -> PlannerModel:
    torch.manual_seed(0)
    model = PlannerModel.from_base(config)
    model.add_adapters()
    return model


def _rate(clock: list[float], batch_size: int) -> float:
    """From the times at which steps ended [s]."""
    return (len(clock) - WARM_UP) * batch_size / (clock[-1] - clock[WARM_UP - 1])


def main() -> None:
    """Print the rate of each in every round, and the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="tiny", help="of the Qwen2.5-VL family")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--precision", default="auto", choices=("auto", "bfloat16", "float32"))
    given = parser.parse_args()
    config = VlmConfig(
        base=given.base, steps=given.steps + WARM_UP, batch_size=given.batch_size, precision=given.precision,
        checkpoint_seconds=1e9,
    )  # fmt: skip
    try:
        import trl  # noqa: F401
    except ImportError:
        sys.exit("TRL is not installed. Install it with: pip install -e '.[bench]' -c constraints.txt")
    with tempfile.TemporaryDirectory() as folder:
        samples = draw(4 * config.batch_size, given.scenes, config, Path(folder))
    rates: dict[str, list[float]] = {"ours": [], "TRL": []}
    for _ in range(given.rounds):
        for name, rate in (("ours", our_rate), ("TRL", trl_rate)):
            rates[name].append(rate(samples, config))
            print(f"{name}: {rates[name][-1]:.1f} samples/s", flush=True)
    ours, theirs = median(rates["ours"]), median(rates["TRL"])
    print(f"medians: ours {ours:.1f}, TRL {theirs:.1f} samples/s; ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
