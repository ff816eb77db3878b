"""The embedded simulator from the outside: episodes, physics of grasping, determinism, errors."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import psutil
import pytest

from stages.core.errors import UserError
from stages.core.observation import CAMERAS, Observation
from stages.geometry.cameras import project
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators import make_simulator
from stages.simulators.tabletop.tasks import every_variation

FIRST = {task: variation for task, variation in reversed(every_variation())}
"""A variation of each task."""


@pytest.fixture
def blind():
    """A simulator without cameras, which is fast."""
    return make_simulator("tabletop", cameras=())


def follow_expert(simulator, change=lambda motion: motion.action) -> tuple[list, bool, dict]:
    motions, success, info = [], False, {}
    for motion in simulator.expert():
        motions.append(motion)
        _, success, done, info = simulator.step(change(motion))
        if done:
            break
    return motions, success, info


def fingerprint(observation: Observation) -> str:
    digest = hashlib.sha256()
    for name in sorted(observation.cameras):
        frame = observation.cameras[name]
        for field in fields(frame):
            digest.update(np.ascontiguousarray(getattr(frame, field.name)).tobytes())
    digest.update(observation.gripper_pose.tobytes() + observation.joint_positions.tobytes())
    return digest.hexdigest()


def play(task: str, variation: int, seed: int) -> str:
    """Fingerprint of a whole expert episode: every observation, and the trajectory."""
    simulator = make_simulator("tabletop", image_size=32)
    _, observation = simulator.reset(task, variation, seed)
    marks = [fingerprint(observation)]
    for motion in simulator.expert():
        marks.append(fingerprint(simulator.step(motion.action)[0]))
    trajectory = simulator.trajectory()
    marks += [
        hashlib.sha256(np.ascontiguousarray(getattr(trajectory, f.name)).tobytes()).hexdigest()
        for f in fields(trajectory)
    ]
    return " ".join(marks)


@pytest.mark.parametrize("task, variation", [("push_button", 3), ("pick_and_lift", 7)])
def test_the_expert_succeeds(blind, task: str, variation: int) -> None:
    for seed in range(3):
        blind.reset(task, variation, seed)
        motions, success, info = follow_expert(blind)
        assert success and info["error"] is None
        assert all(np.abs(motion.action[:3] - motion.keypoint).max() <= 0.22 for motion in motions)


def test_a_grasp_beside_the_block_fails(blind) -> None:
    for seed in range(3):
        blind.reset("pick_and_lift", 0, seed)
        beside = np.array([0.045, 0, 0, 0, 0, 0, 0, 0, 0])
        assert not follow_expert(blind, lambda motion, shift=beside: motion.action + shift)[1]


def test_an_open_gripper_lifts_nothing(blind) -> None:
    blind.reset("pick_and_lift", 0, 0)

    def left_open(motion):
        action = motion.action.copy()
        action[7] = 1
        return action

    assert not follow_expert(blind, left_open)[1]


def test_a_held_block_stays_in_the_hand(blind) -> None:
    blind.reset("pick_and_lift", 0, 0)
    for motion, _ in zip(blind.expert(), range(3), strict=False):
        observation, *_ = blind.step(motion.action)
    before = blind.truth()[1].position - observation.gripper_pose[:3]
    for _ in range(5):
        observation, *_ = blind.step(motion.action)
    after = blind.truth()[1].position - observation.gripper_pose[:3]
    assert blind.truth()[1].position[2] > TABLE_HEIGHT + 0.1
    np.testing.assert_allclose(after, before, atol=5e-4)


def test_pressing_beside_the_button_fails(blind) -> None:
    blind.reset("push_button", 0, 0)
    beside = np.array([0.07, 0, 0, 0, 0, 0, 0, 0, 0])
    assert not follow_expert(blind, lambda motion: motion.action + beside)[1]


def test_an_unreachable_pose_ends_the_episode_where_it_was(blind) -> None:
    _, observation = blind.reset("push_button", 0, 0)
    far = np.array([2.0, 0, 1, 1, 0, 0, 0, 1])
    after, success, done, info = blind.step(far)
    assert done and not success and info["error"] == "unreachable"
    np.testing.assert_array_equal(after.joint_positions, observation.joint_positions)


def test_an_open_gripper_lets_go(blind) -> None:
    blind.reset("pick_and_lift", 0, 0)
    follow_expert(blind)
    here = blind.trajectory().gripper_pose[-1]
    blind.step(np.append(here, 1.0))
    for _ in range(2):
        observation, success, _, _ = blind.step(np.append(here, 1.0))
    assert not success and observation.gripper_open > 0.95
    assert abs(blind.truth()[1].position[2] - TABLE_HEIGHT - 0.025) < 0.03


def play_all(names: Sequence[str]) -> str:
    """Fingerprints of an episode of each task, in the order of their names."""
    return json.dumps({name: play(name, FIRST[name], 5) for name in names}, sort_keys=True)


def test_same_seed_same_bits_for_every_task_in_this_process_and_another() -> None:
    """The other process plays them in the opposite order: nothing of one episode reaches another."""
    code = "from tests.test_environment import FIRST, play_all; print(play_all(list(FIRST)[::-1]))"
    root = Path(__file__).parents[1]
    other = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True)
    here = play_all(list(FIRST))
    there, _ = other.communicate()
    assert json.loads(there) == json.loads(here)
    assert play("pick_and_lift", 2, 5) != play("pick_and_lift", 2, 6)


@pytest.mark.parametrize("task, variation", [("push_buttons4", 1), ("stack_blocks", 30)])
def test_what_is_replayed_or_rewound_is_what_is_simulated(task: str, variation: int) -> None:
    def states() -> np.ndarray:
        assert follow_expert(simulator)[1]
        return simulator.trajectory().states

    simulator = make_simulator("tabletop", cameras=())
    simulator.reset(task, variation, 3)
    replayed = states()
    simulator.reset(task, variation, 3)
    aside = next(simulator.expert()).action + np.array([0.03, 0, 0, 0, 0, 0, 0, 0, 0])
    simulator.step(aside)
    simulator.reset(task, variation, 3)
    simulator._now._on_script = False
    np.testing.assert_array_equal(states(), replayed)


def test_memory_does_not_grow_with_the_number_of_episodes() -> None:
    def play_some(first: int) -> float:
        for seed in range(first, first + 15):
            simulator.reset("push_button", 0, seed)
            follow_expert(simulator)
        return psutil.Process().memory_info().rss / 2**20

    simulator = make_simulator("tabletop", image_size=32)
    before = play_some(0)
    assert play_some(100) - before < 15, "an episode kept would be 1.5 MB or more"


def test_observation_shapes_and_geometry() -> None:
    simulator = make_simulator("tabletop", image_size=96)
    _, observation = simulator.reset("push_button", 0, 1)
    button = next(thing for thing in simulator.truth() if thing.name == "maroon button")
    assert tuple(observation.cameras) == CAMERAS
    seen = 0
    for frame in observation.cameras.values():
        assert frame.rgb.shape == (96, 96, 3) and frame.rgb.dtype == np.uint8
        assert frame.depth.shape == (96, 96) and frame.depth.dtype == np.float32
        assert frame.mask.dtype == np.uint16
        (u, v), depth = (np.asarray(value).ravel() for value in project(
            button.position[None], frame.intrinsics, frame.camera_to_world
        ))  # fmt: skip
        if 0 <= u < 96 and 0 <= v < 96 and frame.mask[int(v), int(u)] == button.mask_id:
            assert abs(frame.depth[int(v), int(u)] - depth[0]) < 0.02
            seen += 1
    assert seen >= 2


def test_recorded_states_can_be_seen_again() -> None:
    simulator = make_simulator("tabletop", image_size=32)
    _, first = simulator.reset("pick_and_lift", 0, 0)
    follow_expert(simulator)
    trajectory = simulator.trajectory()
    again = simulator.observe_state(trajectory.states[trajectory.keyframes[0]])
    assert fingerprint(again) == fingerprint(first)
    frames = simulator.render_state(trajectory.states[-1], "front", 48)
    assert frames["front"].rgb.shape == (48, 48, 3)


def test_trajectory_is_sampled_evenly_between_keyframes(blind) -> None:
    blind.reset("pick_and_lift", 0, 0)
    motions, _, _ = follow_expert(blind)
    trajectory = blind.trajectory()
    assert len(trajectory.keyframes) == len(motions) + 1 and trajectory.keyframes[-1] == len(trajectory.time) - 1
    assert (np.diff(trajectory.time) > 0).all() and np.diff(trajectory.time).max() < 0.051
    for name in ("joint_positions", "joint_velocities", "gripper_pose", "gripper_open", "states"):
        assert len(getattr(trajectory, name)) == len(trajectory.time)
    assert np.abs(trajectory.joint_velocities[trajectory.keyframes]).max() < 0.1


def test_unknown_names_say_what_is_known(blind) -> None:
    with pytest.raises(UserError, match="push_button"):
        blind.reset("push_buton", 0, 0)
    with pytest.raises(UserError, match="no variation 99"):
        blind.reset("push_button", 99, 0)
    with pytest.raises(UserError, match="wrist"):
        make_simulator("tabletop", cameras=("back",))
    with pytest.raises(UserError, match="tabletop"):
        make_simulator("gazebo")
    with pytest.raises(UserError, match="CoppeliaSim"):
        make_simulator("rlbench")
