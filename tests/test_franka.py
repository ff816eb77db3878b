"""A Franka arm on the loopback address (franky-sim): it goes where it is sent, and any doubt stops it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer

import numpy as np
import pytest

from stages.core.errors import UserError
from stages.core.observation import CameraFrame
from stages.geometry.arm import home_base, tip_in_base, tip_jacobian
from stages.geometry.poses import pose_to_matrix, quaternion_to_matrix, rotation_angle
from stages.robots.franka import FrankaArm
from stages.robots.kinematics import STEP, TURN, ArmKinematics, Model, straight_line
from stages.robots.rig import Pose, RobotSettings
from stages.robots.robot import Robot
from stages.robots.routes import RouteFinder
from stages.serving.robot_scene import RobotScene
from stages.settings.robot import RobotConfig
from stages.simulators import make_simulator
from tests.conftest import clap_alone
from tests.franka_laboratory import franky_sim, free_address, laboratory, without_wrist, write_rig

START = np.array([0, 0, 0, -np.pi / 2, 0, np.pi / 2, np.pi / 4])
"""Joint angles of the simulated robot at first [rad]."""

DOWN = np.array([1.0, 0, 0, 0])
FAST = RobotSettings(speed=0.6)
BRISK = RobotConfig(gripper_speed=0.2, path_tolerance=0.2)
"""The simulated robot shakes where it does not get its share of the processor."""

THING = 0.065
"""Width of what is between the fingers [m]."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """Address of a robot that runs."""
    address = free_address()
    with franky_sim(address):
        yield address


@pytest.fixture
def arm(host: str) -> Iterator[FrankaArm]:
    connected = FrankaArm(host, FAST, BRISK)
    yield connected
    connected.close()


def to(x: float, y: float, z: float, *, opened: bool = True, collide: bool = False) -> np.ndarray:
    """The action (9,) that brings a hand that looks down to a place in the world [m]."""
    return np.array([x, y, z, *DOWN, opened, collide], float)


def errors(arm: FrankaArm, pose: np.ndarray) -> tuple[float, float]:
    """How far the hand is from a pose (7,): [m], [degrees]."""
    here = arm.state().tip_pose
    turned = rotation_angle(quaternion_to_matrix(here[3:]), quaternion_to_matrix(pose[3:7]))
    return float(np.linalg.norm(here[:3] - pose[:3])), float(np.degrees(turned))


@pytest.mark.parametrize("model", ["fr3", "panda"])
def test_inverse_kinematics_against_forward_kinematics(model: Model) -> None:
    kinematics, rng = ArmKinematics(model, 0.05), np.random.default_rng(0)
    for joints in rng.uniform(kinematics.lower, kinematics.upper, (50, 7)):
        tip = tip_in_base(joints)
        for found in kinematics.solutions(tip, joints):
            np.testing.assert_allclose(tip_in_base(found), tip, atol=1e-8)
            assert kinematics.allows(found)


def test_jacobian_against_finite_differences() -> None:
    joints, small = np.array([0.1, 0.3, -0.2, -1.8, 0.1, 2.0, 0.6]), 1e-6
    before, jacobian = tip_in_base(joints), tip_jacobian(joints)
    for number, column in enumerate(jacobian.T):
        change = (tip_in_base(joints + small * np.eye(7)[number]) - before) / small
        np.testing.assert_allclose(change[:3, 3], column[:3], atol=1e-5)
        turn = change[:3, :3] @ before[:3, :3].T
        np.testing.assert_allclose([turn[2, 1], turn[0, 2], turn[1, 0]], column[3:], atol=1e-5)


def test_a_line_is_straight_and_turns_evenly() -> None:
    start, goal = tip_in_base(START), pose_to_matrix(np.array([0.4, 0.2, 0.3, 0.9, 0.1, -0.4, 0.1]))
    line = straight_line(start, goal)
    poses = np.concatenate([start[None], line])
    steps = np.diff(poses[:, :3, 3], axis=0)
    np.testing.assert_allclose(steps, np.tile(steps[0], (len(steps), 1)), atol=1e-12)
    turns = [rotation_angle(a[:3, :3], b[:3, :3]) for a, b in zip(poses, poses[1:], strict=False)]
    np.testing.assert_allclose(turns, turns[0], atol=1e-7)
    assert np.linalg.norm(steps[0]) <= STEP + 1e-12 and turns[0] <= TURN + 1e-7
    np.testing.assert_allclose(line[-1], goal, atol=1e-12)
    path = ArmKinematics("fr3", 0.05).follow(line, START)
    assert path is not None and len(path) == len(line)
    for joints, tip in zip(path, line, strict=True):
        np.testing.assert_allclose(tip_in_base(joints), tip, atol=1e-4)


def test_what_must_not_be_sent_is_refused_with_its_reason() -> None:
    routes = {name: RouteFinder(ArmKinematics("fr3", 0.05), home_base(), name) for name in ("never", "always")}
    find = routes["always"].find
    assert find(to(0.24, 0, 1.1), START)[0].straight
    for action, reason in (
        (to(np.nan, 0, 1), "not a pose"),
        (to(0.2, 0, 0.7), "outside of the workspace"),
        (to(0.65, 0.45, 1.5), "no joint angles"),
        (np.array([0.25, 0.0, 0.757, np.sqrt(0.5), 0, np.sqrt(0.5), 0, 1, 0]), "of the table"),
    ):
        route, problem = find(action, START)
        assert route is None and reason in problem, problem
    low = np.array([0.0, 1.2, 0.0, -1.2, 0.0, 2.4, 0.785])
    assert tip_in_base(low)[2, 3] < 0 and "guide it in by hand" in find(to(0.24, 0, 1.1), low)[1]


def test_a_detour_is_made_only_where_it_is_allowed(arm: FrankaArm) -> None:
    for detours, collide, allowed in (
        ("never", 1, False),
        ("marked", 0, False),
        ("marked", 1, True),
        ("always", 0, True),
    ):
        find = RouteFinder(ArmKinematics("fr3", 0.05), home_base(), detours).find
        route, problem = find(turned(collide), START)
        assert not route.straight if allowed else route is None and "cannot go straight" in problem
    assert arm.move(turned(True)) == ""
    assert errors(arm, turned(True))[0] < 1e-3
    assert arm.move(to(0.244, 0, 1.27, collide=True)) == ""


def turned(collide: float) -> np.ndarray:
    """An action (9,) for which the hand turns by more than the last joint can."""
    return np.array([0.22, 0.08, 1.15, 0.4384, -0.8988, 0, 0, 1, collide])


def test_a_pick_of_the_expert_is_replayed(arm: FrankaArm) -> None:
    simulator = make_simulator("tabletop", image_size=8)
    simulator.reset("pick_and_lift", 0, 3)
    actions = []
    for motion in simulator.expert():
        actions.append(motion.action)
        simulator.step(motion.action)
    assert len(actions) >= 3 and {action[7] for action in actions} == {0.0, 1.0}
    for action in actions:
        assert arm.move(action) == ""
        off, turned = errors(arm, action)
        assert off < 1e-3 and turned < 0.5
        assert arm.state().gripper_open > 0.9 if action[7] else arm.state().width < 0.002
    arm.move(to(0.24, 0, 1.2))


def test_an_unreachable_pose_is_refused_before_it_is_sent(arm: FrankaArm) -> None:
    before = arm.state().joint_positions
    assert "no joint angles" in arm.move(to(0.65, 0.45, 1.5)) and not arm.doubt
    np.testing.assert_allclose(arm.state().joint_positions, before, atol=1e-3)
    assert arm.move(to(0.2, 0.1, 1.1)) == ""


def test_a_robot_that_stands_elsewhere_goes_to_the_same_place_of_the_world(host: str) -> None:
    turned = RobotSettings(base=Pose((0.1, -0.4, 0.752), (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))), speed=0.6)
    arm = FrankaArm(host, turned, BRISK)
    try:
        assert arm.move(to(0.1, 0.1, 1.1)) == ""
        assert errors(arm, to(0.1, 0.1, 1.1))[0] < 1e-3
    finally:
        arm.close()


def test_a_hand_that_is_not_where_it_was_sent_is_a_doubt_that_lasts(host: str) -> None:
    arm = FrankaArm(host, FAST, replace(BRISK, position_tolerance=1e-7))
    try:
        with pytest.raises(UserError, match="off where it was sent.*look at the robot"):
            arm.move(to(0.2, 0.05, 1.0))
        at = arm.state().tip_pose
        for attempt in (lambda: arm.move(to(0.2, 0, 1.2)), arm.open_hand, arm.close_hand):
            with pytest.raises(UserError, match="off where it was sent"):
                attempt()
        np.testing.assert_allclose(arm.state().tip_pose, at, atol=1e-3)
    finally:
        arm.close()


def test_fingers_are_verified() -> None:
    host = free_address()
    with laboratory(host, thing=THING):
        arm = FrankaArm(host, FAST, BRISK)
        arm.close_hand()
        assert abs(arm.state().width - THING) < 0.004
        here = arm.state().tip_pose
        assert arm.move(np.array([*here[:2], here[2] + 0.05, *here[3:], 0, 0])) == ""
        assert abs(arm.state().width - THING) < 0.004, "it is still held"
        arm.open_hand()
        assert arm.state().gripper_open > 0.9
        arm.close()
        arm = FrankaArm(host, FAST, replace(BRISK, width_tolerance=0.02))
        arm.open_hand()
        arm.move(np.array([*here, 1, 0]))
        with pytest.raises(UserError, match="fingers were to close and are .* apart"):
            arm.close_hand()
        assert arm.doubt
        arm.close()


def test_a_robot_that_is_gone_in_the_middle_of_a_motion_is_one_line() -> None:
    host = free_address()
    with franky_sim(host) as process:
        arm = FrankaArm(host, RobotSettings(speed=0.1))
        Timer(0.7, process.kill).start()
        started = time.monotonic()
        with pytest.raises(UserError, match="connection .* is lost.*look at the robot"):
            arm.move(to(0.2, 0.3, 0.9))
        assert arm.doubt and time.monotonic() - started < 15
        with pytest.raises(UserError):
            arm.state()
        arm.close()
    with pytest.raises(UserError, match="no robot can be reached"):
        FrankaArm(host, FAST)


def test_a_second_program_is_told_so_in_one_line(arm: FrankaArm, host: str, tmp_path: Path) -> None:
    simulator = make_simulator("tabletop", image_size=24)
    _, observation = simulator.reset("push_button", 0, 1)
    rig = write_rig(tmp_path, host, [without_wrist(observation)])
    command = (
        "collect",
        "demos",
        "--robot",
        "franka",
        "--rig",
        rig,
        "--instruction",
        "push it",
        "--run",
        tmp_path / "run",
    )
    started = time.monotonic()
    outcome = clap_alone(*command, "--set", "robot.connect_seconds=1")
    assert outcome.code == 2 and time.monotonic() - started < 20
    assert outcome.err.count("\n") == 1 and "End other programs" in outcome.err
    assert not list((tmp_path / "run").glob("*"))
    assert arm.move(to(0.24, 0, 1.15)) == "", "the first program goes on"


class Blind:
    """A camera that sees once."""

    name = "front"

    def __init__(self, frame: CameraFrame) -> None:
        self._frames = [frame]

    def read(self, tip_pose: np.ndarray) -> CameraFrame:
        if not self._frames:
            raise UserError("the camera gave no image", "Check its cable")
        return self._frames.pop()

    def close(self) -> None:
        """Nothing is held."""


def test_a_robot_that_cannot_see_any_more_is_not_driven_on(arm: FrankaArm) -> None:
    frame = CameraFrame(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.float32), np.eye(3), np.eye(4))
    scene = RobotScene(Robot(arm, [Blind(frame)]), "push it")
    _, first = scene.reset("robot_push_it", 0, 0)
    seen, success, done, info = scene.step(to(0.24, 0, 1.2))
    assert done and not success and "no image" in info["error"] and scene.trouble == "the camera gave no image"
    assert seen is first and scene.trajectory().keyframes.shape == (2,)


def test_a_speed_that_is_no_share_is_refused() -> None:
    for speed in (0.0, -0.1, 1.5, np.nan):
        with pytest.raises(UserError, match="speed"):
            FrankaArm("127.0.0.1", RobotSettings(speed=speed))


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "franky", None)
    with pytest.raises(UserError, match="clap-policy.franka."):
        FrankaArm("127.0.0.1", FAST)
