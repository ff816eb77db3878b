"""A real robot driven from a bundle through the command line: recorded, and stopped by whatever goes wrong."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
import torch
from PIL import Image

from stages import deploy
from stages.artifacts.demonstrations import Demonstrations
from stages.predictor.predictor import FinePredictor
from stages.robots.franka import FrankaArm
from stages.robots.rig import RobotSettings
from stages.settings.fine import FineConfig
from stages.settings.loader import Config
from stages.simulators import make_simulator
from tests.conftest import clap_here, clap_process
from tests.franka_laboratory import franky_sim, free_address, without_wrist, write_rig
from tests.untrained_models import save_models

LOWERED = 0.1
"""By how much every motion lowers the hand [m]."""


def lowering_predictor() -> FinePredictor:
    """Weights set by hand: whatever is seen, the hand goes straight down as it is, open."""
    config = FineConfig(base="", image_size=64, width=32, depth=1, heads=2, extent=2.0)
    predictor = FinePredictor.create(config)
    network = predictor.network
    with torch.no_grad():
        for layer in (network.heatmaps.question, network.keep, network.action[-1], network.pointing.offset):
            layer.weight.zero_()
            layer.bias.zero_()
        network.home.copy_(torch.diag(torch.tensor([1.0, -1.0, -1.0])))
        network.keep.bias.fill_(10.0)
        network.pointing.blend.bias.view(3, -1)[:, -2] = 50.0
        network.pointing.offset.bias[2] = -LOWERED / (config.extent / 2)
        network.action[-1].bias[-2:] = torch.tensor([5.0, -5.0])
    return predictor


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    deploy.bundle(Config(), *save_models(folder, lowering_predictor()), folder / "bundle")
    return folder / "bundle"


@pytest.fixture
def host() -> Iterator[str]:
    address = free_address()
    with franky_sim(address) as process:
        yield address
        assert process.poll() is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laboratory")


def command(folder: Path, host: str, bundle: Path, run: Path, speed: float = 0.6) -> tuple[str | Path, ...]:
    """Driving a robot for two motions."""
    simulator = make_simulator("tabletop", image_size=64)
    _, observation = simulator.reset("push_button", 0, 4)
    simulator.close()
    rig = write_rig(folder, host, [without_wrist(observation)], speed)
    driving = ("deploy", "drive", "Push the maroon button", "--robot", "franka", "--rig", rig, "--bundle", bundle)
    return *driving, "--run", run, "--set", "deploy.max_steps=2", "--set", "robot.path_tolerance=0.2"


def height(host: str) -> tuple[float, float]:
    """Of the hand of a robot, and how far it sinks in a moment [m]."""
    arm = FrankaArm(host, RobotSettings())
    first = arm.state().tip_pose[2]
    time.sleep(0.3)
    second = arm.state().tip_pose[2]
    arm.close()
    return float(second), float(first - second)


def answer(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """What a person types."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{one}\n" for one in answers)))


def test_a_robot_is_driven_and_recorded(
    folder: Path, host: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, driving = height(host)[0], command(folder, host, bundle, tmp_path)
    answer(monkeypatch, "n")
    refused = clap_here(*driving)
    assert refused.code == 2 and "May the robot move?" in refused.err and "not allowed to move" in refused.err
    assert not list(tmp_path.iterdir()) and abs(height(host)[0] - before) < 1e-3
    answer(monkeypatch, "y", "y")
    driven = clap_here(*driving, "--json")
    assert driven.code == 0, driven.err
    assert "Plan: " in driven.err and "The task is done" in driven.err
    assert driven.json["success"] and driven.json["error"] is None
    with Demonstrations(tmp_path / "recordings.h5") as recordings:
        episode = recordings.episode(0)
    assert (episode.task, episode.instruction) == ("robot_push_the_maroon_button", "Push the maroon button")
    assert len(episode) == 2 and episode.success and episode.rewards.tolist() == [0, 1]
    for action, observation in zip(episode.actions, episode.observations[1:], strict=True):
        np.testing.assert_allclose(observation.gripper_pose[:3], action[:3], atol=1e-3)
    heights = [observation.gripper_pose[2] for observation in episode.observations]
    assert np.all(np.abs(np.diff(heights) + LOWERED) < 0.03) and abs(height(host)[0] - heights[-1]) < 1e-3
    assert np.all(np.diff(episode.trajectory["time"]) > 0) and len(episode.trajectory["time"]) > 10
    with Image.open(driven.json["video"]) as video:
        assert video.n_frames >= 2


def test_ctrl_c_stops_the_robot(folder: Path, host: str, bundle: Path, tmp_path: Path) -> None:
    before = height(host)[0]
    process = clap_process(*command(folder, host, bundle, tmp_path, speed=0.05), "--yes")
    wait_for_motion(process)
    os.kill(process.pid, signal.SIGINT)
    interrupted = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and time.monotonic() - interrupted < 10
    assert "The robot is stopped" in err and "Traceback" not in err
    after, sinks = height(host)
    assert before - LOWERED * 0.8 < after < before - 0.002 and abs(sinks) < 1e-3


def test_a_robot_that_is_gone_ends_the_drive_in_one_line(
    folder: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = free_address()
    with franky_sim(host) as robot:
        monkeypatch.setattr("sys.stdin", Killing(robot))
        driven = clap_here(*command(folder, host, bundle, tmp_path, speed=0.05))
    assert driven.code == 2 and "Traceback" not in driven.err
    last = driven.err.strip().splitlines()[-1]
    assert last.startswith("error: the connection with the robot") and "is episode 0 of" in last
    with Demonstrations(tmp_path / "recordings.h5") as recordings:
        episode = recordings.episode(0)
    assert len(episode) == 1 and not episode.success and "connection" in episode.error


class Killing(io.StringIO):
    """A person who lets a robot move, and a moment later it is gone."""

    def __init__(self, robot: subprocess.Popen[str]) -> None:
        super().__init__("y\n")
        self._timer = Timer(0.8, robot.kill)

    def readline(self, *size: int) -> str:
        self._timer.start()
        return super().readline(*size)


def wait_for_motion(process: subprocess.Popen[str]) -> None:
    """Until a robot is in the middle of its first motion."""
    for line in process.stderr:
        if "fingers open" in line:
            break
    time.sleep(0.8)
