"""Oracles: truth, or chance, in place of the answers of a policy's modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.core.decision import Given
from stages.core.errors import UserError
from stages.core.lookahead import next_focus
from stages.core.steps import parse_step
from stages.geometry.workspace import TABLE_HEIGHT, inside_workspace
from stages.oracle.expert import ExpertPolicy
from stages.oracle.oracle import MODULES, Oracle, expert_plan, read_modules
from stages.rollouts.rollouts import RolloutJob, roll_out
from stages.rollouts.seeds import FIRST_SEED
from stages.simulators import make_simulator
from stages.simulators.protocol import Motion, Simulator
from tests.random_policy import random_policy

MOTION = Motion(np.zeros(9), parse_step("grasp the red block"), np.array([0.1, 0.2, 0.8]))


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return make_simulator("tabletop", image_size=64)


def given(oracle: Oracle, motion: Motion | None, simulator: Simulator) -> Given:
    return oracle.given(motion, simulator.truth(), simulator.reset("push_button", 0, 0)[1])


def test_random_keypoints_cover_the_table_and_repeat(simulator: Simulator) -> None:
    seen = simulator.reset("push_button", 0, 0)[1]
    drawn = [Oracle(["random"], seed=[3]) for _ in range(2)]
    first, second = (np.array([one.given(MOTION, [], seen).keypoint for _ in range(4000)]) for one in drawn)
    assert np.array_equal(first, second) and inside_workspace(first).all() and (first[:, 2] >= TABLE_HEIGHT).all()
    low, high = np.array([-0.3, -0.5]), np.array([0.7, 0.5])
    np.testing.assert_allclose(first[:, :2].mean(axis=0), (low + high) / 2, atol=0.02)
    np.testing.assert_allclose(first[:, :2].std(axis=0), 1 / np.sqrt(12), atol=0.01)


def test_only_what_is_asked_for_is_given(simulator: Simulator) -> None:
    assert given(Oracle(), MOTION, simulator) == Given()
    assert np.array_equal(given(Oracle(["keypoint"]), MOTION, simulator).keypoint, MOTION.keypoint)
    assert np.array_equal(given(Oracle(["action"]), MOTION, simulator).action, MOTION.action)
    assert given(Oracle(["keypoint", "action"]), None, simulator) == Given(), "the expert has finished"
    assert "maroon button" in given(Oracle(["list"]), MOTION, simulator).names


def test_steps_are_those_of_the_expert_line_by_line(simulator: Simulator) -> None:
    plan = expert_plan(simulator, "stack_blocks", 36, 5)
    assert len(plan) > 4 and all(one != other for one, other in zip(plan, plan[1:], strict=False))
    _, seen = simulator.reset("stack_blocks", 36, 5)
    oracle, before = Oracle(["plan", "step"], plan), (-1, 0)
    for motion in simulator.expert():
        told = oracle.given(motion, simulator.truth(), seen)
        assert told.plan == tuple(plan) and plan[told.step_index] == str(motion.step)
        same = told.step_index == before[0]
        assert told.motion_index == (before[1] + 1 if same else 0) and told.step_index in (before[0], before[0] + 1)
        before = told.step_index, told.motion_index
        seen, success, _, _ = simulator.step(motion.action)
    assert success and before[0] == len(plan) - 1


def test_with_a_true_keypoint_comes_where_the_plan_goes_next(simulator: Simulator) -> None:
    """Until it has got there; not where several things have that name, and not beside an own keypoint."""
    plan = expert_plan(simulator, "reach_and_drag_peract", 14, 5)
    _, seen = simulator.reset("reach_and_drag_peract", 14, 5)
    oracle, blind = Oracle(["plan", "step", "keypoint"], plan), Oracle(["plan", "step"], plan)
    place = {thing.name: thing.position for thing in simulator.truth()}
    told = [oracle.given(motion, simulator.truth(), seen).next_keypoint for motion in _shown(simulator.expert(), plan)]
    assert np.array_equal(told[0], place["cube"]) and np.array_equal(told[-2], place[next_focus(plan, len(plan) - 2)])
    assert told[-1] is None
    motion = next(simulator.expert())
    assert blind.given(motion, simulator.truth(), seen).next_keypoint is None
    twice = [*simulator.truth(), *(thing for thing in simulator.truth() if thing.name == "cube")]
    assert Oracle(["plan", "step", "keypoint"], plan).given(motion, twice, seen).next_keypoint is None


def _shown(motions: Iterator[Motion], plan: list[str]) -> Iterator[Motion]:
    """One motion of every line of a plan, of which nothing is carried out."""
    first = next(motions)
    yield from (replace(first, step=parse_step(line)) for line in plan)


def test_the_next_place_is_that_of_the_first_later_step_about_another_thing() -> None:
    plan = ["grasp the red block", "lift the grasped red block", "move the grasped red block to the tray"]
    assert [next_focus(plan, line) for line in range(3)] == ["tray", "tray", ""]
    assert next_focus(["push the red button", "push the blue button"], 0) == "blue button"


def test_an_expert_that_does_something_again_is_followed_back(simulator: Simulator) -> None:
    plan = ["grasp the red block", "lift the grasped red block"]
    oracle = Oracle(["plan", "step"], plan)
    motions = [Motion(np.zeros(9), parse_step(plan[line]), np.zeros(3)) for line in (0, 1, 0, 0, 1)]
    told = [given(oracle, motion, simulator) for motion in motions]
    assert [(one.step_index, one.motion_index) for one in told] == [(0, 0), (1, 0), (0, 0), (0, 1), (1, 0)]
    other = Motion(np.zeros(9), parse_step("push the maroon button"), np.zeros(3))
    assert given(oracle, other, simulator).step_index is None, "the plan has no such line"


@pytest.mark.parametrize(
    ("names", "message"),
    [(["steps"], "no oracle 'steps'"), (["step"], "plan,step"), (["keypoint", "random"], "at once")],
)
def test_modules_are_checked(names: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_modules(names)


def test_a_policy_that_knows_nothing_succeeds_with_every_oracle(tmp_path: Path, simulator: Simulator) -> None:
    """And fails without that of the action, its weights being random."""
    policy, job = random_policy(tmp_path), RolloutJob(0, "push_button", 0, "l1", 0, FIRST_SEED)
    plan = expert_plan(simulator, job.task, job.variation, job.seed)
    done = roll_out(simulator, policy, job, 10, Oracle(MODULES, plan))
    reference = roll_out(simulator, ExpertPolicy(simulator), job, 10).episode
    assert done.episode.success and done.episode.predictions.steps == reference.steps
    assert np.array_equal(done.episode.predictions.keypoints, reference.targets)
    assert np.allclose(done.episode.actions, reference.actions) and {"views", "decision", "predictor"} <= {
        *done.seconds
    }
    failed = roll_out(simulator, policy, job, 4, Oracle(["plan", "step", "keypoint"], plan))
    assert not failed.episode.success and failed.failure == "wrong motion"
