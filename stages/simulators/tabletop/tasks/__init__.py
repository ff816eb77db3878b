"""The tasks by name, and GemBench's levels as far as they are built."""

from __future__ import annotations

import difflib

from stages.errors import UserError
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.tasks.close_microwave import CloseMicrowave
from stages.simulators.tabletop.tasks.close_microwave2 import CloseMicrowave2
from stages.simulators.tabletop.tasks.open_drawer import OpenDrawer
from stages.simulators.tabletop.tasks.pick_and_lift import PickAndLift
from stages.simulators.tabletop.tasks.pick_up_cup import PickUpCup
from stages.simulators.tabletop.tasks.push_button import PushButton
from stages.simulators.tabletop.tasks.push_buttons4 import PushButtons4
from stages.simulators.tabletop.tasks.stack_blocks import StackBlocks
from stages.simulators.tabletop.tasks.tower4 import Tower4

_TASKS: tuple[type[Task], ...] = (
    PushButton,
    PickAndLift,
    PickUpCup,
    StackBlocks,
    OpenDrawer,
    CloseMicrowave,
    CloseMicrowave2,
    PushButtons4,
    Tower4,
)

TASKS: dict[str, type[Task]] = {task.name: task for task in _TASKS}

_TRAIN = [
    *(("push_button", index) for index in (0, 3, 4)),
    *(("pick_and_lift", index) for index in (0, 2, 7)),
    *(("pick_up_cup", index) for index in (8, 9, 11)),
    *(("stack_blocks", index) for index in (30, 36, 39)),
    *(("open_drawer", index) for index in (0, 2)),
    ("close_microwave", 0),
]

LEVELS: dict[str, list[tuple[str, int]]] = {
    "train": _TRAIN,
    "l1": _TRAIN,
    "l2": [
        *(("push_button", index) for index in (13, 15, 17)),
        *(("pick_and_lift", index) for index in (14, 16, 18)),
        *(("pick_up_cup", index) for index in (10, 12, 13)),
        *(("stack_blocks", index) for index in (24, 27, 33)),
    ],
    "l3": [("open_drawer", 1), ("close_microwave2", 0)],
    "l4": [
        *(("push_buttons4", index) for index in (1, 2, 3)),
        *(("tower4", index) for index in (1, 3)),
    ],
}
"""(task, variation) of each level; level 1 is the training variations in new places."""


def taskvar(task: str, variation: int) -> str:
    """GemBench's name of a variation: "task+variation"."""
    return f"{task}+{variation}"


def make_task(task: str, variation: int) -> Task:
    """One episode's task.

    Raises:
        UserError: unknown task or variation.
    """
    if task not in TASKS:
        nearest = difflib.get_close_matches(task, TASKS, n=1)
        meant = f"Did you mean '{nearest[0]}'? " if nearest else ""
        raise UserError(f"There is no task '{task}'", f"{meant}Use one of: {', '.join(sorted(TASKS))}")
    variations = TASKS[task].variations
    if variation not in variations:
        known = ", ".join(str(index) for index in variations)
        raise UserError(f"Task '{task}' has no variation {variation}", f"Use one of: {known}")
    return TASKS[task](variation)


def train_instructions(task: str, variation: int) -> list[str]:
    """The paraphrases of a variation's instruction."""
    return make_task(task, variation).instructions()
