"""Demonstrations that a person gives by guiding a robot's hand, from keys to annotated keypoints."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stages.artifacts.demonstrations import Demonstrations
from stages.core.observation import Observation
from stages.geometry.arm import home_base
from stages.geometry.poses import pose_to_matrix
from stages.robots.kinematics import ArmKinematics
from stages.simulators import make_simulator
from tests.conftest import clap_here, clap_process
from tests.franka_laboratory import free_address, guide, laboratory, without_wrist, write_rig

INSTRUCTION = "push the maroon button"


class Shown:
    """The expert's demonstration of a task, and the joint angles with which a hand is guided through it."""

    def __init__(self, task: str, variation: int, seed: int) -> None:
        simulator = make_simulator("tabletop", image_size=48)
        _, first = simulator.reset(task, variation, seed)
        self.observations, self.actions = [without_wrist(first)], []
        for motion in simulator.expert():
            self.actions.append(motion.action)
            self.observations.append(without_wrist(simulator.step(motion.action)[0]))
        simulator.close()
        self.joints = _postures([o.gripper_pose for o in self.observations], first.joint_positions)


def _postures(poses: Sequence[np.ndarray], near: np.ndarray) -> list[np.ndarray]:
    kinematics, into_base = ArmKinematics("fr3", 0.05), np.linalg.inv(home_base())
    found = []
    for pose in poses:
        near = kinematics.solutions(into_base @ pose_to_matrix(pose), near)[0]
        found.append(near)
    return found


@pytest.fixture(scope="module")
def shown() -> Shown:
    return Shown("push_button", 0, 4)


def press(process: subprocess.Popen[str], keys: str) -> None:
    process.stdin.write(keys)
    process.stdin.flush()


def heard(process: subprocess.Popen[str], words: str) -> str:
    """The next line on stderr with some words."""
    said = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return line
    raise AssertionError(f"'{words}' was never said, but {said}")


def demonstrate(robot: subprocess.Popen[str], command: subprocess.Popen[str], shown: Shown) -> None:
    """Guide the hand through a demonstration, with a key at every keyframe."""
    opened = [True, *(action[7] > 0.5 for action in shown.actions)]
    for number, joints in enumerate(shown.joints):
        guide(robot, joints)
        key = "\n" if number and opened[number] == opened[number - 1] else "o" if opened[number] else "c"
        press(command, key)
        heard(command, f"Keyframe {number + 1}:")


def test_guided_demonstrations_from_keys_to_keypoints(tmp_path: Path, shown: Shown) -> None:
    host, run = free_address(), tmp_path / "run"
    looks: list[Observation] = [*shown.observations[:1], *shown.observations, *shown.observations]
    rig = write_rig(tmp_path, host, looks)
    arguments = ("collect", "demos", "--robot", "franka", "--rig", rig, "--instruction", INSTRUCTION, "--episodes", 2)
    with laboratory(host) as robot:
        command = clap_process(*arguments, "--run", run, stdin=subprocess.PIPE)
        heard(command, "Demonstration 1 of 2")
        press(command, "x d\n u")
        heard(command, "Discarded")
        demonstrate(robot, command, shown)
        press(command, "d")
        heard(command, "Demonstration 1 is saved")
        command.kill()
        command.communicate()
        assert not (run / "demos.h5").exists()
        rig = write_rig(tmp_path, host, shown.observations)
        command = clap_process(*arguments, "--run", run, "--resume", stdin=subprocess.PIPE)
        heard(command, "Demonstration 2 of 2")
        demonstrate(robot, command, shown)
        press(command, "d")
        out, err = command.communicate(timeout=30)
        assert command.returncode == 0, err
    with Demonstrations(run / "demos.h5") as demos:
        assert len(demos) == 2
        for number in range(2):
            episode = demos.episode(number)
            assert episode.instruction == INSTRUCTION and not episode.is_labelled
            np.testing.assert_allclose(episode.actions[:, :3], np.array(shown.actions)[:, :3], atol=2e-3)
            assert np.array_equal(episode.actions[:, 7], np.array(shown.actions)[:, 7])
            assert len(episode.observations) == len(shown.observations)
            assert len(episode.trajectory["time"]) > len(episode.observations)
    annotated = clap_here("annotate-keypoints", "--run", run, "--workers", 1, "--json")
    assert annotated.code == 0, annotated.err
    assert annotated.json["keypoints"] == 2 * len(shown.actions)
