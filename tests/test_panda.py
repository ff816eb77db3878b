"""The robot: its chain against an independent implementation, inverse kinematics closed by forward kinematics."""

from __future__ import annotations

import frankik
import mujoco
import numpy as np
import pytest

from stages.geometry.poses import axis_rotation, matrix_to_pose, rotation_angle
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.tabletop import panda_meshes
from stages.simulators.tabletop.execution import Executor
from stages.simulators.tabletop.kinematics import Kinematics
from stages.simulators.tabletop.motion import MotionPlanner, interpolate, timed
from stages.simulators.tabletop.panda import BASE_POSITION, LOWER, UPPER, VELOCITY
from stages.simulators.tabletop.skills.hand import pointing_down, tip_at
from stages.simulators.tabletop.world import TIMESTEP, new_world

READY = np.array([0.0, 0.1745, 0.0, -0.873, 0.0, 1.222, np.pi / 4])


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return new_world().compile()


@pytest.fixture
def kinematics(model: mujoco.MjModel) -> Kinematics:
    return Kinematics(model)


def test_chain_agrees_with_frankik(kinematics: Kinematics) -> None:
    for joints in np.random.default_rng(0).uniform(LOWER, UPPER, (200, 7)):
        expected = frankik.fk(joints)
        expected[:3, 3] += BASE_POSITION
        np.testing.assert_allclose(kinematics.forward(joints), expected, atol=1e-9)


def test_every_solution_reaches_the_pose(kinematics: Kinematics) -> None:
    tip = tip_at(np.array([0.2, 0.1, TABLE_HEIGHT + 0.1]), pointing_down(0.3))
    solutions = list(kinematics.solutions(tip, READY))
    assert len(solutions) > 10
    for joints in solutions:
        assert ((joints > LOWER) & (joints < UPPER)).all()
        np.testing.assert_allclose(kinematics.forward(joints), tip, atol=1e-6)


def test_solutions_are_sorted_by_distance(kinematics: Kinematics) -> None:
    tip = tip_at(np.array([0.2, 0.1, TABLE_HEIGHT + 0.1]), pointing_down(0.3))
    distances = [np.abs(joints - READY).max() for joints in kinematics.solutions(tip, READY)]
    assert distances == sorted(distances)


def test_a_folded_arm_collides_with_itself_and_a_stretched_one_does_not(kinematics: Kinematics) -> None:
    folded = np.array([0.0, 1.7, 0.0, -3.0, 0.0, 0.0, 0.0])
    assert kinematics.collides(folded, scene=False)
    assert not kinematics.collides(READY)


def test_a_hand_in_the_table_collides(kinematics: Kinematics) -> None:
    inside = tip_at(np.array([0.2, 0.0, TABLE_HEIGHT - 0.03]), pointing_down(0.0))
    joints = next(kinematics.solutions(inside, READY))
    assert kinematics.collides(joints)
    assert not kinematics.collides(joints, scene=False)


def test_a_line_is_straight_and_ends_at_the_goal(kinematics: Kinematics) -> None:
    start = kinematics.forward(READY)
    goal = tip_at(np.array([0.25, -0.15, TABLE_HEIGHT + 0.15]), pointing_down(0.4))
    path = MotionPlanner(kinematics).plan(READY, goal, avoid=False)
    direction = (goal[:3, 3] - start[:3, 3]) / np.linalg.norm(goal[:3, 3] - start[:3, 3])
    for joints in path:
        offset = kinematics.forward(joints)[:3, 3] - start[:3, 3]
        assert np.linalg.norm(offset - offset @ direction * direction) < 1e-4
    np.testing.assert_allclose(kinematics.forward(path[-1]), goal, atol=1e-4)


def test_there_is_no_way_to_a_pose_out_of_reach(kinematics: Kinematics) -> None:
    goal = tip_at(np.array([1.2, 0.0, TABLE_HEIGHT + 0.2]), pointing_down(0.0))
    assert MotionPlanner(kinematics).plan(READY, goal, avoid=True) is None


def test_interpolation_turns_at_a_constant_rate() -> None:
    start, goal = np.eye(4), np.eye(4)
    goal[:3, :3] = axis_rotation(1, 1.0)
    poses = interpolate(start, goal)
    angles = rotation_angle(np.eye(3), poses[:, :3, :3])
    np.testing.assert_allclose(np.diff(angles), 1.0 / len(poses), atol=1e-9)
    np.testing.assert_allclose(poses[-1], goal)


def test_targets_respect_the_velocity_limits_and_end_at_rest() -> None:
    path = READY + np.outer(np.linspace(0, 1, 9) ** 1.2, [1, -0.2, 0, 0.3, 0, 0.1, -1])
    targets = timed(path, TIMESTEP)
    assert (np.abs(np.diff(targets[:-1], axis=0)) / TIMESTEP < VELOCITY).all()
    np.testing.assert_allclose(targets[-1], path[-1], atol=1e-9)


def test_servos_track_to_half_a_millimetre(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    executor = Executor(model, data)
    executor.stand(READY)
    goal = tip_at(np.array([0.25, -0.15, TABLE_HEIGHT + 0.15]), pointing_down(0.4))
    assert executor.execute(np.append(matrix_to_pose(goal), 1.0)) is None
    mujoco.mj_forward(model, data)
    assert np.linalg.norm(data.site("tip").xpos - goal[:3, 3]) < 5e-4


def test_meshes_are_cached_and_stay_small(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    panda_meshes.panda_shapes.cache_clear()
    first = panda_meshes.panda_shapes()
    panda_meshes.panda_shapes.cache_clear()
    second = panda_meshes.panda_shapes()
    assert len(list(tmp_path.rglob("*"))) == 2
    total = sum(len(shape.shell[1]) + len(shape.trim[1]) for shape in first.values())
    assert 5_000 < total + len(first["finger"].shell[1]) + len(first["finger"].trim[1]) <= 14_000
    for link in panda_meshes.LINKS:
        np.testing.assert_array_equal(first[link].shell[0], second[link].shell[0])
        np.testing.assert_array_equal(first[link].trim[1], second[link].trim[1])
