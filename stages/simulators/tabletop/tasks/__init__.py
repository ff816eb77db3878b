"""The tasks by name, and GemBench's levels as far as they are built."""

from __future__ import annotations

import difflib

from stages.errors import UserError
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.tasks.pick_and_lift import PickAndLift
from stages.simulators.tabletop.tasks.push_button import PushButton

TASKS: dict[str, type[Task]] = {task.name: task for task in (PushButton, PickAndLift)}

_TRAIN = [
    *(("push_button", index) for index in (0, 3, 4)),
    *(("pick_and_lift", index) for index in (0, 2, 7)),
]

LEVELS: dict[str, list[tuple[str, int]]] = {
    "train": _TRAIN,
    "l1": _TRAIN,
    "l2": [
        *(("push_button", index) for index in (13, 15, 17)),
        *(("pick_and_lift", index) for index in (14, 16, 18)),
    ],
    "l3": [],
    "l4": [],
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
