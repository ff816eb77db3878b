"""What is said to the planner and what it answers, as text; the images come first in every request.

Three kinds of exchange: locate objects, plan (round 1), decide (round 2). `KEYPOINT` follows every phrase whose
place is pointed at; a place is not text but a heatmap, read from that token's hidden state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stages.errors import UserError
from stages.steps import Step, parse_step

KEYPOINT = "<|keypoint|>"


@dataclass(frozen=True)
class Memory:
    """What was executed last.

    Attributes:
        step_index: line of the plan, from 0; -1 before anything was done.
        motions: motions of that step done so far.
    """

    step_index: int = -1
    motions: int = 0


def locate_request(phrases: Sequence[str]) -> str:
    return f"Locate: {', '.join(phrases)}."


def locate_answer(phrases: Sequence[str]) -> str:
    return "; ".join(phrase + KEYPOINT for phrase in phrases)


def plan_request(instruction: str) -> str:
    return f"Task: {instruction}. Plan the steps."


def plan_answer(plan: Sequence[str]) -> str:
    return "\n".join(numbered(plan))


def decide_request(instruction: str, plan: Sequence[str], memory: Memory, gripper_open: bool) -> str:
    last = "none"
    if memory.step_index >= 0:
        last = f"{memory.step_index + 1}. {plan[memory.step_index]}, motion {memory.motions}"
    gripper = "open" if gripper_open else "closed"
    return f"Task: {instruction}. Plan:\n{plan_answer(plan)}\nLast: {last}. Gripper {gripper}. What now?"


def decide_reasoning(plan: Sequence[str]) -> str:
    """The first part of the answer of round 2: the task's objects, each with its place."""
    return locate_answer(plan_phrases(plan)) + "; now "


def decide_choice(plan: Sequence[str], step_index: int) -> str:
    """The second part: the current step with its keypoint."""
    return numbered(plan)[step_index] + KEYPOINT


def numbered(plan: Sequence[str]) -> list[str]:
    return [f"{number}. {step}" for number, step in enumerate(plan, 1)]


def plan_phrases(plan: Sequence[str]) -> list[str]:
    """The noun phrases that a plan mentions, each once, in order of appearance."""
    return list(dict.fromkeys(phrase for step in plan for phrase in parse_step(step).phrases))


def parse_plan(text: str) -> list[Step]:
    """Steps of a plan answer; lines that are not steps are left out."""
    steps = []
    for line in text.splitlines():
        try:
            steps.append(parse_step(line.partition(". ")[2]))
        except UserError:
            continue
    return steps
