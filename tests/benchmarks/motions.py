"""Which motions the fine predictor gets wrong: `python -m tests.benchmarks.motions --model runs/default/fine --on RUN`.

RUN holds demonstrations that the model was not trained on, with keypoints and plans, such as those of another seed. A
motion is wrong that is more than 2 cm or 20 degrees from the expert's. With `--train RUN` instead of `--model` one is
trained first, without the held-out variations, to compare settings (`--set fine.turn=0`) by motions of variations
that were trained on, and of those that were not.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from stages.artifacts.demonstrations import Demonstrations
from stages.core.steps import parse_step
from stages.predictor.assessment import HeldOut, assess
from stages.predictor.data import MotionExample, PredictorSampler, home_of
from stages.predictor.predictor import FinePredictor
from stages.predictor.training import Trainer
from stages.settings.loader import Config, load_config
from stages.simulators.tabletop.colours import PALETTE
from stages.simulators.tabletop.tasks import HELD_OUT
from stages.train_fine import load_examples

FAR, TURNED = 0.02, np.deg2rad(20)
"""From the expert's pose beyond which a motion is wrong [m, rad]."""

SHOWN = 0.08
"""Rows are shown of motions that are wrong more often than this."""

HELD = {f"{task}+{variation}" for task, variation in HELD_OUT}


def examples_of(run: Path, config: Config) -> dict[str, list[MotionExample]]:
    """All motions in a run, by variation."""
    parts = load_examples(config.fine, run / "demos.h5", run / "keypoints.h5", run / "plans.h5")
    with Demonstrations(run / "demos.h5") as demos:
        names = {f"demo_{index}": demos.episode(index, images=False).taskvar for index in range(len(demos))}
    found: dict[str, list[MotionExample]] = defaultdict(list)
    for example in (*parts["train"], *parts["valid"]):
        found[names[example.episode]].append(example)
    return found


def trained(examples: list[MotionExample], config: Config) -> FinePredictor:
    """A predictor that saw these motions only."""
    torch.manual_seed(config.seed)
    predictor = FinePredictor.create(config.fine)
    predictor.network.home.copy_(torch.from_numpy(home_of(examples)))
    sampler = PredictorSampler(examples, config.fine, predictor.network.text, config.seed, PALETTE)
    trainer = Trainer(predictor.network, sampler, config.fine)
    with TemporaryDirectory() as folder:
        trainer.train(Path(folder) / "checkpoint.pt", lambda _: None)
    print(
        f"trained {trainer.step} steps, {trainer.step * config.fine.batch_size / trainer.seconds:.0f} samples a second"
    )
    trainer.use_average()
    return predictor


def wrong(result: HeldOut) -> tuple[np.ndarray, np.ndarray]:
    """Masks (N,) of motions whose position, and whose rotation is wrong."""
    return result.position_error > FAR, result.rotation_error > TURNED


def line(title: str, result: HeldOut) -> str:
    far, turned = wrong(result)
    millimetres, degrees = 1000 * result.position_error, np.rad2deg(result.rotation_error)
    return (
        f"{title:52} {len(far):4} motions, wrong {100 * (far | turned).mean():3.0f} %; "
        f"position {np.median(millimetres):3.0f} mm, 90th percentile {np.percentile(millimetres, 90):3.0f}, "
        f"wrong {100 * far.mean():3.0f} %; rotation {np.median(degrees):3.0f} degrees, "
        f"90th percentile {np.percentile(degrees, 90):3.0f}, wrong {100 * turned.mean():3.0f} %"
    )


def main() -> None:
    """Print the errors of all motions, and a row for each kind of motion that is often wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", type=Path, help="folder of a trained predictor")
    model.add_argument("--train", type=Path, help="run whose motions one is trained on, without held-out variations")
    parser.add_argument("--on", type=Path, required=True, help="run whose motions are measured")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    options = parser.parse_args()
    config = load_config(None, options.set)
    if options.train:
        own = examples_of(options.train, config)
        predictor = trained([one for name, group in own.items() if name not in HELD for one in group], config)
    else:
        predictor = FinePredictor.from_pretrained(options.model)
    by_variation = examples_of(options.on, config)
    for title, held in (("variations that were trained on", False), ("held-out variations", True)):
        groups = {name: group for name, group in by_variation.items() if not options.train or (name in HELD) == held}
        if not options.train and held:
            break
        print(line(title, assess(predictor, [one for group in groups.values() for one in group])))
        rows: dict[tuple[str, str, int], list[MotionExample]] = defaultdict(list)
        for name, group in groups.items():
            for one in group:
                rows[name, parse_step(one.step).action, one.motion_index].append(one)
        for (name, action, index), group in sorted(rows.items()):
            result = assess(predictor, group)
            if np.logical_or(*wrong(result)).mean() > SHOWN:
                print(line(f"  {name} {action} {index}", result))


if __name__ == "__main__":
    main()
