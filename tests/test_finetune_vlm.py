"""Fine-tuning as a stage: killed at any moment and resumed it ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file

from stages.artifacts.answers import read_answers
from stages.artifacts.files import open_artifact
from stages.planner.calibration import Calibration
from tests.conftest import clap_here, clap_process

SHORT = (
    "steps=6",
    "batch_size=2",
    "language=base",
    "auxiliary_scenes=2",
    "checkpoint_seconds=0.0",
    "precision=float32",
)


def finetune(run: Path, inputs: Path) -> tuple[str, ...]:
    given = [f"--{name}={inputs / name}.h5" for name in ("demos", "keypoints", "plans")]
    settings = [part for value in SHORT for part in ("--set", f"vlm.{value}")]
    return ("finetune-vlm", "--run", str(run), *given, *settings, "--set", "collect.image_size=32")


@pytest.fixture(scope="module")
def whole(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole")
    outcome = clap_here(*finetune(run, tiny_run))
    assert outcome.code == 0, outcome.err
    return run


def test_the_planner_is_saved_with_curves_and_held_out_predictions(whole: Path):
    with open_artifact(whole / "vlm.h5", "clap.vlm") as file:
        assert list(file["curves/step"]) == [1, 2, 3, 4, 5, 6]
        assert np.all(np.isfinite(file["curves/pointer"][()]))
        assert np.all(np.diff(file["curves/seconds"][()]) > 0) and np.all(file["curves/learning_rate"][()] > 0)
        assert list(file["validation/step"]) == [6] and np.all(np.isfinite(file["validation/pointer"][()]))
        episodes = [read_answers(group) for group in file["held_out"].values()]
        assert [len(answers) for answers in episodes] == [len(answers.motions) for answers in episodes]
        assert all(answers.true_plan and answers.views.any() for answers in episodes)
    assert (whole / "vlm/adapter/adapter_model.safetensors").is_file()
    calibration = Calibration.load(whole / "vlm")
    assert calibration.plan and len(calibration.keypoint.weights) == 8 and len(calibration.place.weights) == 5


@pytest.mark.parametrize("moment", ["vlm.partial/checkpoint.pt", "vlm.partial/model"])
def test_killed_and_resumed_it_gives_the_same_weights(whole: Path, tiny_run: Path, tmp_path: Path, moment: str):
    process = clap_process(*finetune(tmp_path, tiny_run))
    until_there(tmp_path / moment, [process])
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "vlm").exists()
    refused = clap_here(*finetune(tmp_path, tiny_run))
    assert refused.code == 2 and "--resume" in refused.err
    outcome = clap_here(*finetune(tmp_path, tiny_run), "--resume")
    assert outcome.code == 0, outcome.err
    assert_same(whole, tmp_path, 1e-5)


def assert_same(first: Path, second: Path, tolerance: float) -> None:
    """Curves, held-out losses and weights of two runs."""
    for name in ("adapter/adapter_model.safetensors", "pointer.safetensors"):
        expected, found = load_file(first / "vlm" / name), load_file(second / "vlm" / name)
        assert all(np.allclose(expected[key], found[key], atol=tolerance) for key in expected)
    with h5py.File(first / "vlm.h5") as expected, h5py.File(second / "vlm.h5") as found:
        for name in ("curves/step", "curves/language", "curves/pointer", "validation/language", "validation/pointer"):
            assert np.allclose(expected[name][()], found[name][()], atol=1e-3), name


def test_two_processes_killed_and_resumed_train_as_one_does(whole: Path, tiny_run: Path, tmp_path: Path):
    killed = two_processes(*finetune(tmp_path, tiny_run))
    until_there(tmp_path / "vlm.partial/checkpoint.pt", killed)
    for process in killed:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    processes = two_processes(*finetune(tmp_path, tiny_run), "--json", "--resume")
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert json.loads(outputs[0][0])["steps"] == 6 and outputs[1][0] == ""
    assert_same(whole, tmp_path, 2e-3)


def two_processes(*command: str) -> list[subprocess.Popen]:
    """A command in two processes that share its work."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [clap_process(*command, env=shared | {"RANK": rank, "LOCAL_RANK": rank}) for rank in ("0", "1")]


def until_there(path: Path, processes: Sequence[subprocess.Popen]) -> None:
    """Wait for a file that running processes write."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert all(process.poll() is None for process in processes) and time.monotonic() < deadline
        time.sleep(0.02)


def test_without_pretraining_all_of_a_random_base_is_trained(tiny_run: Path, tmp_path: Path):
    outcome = clap_here(*finetune(tmp_path, tiny_run), "--set", "vlm.steps=1", "--ablate", "pretraining")
    assert outcome.code == 0, outcome.err
    assert not (tmp_path / "vlm/adapter").exists() and (tmp_path / "vlm/model.safetensors").is_file()
    config = json.loads((tmp_path / "vlm/planner.json").read_text())["config"]
    assert not config["pretrained"] and config["use_plan"]


def test_what_cannot_be_left_out_is_refused(tmp_path: Path):
    outcome = clap_here("finetune-vlm", "--run", tmp_path, "--ablate", "thinking")
    assert outcome.code == 2 and "pretraining" in outcome.err
