"""Every task and variation: its words, its expert, and a success test that cannot be fooled."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

import mujoco
import numpy as np
import pytest

from stages.core.steps import MAX_MOTIONS, parse_step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.kinematics import Kinematics
from stages.simulators.tabletop.panda import ARM_JOINTS
from stages.simulators.tabletop.skills.hand import DOWN, tip_at
from stages.simulators.tabletop.tasks import LEVELS, TASKS, every_variation, make_task, taskvar
from stages.simulators.tabletop.things.blocks import BLOCK

VARIATIONS = every_variation()
NAMES = [taskvar(*pair) for pair in VARIATIONS]
NEAR = 0.22
"""Half the width of what a fine predictor sees around a keypoint [m]."""

SEED = 910_000
CARRYING = ("lift", "move")
"""Actions of steps in which something hangs in the hand."""


@pytest.fixture(scope="module")
def simulator() -> Tabletop:
    return Tabletop(cameras=())


@pytest.fixture(scope="module", params=VARIATIONS, ids=NAMES)
def variation(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Each in turn, with all its tests, so that its scene is built once."""
    return request.param


def run(simulator: Tabletop, motions: Iterable[Motion]) -> list[bool]:
    """Success after each motion, as far as they can be reached."""
    successes = []
    for motion in motions:
        _, success, _, info = simulator.step(motion.action)
        successes.append(success)
        if info["error"]:
            break
    return successes


def test_the_expert_succeeds_with_its_last_motion(simulator: Tabletop, variation: tuple[str, int]) -> None:
    simulator.reset(*variation, SEED)
    names = {thing.name for thing in simulator.truth()}
    successes, steps = [], []
    for motion in simulator.expert():
        check_words_and_reach(motion, names)
        _, success, _, info = simulator.step(motion.action)
        assert info["error"] is None
        successes.append(success)
        steps.append(motion.step)
    assert successes == [False] * (len(successes) - 1) + [True]
    assert len(successes) <= 25
    assert max(len(list(motions)) for _, motions in groupby(steps)) <= MAX_MOTIONS


def check_words_and_reach(motion: Motion, names: set[str]) -> None:
    assert parse_step(str(motion.step)) == motion.step
    assert set(motion.step.phrases) <= names
    assert all(len(phrase.split()) <= 5 for phrase in motion.step.phrases)
    assert np.abs(motion.action[:3] - motion.keypoint).max() <= NEAR
    assert np.linalg.norm(motion.action[3:7]) == pytest.approx(1)


def test_an_untouched_scene_is_no_success(simulator: Tabletop, variation: tuple[str, int]) -> None:
    _, observation = simulator.reset(*variation, SEED)
    _, success, done, info = simulator.step(np.append(observation.gripper_pose, 1.0))
    assert not success and not done and info["error"] is None


def test_the_right_motion_on_the_wrong_thing_fails(simulator: Tabletop, variation: tuple[str, int]) -> None:
    simulator.reset(*variation, SEED)
    mistake = copy.deepcopy(simulator._now.task).mistake(simulator._now.state)
    successes = run(simulator, mistake)
    assert successes and not any(successes)


def test_what_the_hand_drops_is_no_success(simulator: Tabletop, variation: tuple[str, int]) -> None:
    simulator.reset(*variation, SEED)
    let_go = LettingGo(simulator)
    successes = run(simulator, let_go.motions())
    assert any(successes) is not let_go.dropped, "either something was dropped, or nothing can be"


class LettingGo:
    """The expert with a hand that opens at the end of the first motion that carries something, and stays open."""

    def __init__(self, simulator: Tabletop) -> None:
        self.dropped = False
        self._simulator = simulator

    def motions(self) -> Iterator[Motion]:
        for motion in self._simulator.expert():
            self.dropped |= motion.step.action in CARRYING and self._is_free(motion.step.object)
            yield replace(motion, action=np.r_[motion.action[:7], 1.0, motion.action[8]]) if self.dropped else motion

    def _is_free(self, name: str) -> bool:
        """Whether a thing of that name can be carried away."""
        episode = self._simulator._now
        return any(episode.model.body(thing.body).dofnum[0] == 6 for thing in episode.things if thing.name == name)


def test_a_hand_parked_in_a_detector_is_no_success(simulator: Tabletop, variation: tuple[str, int]) -> None:
    """The hand is put there by setting its joints, wherever there are such."""
    simulator.reset(*variation, SEED)
    task, state = simulator._now.task, simulator._now.state
    arm = [state.model.joint(name).qposadr[0] for name in ARM_JOINTS]
    before, kinematics = state.data.qpos.copy(), Kinematics(state.model)
    for detector in range(state.model.ngeom):
        if state.model.geom(detector).name.startswith("detector"):
            goal = tip_at(state.data.geom_xpos[detector], DOWN)
            for joints in kinematics.solutions(goal, before[arm]):
                state.data.qpos[arm] = joints
                mujoco.mj_forward(state.model, state.data)
                assert not copy.deepcopy(task).success(state)
                break
            state.data.qpos[:] = before
            mujoco.mj_forward(state.model, state.data)


def test_a_tower_counts_only_in_order_from_the_bottom(simulator: Tabletop) -> None:
    """Blocks are put in place by hand, which no gripper could do faster."""
    simulator.reset("tower4", 3, SEED + 1)
    task, state = simulator._now.task, simulator._now.state
    square = state.position(task.square)
    for order, expected in ((task.tower, True), (task.tower[::-1], False)):
        for level, block in enumerate(order):
            state.data.joint(block.body).qpos[:3] = square + (0, 0, BLOCK * (level + 0.5))
        mujoco.mj_forward(state.model, state.data)
        assert task.success(state) is expected


