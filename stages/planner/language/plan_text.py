"""A plan as the planning model writes it: what is in the hand is "it", so that nothing is said twice.

"grasp the red block / lift it / move it to the gray block / release it" are four steps of the step language.
"""

from __future__ import annotations

from collections.abc import Sequence

from stages.core.errors import UserError
from stages.core.steps import Step

IT = " it"
"""Stands for the thing in the hand."""

LINES = {
    "grasp": "grasp the {object}",
    "push": "push the {object}",
    "slide": "slide the {object} to the {target}",
    "lift": "lift it",
    "rotate": "rotate it",
    "pull": "pull it",
    "move": "move it to the {target}",
    "release": "release it",
}
"""The line of each action of the step language."""

RELEASE_AT = "release it at the {target}"
"""A release at another place than the last move's."""


def write_plan(plan: Sequence[Step]) -> str:
    """The text of a plan, a line a step.

    Raises:
        UserError: it treats something as grasped that was not grasped last.
    """
    lines, held, place = [], "", ""
    for step in plan:
        if step.action == "grasp":
            held, place = step.object, ""
        elif IT in LINES[step.action] and step.object != held:
            raise UserError(f"'{step}' treats what was not grasped before", "Correct the plan")
        if step.action == "move":
            place = step.target
        elsewhere = step.action == "release" and step.target != place
        line = RELEASE_AT if elsewhere and step.target else LINES[step.action]
        lines.append(line.format(object=step.object, target=step.target))
        if step.action == "release":
            held = place = ""
    return "\n".join(lines)


def read_plan(text: str) -> list[Step]:
    """The steps of a plan's text.

    Raises:
        UserError: a line is none of `LINES`, or "it" is nothing.
    """
    plan: list[Step] = []
    held = place = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        action, object_, target = _read_line(line)
        if object_ == "it" and not held:
            raise UserError(f"'{line}' comes before anything is grasped", "Begin with a grasp")
        if action == "grasp":
            held, place = object_, ""
        elif action == "move":
            place = target
        elif action == "release":
            target = target or place
        plan.append(Step(action, held if object_ == "it" else object_, target))
        if action == "release":
            held = place = ""
    return plan


def _read_line(line: str) -> tuple[str, str, str]:
    """Action, object ("it" for what is held) and target of a line."""
    first, _, rest = line.partition(" ")
    thing, _, target = rest.partition(" at the " if first == "release" else " to the ")
    if first not in LINES or not thing or thing != "it" and not thing.startswith("the "):
        raise UserError(f"'{line}' is no line of a plan", f"Write one of: {'; '.join(LINES.values())}")
    return first, thing.removeprefix("the "), target
