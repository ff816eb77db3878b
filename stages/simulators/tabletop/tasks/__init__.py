"""The tasks by name, found in this folder, and GemBench's levels."""

from __future__ import annotations

import difflib
from importlib import import_module
from pkgutil import iter_modules

from stages.core.errors import UserError
from stages.simulators.tabletop.tasks.base import Task


def _found() -> dict[str, type[Task]]:
    """The one task of every file whose name is that task's."""
    found = {}
    for file in iter_modules(__path__):
        if file.name != "base":
            module = import_module(f"{__name__}.{file.name}")
            classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Task)]
            found[file.name] = next(one for one in classes if vars(one).get("name") == file.name)
    return found


TASKS: dict[str, type[Task]] = _found()


def _level(level: str) -> list[tuple[str, int]]:
    return [(name, variation) for name, task in TASKS.items() for variation in task.levels.get(level, ())]


HELD_OUT = [
    ("close_microwave", 0),
    ("light_bulb_in_peract", 19),
    ("open_drawer", 2),
    ("pick_up_cup", 11),
    ("push_button", 4),
    ("put_groceries_in_cupboard", 3),
    ("reach_and_drag_peract", 18),
    ("stack_blocks", 39),
]
"""A quarter of the training variations, drawn at random once: left out of training, they serve to choose constants."""


LEVELS: dict[str, list[tuple[str, int]]] = {
    "train": _level("train"),
    "held-out": HELD_OUT,
    "l1": _level("train"),
    "l2": _level("l2"),
    "l3": _level("l3"),
    "l4": _level("l4"),
}
"""(task, variation) of each level; level 1 is the training variations in new places, "held-out" some of these."""


def every_variation() -> list[tuple[str, int]]:
    """All variations of all levels, each once, and those of tasks in no level."""
    own = [(name, variation) for name, task in TASKS.items() if not task.levels for variation in task.variations]
    return list(dict.fromkeys(pair for level in (*LEVELS.values(), own) for pair in level))


def level_of(task: str, variation: int) -> str:
    """The first level that has a variation; empty if none has it."""
    return next((level for level, pairs in LEVELS.items() if (task, variation) in pairs), "")


def is_ordered(taskvar: str) -> bool:
    """Whether a task's instructions tell the order in which things are treated; taken to be so of unknown tasks."""
    task = TASKS.get(parse_taskvar(taskvar)[0])
    return task is None or task.ordered


def taskvar(task: str, variation: int) -> str:
    """GemBench's name of a variation: "task+variation"."""
    return f"{task}+{variation}"


def parse_taskvar(text: str) -> tuple[str, int]:
    """Task and variation of "task+variation"; the variation is 0 where none is named."""
    task, _, variation = text.partition("+")
    if not task or (variation and not variation.isdigit()):
        raise UserError(f"'{text}' is not a variation", "Write task+number, for example push_button+0")
    return task, int(variation or 0)


def find_task(task: str) -> type[Task]:
    """A task by name.

    Raises:
        UserError: unknown task, with the nearest known one.
    """
    if task not in TASKS:
        nearest = difflib.get_close_matches(task, TASKS, n=1)
        meant = f"Did you mean '{nearest[0]}'? " if nearest else ""
        raise UserError(f"There is no task '{task}'", f"{meant}`clap tasks` lists them")
    return TASKS[task]


def make_task(task: str, variation: int) -> Task:
    """One episode's task.

    Raises:
        UserError: unknown task or variation.
    """
    variations = find_task(task).variations
    if variation not in variations:
        known = ", ".join(str(index) for index in variations)
        raise UserError(f"Task '{task}' has no variation {variation}", f"Use one of: {known}")
    return TASKS[task](variation)