def test_blocks_side_by_side_are_no_stack(simulator: Tabletop) -> None:
    simulator.reset("stack_blocks", 30, SEED + 1)
    task, state = simulator._now.task, simulator._now.state
    for side, block in zip((-1, 1), task.blocks[:2], strict=True):
        joint = state.data.joint(block.body)
        joint.qpos[:] = [*(state.position(task.square) + (side * 0.0255, 0, BLOCK / 2)), 1, 0, 0, 0]
    mujoco.mj_forward(state.model, state.data)
    assert not task.success(state)


def test_instructions_are_several_and_sentences() -> None:
    for pair in VARIATIONS:
        task = make_task(*pair)
        heard, unheard = task.instructions(), task.novel_instructions()
        everything = heard + unheard
        assert len(heard) >= 4 and len(unheard) >= 2 and len(set(everything)) == len(everything), pair
        assert all(text == text.strip().lower() and not text.endswith(".") for text in everything), pair


def test_instructions_tell_variations_apart() -> None:
    """Only another make of the same thing is asked for in the same words."""
    speakers: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for pair in VARIATIONS:
        task = make_task(*pair)
        for text in task.instructions() + task.novel_instructions():
            speakers[text].add(pair)
    for text, pairs in speakers.items():
        tasks = [task for task, _ in pairs]
        assert len(set(tasks)) == len(tasks) and len({make_of(task) for task in tasks}) == 1, (text, pairs)


def make_of(task: str) -> str:
    """The task that another make is one of: close_fridge for close_fridge2, open_drawer for open_drawer_long."""
    return task.rstrip("0123456789").removesuffix("_long")


def test_no_test_instruction_is_a_training_wording() -> None:
    """Novel wordings are heard by no training variation at all; those of test levels belong to another wish."""
    trained = {text for pair in LEVELS["train"] for text in make_task(*pair).instructions()}
    for pair in VARIATIONS:
        assert not trained & set(make_task(*pair).novel_instructions()), pair


def test_levels_hold_known_variations_and_do_not_overlap() -> None:
    assert LEVELS["l1"] == LEVELS["train"]
    unseen = [pair for level in ("l2", "l3", "l4") for pair in LEVELS[level]]
    assert len(set(unseen)) == len(unseen) and not set(unseen) & set(LEVELS["train"])
    assert all(variation in TASKS[task].variations for task, variation in VARIATIONS)


GEMBENCH = {
    "train": "push_button+0 push_button+3 push_button+4 close_fridge+0 close_laptop_lid+0 close_microwave+0 "
    "open_door+0 open_box+0 open_drawer+0 open_drawer+2 pick_and_lift+0 pick_and_lift+2 pick_and_lift+7 pick_up_cup+8 "
    "pick_up_cup+9 pick_up_cup+11 stack_blocks+30 stack_blocks+36 stack_blocks+39 put_groceries_in_cupboard+0 "
    "put_groceries_in_cupboard+3 put_money_in_safe+0 put_money_in_safe+1 slide_block_to_color_target_peract+0 "
    "slide_block_to_color_target_peract+1 reach_and_drag_peract+14 reach_and_drag_peract+18 close_jar_peract+15 "
    "close_jar_peract+16 light_bulb_in_peract+17 light_bulb_in_peract+19",
    "l2": "push_button+13 push_button+15 push_button+17 pick_and_lift+14 pick_and_lift+16 pick_and_lift+18 "
    "pick_up_cup+10 pick_up_cup+12 pick_up_cup+13 stack_blocks+24 stack_blocks+27 stack_blocks+33 "
    "slide_block_to_color_target_peract+2 slide_block_to_color_target_peract+3 reach_and_drag_peract+5 "
    "reach_and_drag_peract+7 put_cube_in_safe+0 close_jar_peract+3 close_jar_peract+4 light_bulb_in_peract+1 "
    "light_bulb_in_peract+2 lamp_on+0 pick_and_lift_cylinder+0 pick_and_lift_star+0 pick_and_lift_moon+0 "
    "pick_and_lift_toy+0 put_groceries_in_cupboard+7 put_groceries_in_cupboard+8",
    "l3": "open_drawer_long+0 open_drawer_long+1 open_drawer_long+2 open_drawer_long+3 close_fridge2+0 "
    "close_laptop_lid2+0 close_microwave2+0 open_door2+0 open_box2+0 open_drawer2+0 open_drawer3+0 close_door+0 "
    "close_box+0 toilet_seat_up+0 open_fridge+0 open_laptop_lid+0 open_microwave+0 put_money_in_safe+2 open_drawer+1 "
    "close_drawer+0 close_grill+0",
    "l4": "push_buttons4+1 push_buttons4+2 push_buttons4+3 take_shoes_out_of_box+0 put_items_in_drawer+0 "
    "put_items_in_drawer+2 put_items_in_drawer+4 tower4+1 tower4+3 stack_cups+0 stack_cups+3 "
    "put_all_groceries_in_cupboard+0",
}
"""The benchmark's lists of variations."""


def test_the_suite_is_the_whole_of_gembench() -> None:
    for level, names in GEMBENCH.items():
        assert sorted(taskvar(*pair) for pair in LEVELS[level]) == sorted(names.split())
    assert len([task for task in TASKS.values() if task.levels]) == 44 and len(LEVELS["train"]) == 31
    assert sum(len(LEVELS[level]) for level in ("l1", "l2", "l3", "l4")) == 92
