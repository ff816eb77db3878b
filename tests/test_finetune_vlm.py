"""Fine-tuning as a stage: killed at any moment and resumed it ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file

from stages.artifacts.files import open_artifact
from tests.conftest import clap_here, clap_process

SHORT = ("steps=6", "batch_size=2", "auxiliary_scenes=2", "checkpoint_seconds=0.0")


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
        assert file["held_out/keypoint"].shape == file["held_out/keypoint_true"].shape
        assert len(file["held_out/plan_true"].asstr()[0].splitlines()) >= 1
    assert (whole / "vlm/adapter/adapter_model.safetensors").is_file()


@pytest.mark.parametrize("moment", ["vlm.partial/checkpoint.pt", "vlm.partial/model"])
def test_killed_and_resumed_it_gives_the_same_weights(whole: Path, tiny_run: Path, tmp_path: Path, moment: str):
    process = clap_process(*finetune(tmp_path, tiny_run))
    deadline = time.monotonic() + 120
    while not (tmp_path / moment).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "vlm").exists()
    refused = clap_here(*finetune(tmp_path, tiny_run))
    assert refused.code == 2 and "--resume" in refused.err
    outcome = clap_here(*finetune(tmp_path, tiny_run), "--resume")
    assert outcome.code == 0, outcome.err
    for name in ("adapter/adapter_model.safetensors", "pointer.safetensors"):
        first, second = load_file(whole / "vlm" / name), load_file(tmp_path / "vlm" / name)
        assert all(np.allclose(first[key], second[key], atol=1e-5) for key in first)
    with h5py.File(whole / "vlm.h5") as first, h5py.File(tmp_path / "vlm.h5") as second:
        assert np.allclose(first["curves/pointer"][()], second["curves/pointer"][()], atol=1e-3)
