"""Which tasks RLBench has: GemBench's by their own names, and the eighteen that PerAct chose."""

from __future__ import annotations

from stages.core.errors import UserError
from stages.simulators.rlbench.installation import has_task
from stages.simulators.tabletop.tasks import LEVELS as GEMBENCH

PERACT = "_peract"
"""Ends the names of PerAct's tasks in GemBench's fork of RLBench; PerAct's own fork has them without it."""

EIGHTEEN = {
    "close_jar_peract": 20,
    "insert_onto_square_peg_peract": 20,
    "light_bulb_in_peract": 20,
    "meat_off_grill_peract": 2,
    "open_drawer_peract": 3,
    "place_cups_peract": 3,
    "place_shape_in_shape_sorter_peract": 5,
    "place_wine_at_rack_location_peract": 3,
    "push_buttons_peract": 50,
    "put_groceries_in_cupboard_peract": 9,
    "put_item_in_drawer_peract": 3,
    "put_money_in_safe_peract": 3,
    "reach_and_drag_peract": 20,
    "slide_block_to_color_target_peract": 4,
    "stack_blocks_peract": 60,
    "stack_cups_peract": 20,
    "sweep_to_dustpan_of_size_peract": 2,
    "turn_tap_peract": 2,
}
"""Number of variations of each of the eighteen tasks."""

LEVELS: dict[str, list[tuple[str, int]]] = {
    **GEMBENCH,
    "rlbench18": [(task, variation) for task, count in EIGHTEEN.items() for variation in range(count)],
}
"""(task, variation) of each level."""


def file_of(task: str) -> str:
    """Name of the file that the RLBench installed here has for a task.

    Raises:
        UserError: it has none.
    """
    names = (task, task.removesuffix(PERACT))
    found = next((name for name in names if name.isidentifier() and has_task(name)), "")
    if not found:
        known = {name for pairs in LEVELS.values() for name, _ in pairs}
        hint = "Install GemBench's fork of RLBench (docs/rlbench.md)" if task in known else "Check its name"
        raise UserError(f"the RLBench installed here has no task '{task}'", hint)
    return found
