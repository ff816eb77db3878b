"""Wilson intervals against their definition, rates, and the causes of failure."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from stages.evaluation.results import latency
from stages.evaluation.statistics import Rate, level_rate, paired_difference, quantiles, wilson_interval
from stages.rollouts.failures import BUDGET, CAUSES, DecisionRecord, classify, giving_up

Z = NormalDist().inv_cdf(0.975)


@pytest.mark.parametrize("trials", [1, 7, 40, 1000])
def test_wilson_bounds_solve_the_score_equation(trials: int) -> None:
    for successes in range(0, trials + 1, max(1, trials // 7)):
        rate = successes / trials
        for bound in wilson_interval(successes, trials):
            assert (rate - bound) ** 2 == pytest.approx(Z**2 * bound * (1 - bound) / trials, abs=1e-12)


def test_wilson_closed_forms_at_the_ends() -> None:
    assert wilson_interval(0, 10) == (0.0, pytest.approx(Z**2 / (10 + Z**2)))
    assert wilson_interval(10, 10) == (pytest.approx(10 / (10 + Z**2)), 1.0)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_wilson_published_value() -> None:
    low, high = wilson_interval(15, 148)  # Newcombe 1998, table I: 81/263 and 15/148, score method
    assert (round(low, 4), round(high, 4)) == (0.0624, 0.1605)
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_wilson_covers_the_truth_as_often_as_it_says_on_average() -> None:
    """At a single proportion the coverage of any discrete interval oscillates; over all of them it is nominal."""
    rng = np.random.default_rng(0)
    truths, trials = rng.uniform(size=4000), 40
    intervals = np.array([wilson_interval(int(k), trials) for k in rng.binomial(trials, truths)])
    assert np.mean((intervals[:, 0] <= truths) & (truths <= intervals[:, 1])) == pytest.approx(0.95, abs=0.012)


def test_level_rate_is_the_mean_over_variations() -> None:
    rate = level_rate({"a+0": [True, True], "b+0": [False, False, False, True]})
    assert rate.rate == pytest.approx((1 + 0.25) / 2)
    assert (rate.successes, rate.episodes) == (3, 6)
    assert (rate.low, rate.high) == wilson_interval(3, 6)


def test_rate_of_nothing() -> None:
    assert Rate.of([]) == Rate(0, 0, 0.0, 0.0, 1.0)


def test_latency_joins_episodes() -> None:
    result = latency([{"planner": [1.0, 2.0]}, {"planner": [3.0], "predictor": [5.0]}])
    assert result == {"planner": {"median": 2.0, "p95": pytest.approx(2.9)}, "predictor": {"median": 5.0, "p95": 5.0}}
    assert quantiles([]) == {}


ACTION = np.array([0.3, 0.0, 0.8, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
RIGHT = DecisionRecord(
    plan=["grasp the red block", "lift the grasped red block"],
    step="grasp the red block",
    true_step="grasp the red block",
    keypoint=np.array([0.3, 0.0, 0.78]),
    true_keypoint=np.array([0.3, 0.0, 0.77]),
    action=ACTION,
    true_action=ACTION,
    names=["red block", "blue block"],
    positions=np.array([[0.3, 0.0, 0.77], [0.1, 0.2, 0.77]]),
)


def cause(**changes: object) -> str:
    return classify(False, None, "", True, [RIGHT, replace(RIGHT, **changes), replace(RIGHT, step="no step")])


def test_success_has_no_cause() -> None:
    assert classify(True, None, "", False, [replace(RIGHT, step="lift the grasped red block")]) == ""


def test_the_first_difference_is_the_cause() -> None:
    assert cause(step="lift the grasped red block") == "wrong step"
    assert cause(plan=["grasp the blue block"], step="grasp the blue block") == "wrong plan"
    assert cause(keypoint=np.array([0.1, 0.19, 0.78])) == "wrong object"
    assert cause(keypoint=np.array([0.5, 0.3, 0.78])) == "keypoint off"
    assert cause(action=ACTION + np.eye(9)[0] * 0.03) == "wrong motion"
    assert cause(action=ACTION + np.eye(9)[7]) == "wrong motion"
    quarter_turn = np.array([*ACTION[:3], np.sqrt(0.5), np.sqrt(0.5), 0, 0, 0, 1])
    assert cause(action=quarter_turn) == "wrong motion"


def test_without_a_difference_the_ending_is_the_cause() -> None:
    assert classify(False, "unreachable", "", False, [RIGHT]) == "unreachable"
    assert classify(False, None, giving_up(RIGHT.plan, RIGHT.plan[1]), False, [RIGHT]) == "stopped early"
    assert classify(False, None, giving_up(RIGHT.plan, "push the button"), False, [RIGHT]) == "wrong plan"
    assert classify(False, None, giving_up(RIGHT.plan, ""), False, [RIGHT]) == "not achieved"
    assert classify(False, None, "", True, [RIGHT]) == "step limit"
    assert classify(False, None, "", False, [RIGHT]) == "not achieved"
    assert classify(False, "there is no plan", "", False, []) == "no plan"


def test_what_happens_after_the_expert_is_done_is_no_mistake() -> None:
    after = replace(RIGHT, true_step="", step="lift the grasped red block")
    assert classify(False, None, "", True, [RIGHT, after]) == "step limit"


def test_every_cause_is_explained() -> None:
    assert {"wrong object", "wrong step", "keypoint off", "wrong motion", "unreachable", "no plan"} < CAUSES.keys()
    assert sorted(cause for causes in BUDGET.values() for cause in causes) == sorted(CAUSES)


def test_a_paired_difference_counts_scenes_and_covers_the_truth() -> None:
    first, second = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 1, 1], bool)
    found = paired_difference(first, second, np.array(list("aabbb")), 0)
    assert (found["scenes"], found["gained"], found["lost"]) == (5, 2, 1)
    assert (found["first"], found["second"], found["difference"]) == pytest.approx((0.6, 0.8, 0.2))
    assert found["low"] < 0.2 < found["high"] and found == paired_difference(first, second, np.array(list("aabbb")), 0)
    rng, covered = np.random.default_rng(0), 0
    for trial in range(300):
        one, other = rng.random(80) < 0.5, rng.random(80) < 0.7
        row = paired_difference(one, other, np.repeat(["a", "b"], 40), trial, draws=500)
        covered += row["low"] <= 0.2 <= row["high"]
    assert covered / 300 == pytest.approx(0.95, abs=0.04)


def test_what_differs_between_variations_only_is_certain() -> None:
    """Within each variation every scene has the same outcome, so that no drawn sample differs from another."""
    groups, second = np.repeat(["a", "b"], 10), np.repeat([True, False], 10)
    found = paired_difference(np.zeros(20, bool), second, groups, 0)
    assert found["low"] == found["difference"] == found["high"] == 0.5
