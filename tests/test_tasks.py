"""Every task and variation: its words, its expert, and a success test that cannot be fooled."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.check import check_experts, every_variation
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills import DOWN, tip_at
from stages.simulators.tabletop.skills import motion as motion_to
from stages.simulators.tabletop.tasks import LEVELS, TASKS, taskvar, train_instructions
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.blocks import BLOCK
from stages.steps import Step, parse_step

VARIATIONS = every_variation()
NAMES = [taskvar(*pair) for pair in VARIATIONS]
FIRST = {task: variation for task, variation in reversed(VARIATIONS)}
NEAR = 0.22
"""Half the width of what a fine predictor sees around a keypoint [m]."""

SEEDS = (910_000, 910_001)


@pytest.fixture(scope="module")
def simulator() -> Tabletop:
    return Tabletop(cameras=())


def run(simulator: Tabletop, motions: Iterable[Motion]) -> list[bool]:
    """Success after each motion."""
    return [simulator.step(motion.action)[1] for motion in motions]


@pytest.mark.parametrize(("task", "variation"), VARIATIONS, ids=NAMES)
def test_untouched_scene_is_no_success_and_expert_solves_it(simulator: Tabletop, task: str, variation: int) -> None:
    for seed in SEEDS:
        _, observation = simulator.reset(task, variation, seed)
        _, success, done, info = simulator.step(np.append(observation.gripper_pose, 1.0))
        assert not success and not done and info["error"] is None
        names = {thing.name for thing in simulator.truth()}
        successes: list[bool] = []
        for motion in simulator.expert():
            check_words_and_reach(motion, names)
            _, success, _, info = simulator.step(motion.action)
            assert info["error"] is None
            successes.append(success)
        assert successes == [False] * (len(successes) - 1) + [True]
        assert len(successes) <= 25


def check_words_and_reach(motion: Motion, names: set[str]) -> None:
    assert parse_step(str(motion.step)) == motion.step
    assert set(motion.step.phrases) <= names
    assert np.abs(motion.action[:3] - motion.keypoint).max() <= NEAR
    assert np.linalg.norm(motion.action[3:7]) == pytest.approx(1)


def other(simulator: Tabletop, thing: Thing) -> Thing:
    """Another thing of the same sort."""
    sort = thing.name.split()[-1]
    return next(one for one in simulator._now.things if one.name.split()[-1] == sort and one.name != thing.name)


def wrong_target(simulator: Tabletop, task: Task) -> Iterator[Motion]:
    task.target = other(simulator, task.target)
    return task.expert(simulator._now.state)


def wrong_colour(simulator: Tabletop, task: Task) -> Iterator[Motion]:
    task.blocks, task.others = task.others, task.blocks
    return task.expert(simulator._now.state)


def wrong_drawer(simulator: Tabletop, task: Task) -> Iterator[Motion]:
    task.parameters = "middle" if task.parameters != "middle" else "top"
    return task.expert(simulator._now.state)


def wrong_order_of_buttons(simulator: Tabletop, task: Task) -> Iterator[Motion]:
    task.waiting = task.waiting[::-1]
    return task.expert(simulator._now.state)


def wrong_order_of_blocks(simulator: Tabletop, task: Task) -> Iterator[Motion]:
    task.tower = task.tower[::-1]
    return task.expert(simulator._now.state)


def beside(offset: tuple[float, float, float]) -> Callable[[Tabletop, Task], Iterator[Motion]]:
    """The expert's motions in the wrong place."""

    def motions(simulator: Tabletop, task: Task) -> Iterator[Motion]:
        for motion in task.expert(simulator._now.state):
            yield replace(motion, action=motion.action + np.pad(offset, (0, 6)))

    return motions


WRONG: dict[str, Callable[[Tabletop, Task], Iterator[Motion]]] = {
    "push_button": beside((0, 0.09, 0)),
    "pick_and_lift": wrong_target,
    "pick_up_cup": wrong_target,
    "stack_blocks": wrong_colour,
    "open_drawer": wrong_drawer,
    "close_microwave": beside((0, 0, 0.10)),
    "close_microwave2": beside((0, 0, 0.10)),
    "push_buttons4": wrong_order_of_buttons,
    "tower4": wrong_order_of_blocks,
}


@pytest.mark.parametrize("task", TASKS)
def test_right_motion_on_the_wrong_thing_fails(simulator: Tabletop, task: str) -> None:
    simulator.reset(task, FIRST[task], 920_000)
    wrong = WRONG[task](simulator, copy.deepcopy(simulator._now.task))
    assert not any(run(simulator, wrong))


@pytest.mark.parametrize(("task", "goal"), [("pick_and_lift", "red ball"), ("stack_blocks", "green square")])
def test_hand_parked_in_the_goal_is_no_success(simulator: Tabletop, task: str, goal: str) -> None:
    simulator.reset(task, FIRST[task], 920_001)
    place = next(thing.position for thing in simulator.truth() if thing.name == goal) + (0, 0, 0.02)
    parked = [
        motion_to(tip_at(place, DOWN), gripper_open, Step("grasp", goal), place) for gripper_open in (True, False, True)
    ]
    assert not any(run(simulator, parked))


def test_tower_counts_only_in_order_from_the_bottom(simulator: Tabletop) -> None:
    """Blocks are put in place by hand, which no gripper could do faster."""
    simulator.reset("tower4", 3, 920_002)
    episode = simulator._now
    task, state = episode.task, episode.state
    square = state.position(task.square)
    for order, expected in ((task.tower, True), (task.tower[::-1], False)):
        for level, block in enumerate(order):
            state.data.joint(block.body).qpos[:3] = square + (0, 0, BLOCK * (level + 0.5))
        mujoco.mj_forward(state.model, state.data)
        assert task.success(state) is expected


def test_blocks_side_by_side_are_no_stack(simulator: Tabletop) -> None:
    simulator.reset("stack_blocks", 30, 920_003)
    task, state = simulator._now.task, simulator._now.state
    for side, block in zip((-1, 1), task.blocks[:2], strict=True):
        joint = state.data.joint(block.body)
        joint.qpos[:] = [*(state.position(task.square) + (side * 0.0255, 0, BLOCK / 2)), 1, 0, 0, 0]
    mujoco.mj_forward(state.model, state.data)
    assert not task.success(state)


def test_instructions_are_several_and_tell_variations_apart() -> None:
    texts = {pair: train_instructions(*pair) for pair in VARIATIONS}
    for several in texts.values():
        assert len(set(several)) == len(several) >= 4
        assert all(text == text.strip().lower() and not text.endswith(".") for text in several)
    same_words = {("close_microwave", 0), ("close_microwave2", 0)}  # another oven, not another wish
    told_apart = [text for pair, several in texts.items() if pair not in same_words for text in several]
    assert len(set(told_apart)) == len(told_apart)


def test_levels_hold_known_variations_and_do_not_overlap() -> None:
    assert LEVELS["l1"] == LEVELS["train"]
    unseen = [pair for level in ("l2", "l3", "l4") for pair in LEVELS[level]]
    assert len(set(unseen)) == len(unseen) and not set(unseen) & set(LEVELS["train"])
    assert all(variation in TASKS[task].variations for task, variation in VARIATIONS)


def test_expert_check_counts(capsys: pytest.CaptureFixture[str]) -> None:
    (check,) = check_experts([("push_button", 0)], episodes=2)
    assert (check.taskvar, check.episodes, check.successes, check.motions) == ("push_button+0", 2, 2, 2)
    assert "push_button+0" in capsys.readouterr().out
