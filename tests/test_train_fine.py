"""Training as a stage: what it writes, what it refuses, and that a killed run continues the same curve."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.files import read_header
from stages.artifacts.resume import partial_of
from stages.core.errors import UserError
from stages.geometry.clouds import fuse
from stages.predictor.predictor import FinePredictor
from stages.settings.fine import FineConfig
from stages.settings.loader import Config
from stages.train_fine import CHECKPOINT, curves_path, load_examples, train_fine

TINY = FineConfig(
    image_size=32, width=16, depth=1, heads=2, batch_size=4, steps=40, warmup=2, threads=1, precision="float32",
    checkpoint_seconds=0.0,
)  # fmt: skip

ALONE = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from test_train_fine import TINY, inputs

from stages.settings.loader import Config
from stages.train_fine import train_fine

train_fine(Config(fine=TINY), *inputs(Path(sys.argv[2])), Path(sys.argv[3]))
"""
"""The same training in a process that can be killed."""


def inputs(run: Path) -> tuple[Path, Path, Path]:
    return run / "demos.h5", run / "keypoints.h5", run / "plans.h5"


def curve(out_dir: Path) -> np.ndarray:
    with h5py.File(curves_path(out_dir)) as file:
        return file["curves/loss"][()]


@pytest.fixture(scope="module")
def trained(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "fine"
    train_fine(Config(fine=TINY), *inputs(tiny_run), out)
    return out


def test_examples_are_the_motions_of_the_demonstrations(tiny_run: Path) -> None:
    examples = load_examples(TINY, *inputs(tiny_run))
    assert {len(part) for part in examples.values()} == {6}
    for example in examples["train"] + examples["valid"]:
        assert np.abs(example.action[:3] - example.keypoint).max() < TINY.extent / 2
        assert len(example.cloud.points) > 50
        assert example.motion_index in (0, 1)
    by_step = {example.step.split(" the ")[0]: example for example in examples["train"]}
    assert np.allclose(by_step["grasp"].next_keypoint[:2], by_step["move"].keypoint[:2], atol=0.02)
    assert by_step["move"].next_keypoint is None and by_step["push"].next_keypoint is None
    steps = [example.step.split(" the ")[0] for example in examples["train"]]
    assert sorted(set(steps)) == ["grasp", "lift", "move", "push"]


def test_an_example_looks_in_training_as_it_does_in_use(tiny_run: Path) -> None:
    example = load_examples(TINY, *inputs(tiny_run))["valid"][0]
    with Demonstrations(tiny_run / "demos.h5") as episodes:
        observation = episodes.observation(int(example.episode.removeprefix("demo_")), example.index)
    predictor = FinePredictor.create(TINY)
    gripper = observation.gripper_pose, observation.gripper_open
    in_use = predictor.predict(*fuse(observation), example.keypoint, example.step, example.motion_index, *gripper)
    in_training = predictor.predict_examples([example])[0]
    assert np.array_equal(in_use.pose, in_training.pose) and in_use.confidence == in_training.confidence


def test_it_writes_a_model_and_its_curves(trained: Path, tiny_run: Path) -> None:
    header, summary = read_header(trained, "clap.fine")
    assert [p.schema for p in header.parents] == ["clap.demos", "clap.keypoints", "clap.plans"]
    assert summary["steps"] == TINY.steps
    assert summary["held_out"]["all"]["motions"] == 6
    assert set(summary["held_out"]) == {"all", "grasp", "lift", "move", "push"}
    with h5py.File(curves_path(trained)) as file:
        assert list(file["curves/step"]) == [10, 20, 30, 40]
        assert file["held_out/actions"].shape == file["held_out/truth"].shape == (6, 9)
        assert np.isfinite(file["held_out_disturbed/position_error"][()]).all()
    assert FinePredictor.from_pretrained(trained).config == TINY
    assert not partial_of(trained).exists()


def test_existing_models_need_a_flag(trained: Path, tiny_run: Path) -> None:
    config = Config(fine=TINY)
    with pytest.raises(UserError, match="--resume"):
        train_fine(config, *inputs(tiny_run), trained)
    assert train_fine(config, *inputs(tiny_run), trained, resume=True) == read_header(trained, "clap.fine")[1]
    with pytest.raises(UserError, match="other inputs or settings"):
        train_fine(Config(fine=replace(TINY, width=32)), *inputs(tiny_run), trained, resume=True)


def test_inputs_that_do_not_belong_together_are_refused(tiny_run: Path, tmp_path: Path) -> None:
    demos, keypoints, plans = inputs(tiny_run)
    with pytest.raises(UserError, match="clap.plans"):
        train_fine(Config(fine=TINY), demos, keypoints, keypoints, tmp_path / "fine")
    with pytest.raises(UserError, match="does not exist"):
        train_fine(Config(fine=TINY), tmp_path / "none.h5", keypoints, plans, tmp_path / "fine")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_continues_the_same_curve(trained: Path, tiny_run: Path, tmp_path: Path) -> None:
    """The loss, the weights and the predictions are those of the run that was never interrupted."""
    out = tmp_path / "fine"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ALONE, str(Path(__file__).parent), str(tiny_run), str(out)]
    process = subprocess.Popen(command, env=environment)
    checkpoint = partial_of(out) / CHECKPOINT
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = torch.load(checkpoint, weights_only=True)["progress"]["step"]
    assert 0 < done < TINY.steps
    with pytest.raises(UserError, match="not finished"):
        train_fine(Config(fine=TINY), *inputs(tiny_run), out)
    threads = torch.get_num_threads()
    summary = train_fine(Config(fine=TINY), *inputs(tiny_run), out, resume=True)
    torch.set_num_threads(threads)
    assert summary["steps"] == TINY.steps
    assert np.array_equal(curve(out), curve(trained))
    weights = [FinePredictor.from_pretrained(folder).network.state_dict() for folder in (out, trained)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_budget_in_minutes_ends_with_the_rate_at_its_lowest(tiny_run: Path, tmp_path: Path) -> None:
    config = Config(fine=replace(TINY, steps=100_000, minutes=0.02, learning_rate=1e-2))
    summary = train_fine(config, *inputs(tiny_run), tmp_path / "fine")
    assert 0.02 <= summary["minutes"] < 0.1
    with h5py.File(curves_path(tmp_path / "fine")) as file:
        assert file["curves/rate"][-1] < 0.1 * config.fine.learning_rate
