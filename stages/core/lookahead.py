"""Where a plan goes next: how a thing is taken and moved can depend on where it will go afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from stages.core.steps import parse_step


def next_focus(plan: Sequence[str], line: int) -> str:
    """The noun phrase that the first later step of a plan with another focus than `line`'s is about; "" without one."""
    focus = parse_step(plan[line]).focus
    later = (parse_step(step).focus for step in plan[line + 1 :])
    return next((phrase for phrase in later if phrase != focus), "")
