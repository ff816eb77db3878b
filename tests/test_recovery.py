"""Grasps that came to nothing or got hold of another thing are noticed, begun again, and elsewhere the second time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.core.decision import Decision, Given
from stages.core.observation import PointObservation
from stages.geometry.canonical import CanonicalViews
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner.calibration import NEAR
from stages.planner.hand import UNSEEN
from stages.planner.planner import Plan, Planner, StepDecision
from stages.planner.pointing.reading import Pointing, read_pointing
from stages.planner.prompts import Memory
from stages.policy import ClapPolicy
from stages.recovery import APART, EMPTY, SURE, Attempt, Recovery
from stages.settings.policy import PolicyConfig
from tests.random_policy import random_policy

PLAN = ["grasp the cup", "lift the grasped cup", "grasp the red block", "lift the grasped red block"]
HERE = WORKSPACE_CENTRE + np.array([0.1, 0.0, 0.0])


def begun(most: int = 3) -> Recovery:
    recovery = Recovery(most)
    for line, before in ((0, Memory()), (1, Memory(0, 2)), (2, Memory(1, 1)), (3, Memory(2, 2))):
        recovery.note(line, Attempt(before, UNSEEN, HERE))
    return recovery


@pytest.mark.parametrize(
    ("memory", "closed", "opening", "line"),
    [
        (Memory(2, 2), True, 0.0, 2),
        (Memory(3, 1), True, EMPTY / 2, 2),
        (Memory(1, 1), True, 0.0, 0),
        (Memory(2, 2), True, 0.045, None),
        (Memory(2, 1), False, 0.0, None),
        (Memory(), True, 0.0, None),
    ],
)
def test_shut_fingers_hold_nothing(memory: Memory, closed: bool, opening: float, line: int | None) -> None:
    assert begun().empty_handed(PLAN, memory, closed, opening) == line


def test_what_needs_nothing_in_the_hand_is_not_begun_again() -> None:
    plan = ["push the red button", "release the grasped cup at the tray"]
    recovery = Recovery(3)
    recovery.note(0, Attempt(Memory(), UNSEEN, HERE))
    assert all(recovery.empty_handed(plan, Memory(line, 1), True, 0.0) is None for line in (0, 1))


@pytest.mark.parametrize(
    ("confidence", "away", "memory", "line"),
    [
        (0.9, APART + 0.05, Memory(3, 1), 2),
        (0.9, APART - 0.05, Memory(3, 1), None),
        (SURE - 0.1, APART + 0.05, Memory(3, 1), None),
        (0.9, APART + 0.05, Memory(2, 2), None),
    ],
)
def test_a_thing_seen_elsewhere_did_not_come_along(
    confidence: float, away: float, memory: Memory, line: int | None
) -> None:
    tip = HERE + [0, 0, 0.2]
    seen = {"red block": Pointing(tip + [away, 0, 0], None, confidence, np.zeros(5))}
    assert begun().left_behind(PLAN, memory, seen, tip) == line
    assert begun().left_behind(PLAN, memory, {}, tip) is None


def test_a_place_is_left_out_after_two_misses_or_another_thing_and_only_so_often() -> None:
    recovery, before = begun(), Memory(1, 1)
    assert recovery.begin_again(2, elsewhere=False).memory == before and not recovery.excluded(before)
    recovery.note(2, Attempt(before, UNSEEN, HERE + [0.01, 0, 0]))
    recovery.begin_again(2, elsewhere=False)
    assert len(recovery.excluded(before)) == len(recovery.excluded(Memory(2, 1))) == 1 and not recovery.excluded(
        Memory()
    )
    other = begun(1)
    other.begin_again(2, elsewhere=True)
    assert np.allclose(other.excluded(before), [HERE])
    assert other.empty_handed(PLAN, Memory(2, 2), True, 0.0) is None


def test_votes_for_an_excluded_place_do_not_count() -> None:
    views = CanonicalViews()
    first = np.arange(3 * 64) % 2 == 0
    scores, places = np.where(first, 3.0, 1.0), np.where(first[:, None], HERE, HERE + [0.2, 0, 0])
    assert np.allclose(read_pointing(scores, 0.0, places, views).point, HERE, atol=1e-5)
    found = read_pointing(scores, 0.0, places, views, [HERE + [NEAR, 0, 0]])
    assert np.allclose(found.point, HERE + [0.2, 0, 0], atol=1e-5)
    nothing = read_pointing(scores, 0.0, places, views, [HERE, HERE + [0.2, 0, 0]])
    assert nothing.confidence < 0.01


class Seeing(Planner):
    """A real planner that is told where things are, and what it may not point at."""

    things: dict[str, Pointing] = {}
    told: list = []

    def decide(self, *args: object, **settings: object) -> StepDecision:
        self.told.append(settings["excluded"])
        found = super().decide(*args, **settings)
        return StepDecision(**vars(found) | {"objects": self.things, "confidence": 1.0})


def seen(opening: float, tip: np.ndarray = HERE) -> PointObservation:
    rng = np.random.default_rng(0)
    points = (WORKSPACE_CENTRE + rng.uniform(-0.3, 0.3, (700, 3))).astype(np.float32)
    pose = np.array([*tip, 1.0, 0.0, 0.0, 0.0])
    return PointObservation(points, rng.integers(0, 255, (700, 3), dtype=np.uint8), pose, opening)


@pytest.fixture
def policy(tmp_path: Path) -> ClapPolicy:
    torch.manual_seed(0)
    random = random_policy(tmp_path)
    policy = ClapPolicy(Seeing(random.planner.model), random.predictor, PolicyConfig(max_replans=0))
    policy.planner.things, policy.planner.told = {}, []
    policy.reset("take the red block")
    policy._plan = PLAN[2:]
    return policy


def acted(policy: ClapPolicy, opening: float, line: int, motion: int, hand: float, tip: np.ndarray = HERE) -> Decision:
    """A decision whose step is known and whose action closes or opens the hand."""
    pose = np.array([*tip, 1.0, 0, 0, 0, hand, 0])
    given = Given(plan=tuple(policy._plan), step_index=line, motion_index=motion, action=pose)
    return policy.select_action(seen(opening, tip), given)


def test_a_policy_that_closed_on_nothing_opens_its_hand_and_grasps_again(policy: ClapPolicy) -> None:
    acted(policy, 1.0, 0, 0, 1.0)
    acted(policy, 1.0, 0, 1, 0.0)
    decision = policy.select_action(seen(0.0))
    assert "nothing in the hand" in decision.recovered and decision.action[7] == 1
    assert np.allclose(decision.action[:7], seen(0.0).gripper_pose)
    assert policy._memory == Memory() and np.isnan(policy._hand.handled).all()
    again = policy.select_action(seen(1.0))
    assert (again.step, again.motion_index, again.recovered) == (PLAN[2], 0, "")
    assert np.isnan(policy._hand.handled).all(), "the hand handled nothing"


def test_a_policy_that_lifted_another_thing_looks_for_its_own_elsewhere(policy: ClapPolicy) -> None:
    policy.planner.things = {"red block": Pointing(HERE + [0.3, 0, 0], None, 0.9, np.zeros(5))}
    acted(policy, 1.0, 0, 0, 1.0)
    acted(policy, 1.0, 0, 1, 0.0)
    acted(policy, 0.6, 1, 0, 0.0, HERE)
    decision = policy.select_action(seen(0.6, HERE + [0, 0, 0.2]))
    assert "another thing" in decision.recovered and policy._memory == Memory()
    policy.select_action(seen(1.0, HERE + [0, 0, 0.2]))
    assert len(policy.planner.told[-1]) == 1


def test_a_policy_that_skipped_a_grasp_goes_back_to_it(policy: ClapPolicy) -> None:
    policy.config = PolicyConfig(max_replans=1)
    policy.reset("take the red block")
    policy._plan, policy.planner.plan = PLAN[2:], lambda *_: Plan(PLAN[2:], 1.0, np.zeros(2))
    policy._memory = Memory(1, 1)
    decision = policy.select_action(seen(1.0))
    assert (decision.step, decision.motion_index, decision.replanned) == (PLAN[2], 0, False)


def test_recovery_can_be_switched_off(policy: ClapPolicy) -> None:
    policy.config = PolicyConfig(max_recoveries=0, max_replans=0)
    policy.reset("take the red block")
    policy._plan = PLAN[2:]
    acted(policy, 1.0, 0, 1, 0.0)
    assert policy.select_action(seen(0.0)).recovered == ""
