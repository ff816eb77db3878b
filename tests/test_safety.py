"""What may come in from sensors and go out to a robot: a policy that sees nothing stays still, whatever its weights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from stages.core.decision import Given
from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation, PointObservation
from stages.core.steps import MAX_MOTIONS
from stages.geometry.clouds import fuse
from stages.geometry.tip_limits import LOWEST_TIP, SLACK, safe_action
from stages.geometry.workspace import WORKSPACE_HIGH, WORKSPACE_LOW
from stages.oracle.expert import ExpertPolicy
from stages.policy import ClapPolicy
from stages.runtime.devices import usable_device
from stages.safety import check_observation
from stages.simulators import make_simulator
from tests.random_policy import may_be_sent, random_policy

POSE = np.array([0.2, 0.1, 1.0, 1.0, 0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def observation() -> Observation:
    simulator = make_simulator("tabletop", image_size=32)
    _, observation = simulator.reset("push_button", 0, 1)
    simulator.close()
    return observation


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> ClapPolicy:
    return random_policy(tmp_path_factory.mktemp("base"))


def begun(policy: ClapPolicy) -> ClapPolicy:
    policy.reset("push the maroon button")
    return policy


def cameras(observation: Observation, change: Callable[[CameraFrame], CameraFrame]) -> Observation:
    return replace(observation, cameras={name: change(frame) for name, frame in observation.cameras.items()})


def depth(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[CameraFrame], CameraFrame]:
    return lambda frame: replace(frame, depth=change(frame.depth).astype(np.float32))


def posed(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[CameraFrame], CameraFrame]:
    return lambda frame: replace(frame, camera_to_world=change(frame.camera_to_world))


SEES_NOTHING = {
    "depth all zero": depth(np.zeros_like),
    "depth all NaN": depth(lambda d: d + np.nan),
    "depth infinite": depth(lambda d: d + np.inf),
    "OpenGL axes": posed(lambda pose: pose @ np.diag([1.0, -1.0, -1.0, 1.0])),
    "elsewhere": posed(lambda pose: pose + np.array([[0, 0, 0, 9.0]] * 3 + [[0] * 4])),
}

IS_REFUSED: dict[str, tuple[Callable[[CameraFrame], CameraFrame], str]] = {
    "depth in millimetres": (depth(lambda d: d * 1000), "millimetres"),
    "no intrinsics": (lambda frame: replace(frame, intrinsics=np.zeros((3, 3))), "pinhole"),
    "intrinsics of another image": (lambda frame: replace(frame, intrinsics=frame.intrinsics * 9 + 0), "pinhole"),
    "scaled extrinsics": (posed(lambda pose: pose * 2), "rigid"),
    "mirrored extrinsics": (posed(lambda pose: pose @ np.diag([-1.0, 1, 1, 1])), "rigid"),
    "NaN extrinsics": (posed(lambda pose: pose * np.nan), "rigid"),
    "no pixels": (lambda frame: replace(frame, rgb=frame.rgb[:0], depth=frame.depth[:0]), "pixels"),
}


def keeps_still(action: np.ndarray, observation: Observation | PointObservation) -> bool:
    return np.allclose(action[:7], observation.gripper_pose) and action[7] == observation.is_open


@pytest.mark.parametrize("what", SEES_NOTHING)
def test_a_policy_that_sees_nothing_stays_still_and_says_why(
    policy: ClapPolicy, observation: Observation, what: str
) -> None:
    blind = cameras(observation, SEES_NOTHING[what])
    decision = begun(policy).select_action(blind)
    assert keeps_still(decision.action, blind) and not decision.finished and decision.confidence == 0
    assert "points in the workspace" in decision.problem and "-0.3 to 0.7" in decision.problem
    assert policy.select_action(observation).problem == ""


@pytest.mark.parametrize("what", IS_REFUSED)
def test_what_no_camera_can_have_made_is_refused(policy: ClapPolicy, observation: Observation, what: str) -> None:
    change, message = IS_REFUSED[what]
    with pytest.raises(UserError, match=message):
        begun(policy).select_action(cameras(observation, change))


@pytest.mark.parametrize(
    "changes",
    [
        {"gripper_pose": POSE * np.nan},
        {"gripper_pose": POSE * 0.5},
        {"gripper_pose": POSE + [5, 0, 0, 0, 0, 0, 0]},
        {"gripper_pose": POSE[:6]},
        {"gripper_open": np.nan},
        {"gripper_open": 40.0},
        {"joint_positions": np.full(7, np.inf)},
        {"cameras": {}},
    ],
)
def test_a_robot_state_that_cannot_be_is_refused(observation: Observation, changes: dict[str, Any]) -> None:
    check_observation(observation)
    with pytest.raises(UserError):
        check_observation(replace(observation, **changes))


@pytest.mark.parametrize("keypoint", [[5, 5, 5], [0.1, 0.1, np.nan], [0.1, 0.1]])
def test_a_keypoint_elsewhere_is_refused(policy: ClapPolicy, observation: Observation, keypoint: list[float]) -> None:
    with pytest.raises(UserError, match="outside of the workspace"):
        begun(policy).select_action(observation, Given(keypoint=np.array(keypoint)))


def test_holes_in_depth_are_nothing_seen(observation: Observation) -> None:
    front = observation.cameras["front"]
    for hole in (np.nan, np.inf, -np.inf):
        holed = front.depth.copy()
        holed[::2] = hole
        zeroed = np.where(np.isfinite(holed), holed, 0).astype(np.float32)
        clouds = [fuse(replace(observation, cameras={"front": replace(front, depth=one)})) for one in (holed, zeroed)]
        assert all(np.array_equal(a, b) for a, b in zip(*clouds, strict=True))


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", [-1, 1])
def test_actions_just_outside_are_moved_inside_and_others_are_not_sent(axis: int, side: int) -> None:
    low, high = np.array([*WORKSPACE_LOW[:2], LOWEST_TIP]), WORKSPACE_HIGH
    border = (high if side > 0 else low)[axis]
    for beyond, sent in ((SLACK / 2, True), (SLACK * 2, False)):
        action = np.array([*POSE, 1.0, 0.0])
        action[axis] = border + side * beyond
        safe, problem = safe_action(action)
        assert may_be_sent(safe) == sent and bool(problem) != sent
        assert not sent or safe[axis] == border


@pytest.mark.parametrize("place", [0, 2, 3, 7, 8])
def test_actions_that_are_no_numbers_are_not_sent(place: int) -> None:
    action = np.array([*POSE, 1.0, 0.0])
    action[place] = np.nan
    assert safe_action(action)[1]
    assert safe_action(np.array([*POSE[:3], 0, 0, 0, 0, 1.0, 0.0]))[1]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_seen_and_whatever_the_weights_the_action_may_be_sent(policy: ClapPolicy, seed: int) -> None:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    policy = ClapPolicy(policy.planner, deepcopy(policy.predictor))
    for parameter in policy.predictor.network.parameters():
        parameter.data = torch.randn_like(parameter) * float(rng.choice([0.01, 1, 100]))
    begun(policy)
    for _ in range(4):
        count = int(rng.choice([0, 499, 600, 3000]))
        points = rng.uniform(WORKSPACE_LOW - 0.2, WORKSPACE_HIGH + 0.2, (count, 3)).astype(np.float32)
        colours = rng.integers(0, 255, (count, 3), dtype=np.uint8)
        turn = rng.normal(size=4)
        pose = np.concatenate([rng.uniform(WORKSPACE_LOW + [0, 0, 0.2], WORKSPACE_HIGH), turn / np.linalg.norm(turn)])
        given = rng.uniform(WORKSPACE_LOW, WORKSPACE_HIGH) if rng.random() < 0.5 else None
        decision = policy.select_action(
            PointObservation(points, colours, pose, float(rng.random())), Given(keypoint=given)
        )
        assert may_be_sent(decision.action)


def test_staying_still_never_changes_what_the_gripper_was_told(policy: ClapPolicy, observation: Observation) -> None:
    """A held block keeps the fingers wide open, and a hand that opens has not moved yet: the command decides."""
    blind = cameras(observation, SEES_NOTHING["depth all zero"])
    for opening in (0.0, 0.61, 0.86, 1.0):
        told = begun(policy).select_action(replace(observation, gripper_open=opening)).action[7]
        for seen in (0.0, 0.61, 0.95, 1.0):
            assert policy.select_action(replace(blind, gripper_open=seen)).action[7] == told


@pytest.mark.parametrize(("opening", "commanded"), [(0.0, 0), (0.61, 0), (0.86, 0), (0.95, 1), (1.0, 1)])
def test_what_is_held_counts_as_closed(
    policy: ClapPolicy, observation: Observation, opening: float, commanded: int
) -> None:
    blind = replace(cameras(observation, SEES_NOTHING["depth all zero"]), gripper_open=opening)
    assert begun(policy).select_action(blind).action[7] == commanded


def test_an_expert_that_has_finished_holds_what_it_holds() -> None:
    simulator = make_simulator("tabletop", image_size=32)
    _, observation = simulator.reset("pick_up_cup", 8, 1)
    expert = ExpertPolicy(simulator)
    expert.reset("")
    while not (decision := expert.select_action(observation)).finished:
        observation, *_ = simulator.step(decision.action)
    assert observation.gripper_open > 0 and decision.action[7] == 0
    height = {thing.name: thing.position[2] for thing in simulator.truth()}["magenta cup"]
    simulator.step(decision.action)
    assert {thing.name: thing.position[2] for thing in simulator.truth()}["magenta cup"] > height - 0.01
    simulator.close()


def test_a_step_that_takes_long_begins_anew_unless_it_is_the_last(
    policy: ClapPolicy, observation: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "_contradicted", lambda *_: False)
    monkeypatch.setattr(policy, "_doubtful", lambda *_: False)
    for line, ends in ((0, False), (1, True)):
        monkeypatch.setattr(policy.planner, "_lines_after", lambda *_, line=line: range(line, line + 1))
        begun(policy)
        decisions = [
            policy.select_action(observation, Given(keypoint=np.array([0.2, 0.0, 0.9]))) for _ in range(MAX_MOTIONS + 1)
        ]
        assert [one.motion_index for one in decisions[:MAX_MOTIONS]] == list(range(MAX_MOTIONS))
        assert decisions[-1].finished == ends and (ends or decisions[-1].motion_index == 0)


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "meta", "gpu", ""])
def test_devices_that_are_not_there_are_refused_in_one_line(name: str) -> None:
    assert usable_device("cpu").type == "cpu"
    with pytest.raises(UserError, match="device"):
        usable_device(name)


@pytest.mark.parametrize("value", ["foo", "osmesa"])
def test_opengl_is_not_needed(value: str) -> None:
    code = "from stages.simulators import make_simulator as m; m('tabletop', image_size=16).reset('push_button', 0, 1)"
    environment = os.environ | {"MUJOCO_GL": value}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=100).returncode == 0
