"""What is said to the planner and what it answers, as text; the images come first in every request.

Four kinds of request: list what is in view, locate objects, plan (round 1), decide (round 2). `KEYPOINT` follows every
phrase whose place is pointed at; a place is not text but a heatmap, read from that token's hidden state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.steps import parse_step

KEYPOINT = "<|keypoint|>"

OBJECTS, NOW = "objects:", "now"
"""Begin the parts of an answer of round 2."""

STILL, NEXT = "still", "next"
"""How the current step follows from the one executed last: a choice of two words, the same for plans of any length, of
which the line's number follows."""

_BEFORE_PHRASE = re.compile(rf"[;\s]*({OBJECTS})?\s*({NOW}(?=\s|$))?\s*(({STILL} |{NEXT} )?\d+\.)?\s*")


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


def pointed_phrases(answer: str) -> list[str]:
    """What each `KEYPOINT` of an answer stands behind: a noun phrase, or a step without its number."""
    return [piece[_BEFORE_PHRASE.match(piece).end() :] for piece in answer.split(KEYPOINT)[:-1]]


def list_request() -> str:
    return "List what is in view."


def list_answer(names: Sequence[str]) -> str:
    return f"{OBJECTS} {locate_answer(names)}"


def plan_request(instruction: str, names: Sequence[str]) -> str:
    """Round 1: what is in view, each name once and with its number where there are several, and the instruction."""
    seen = [f"{names.count(name)} {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names)]
    return f"In view: {', '.join(seen) or 'unknown'}\nTask: {instruction}\nPlan:"


@dataclass(frozen=True)
class Protocol:
    """What round 2 is given and says; the paper's ablations leave a part out.

    Attributes:
        plan: the plan is given, and the answer chooses one of its lines; else the answer says a step in words.
        memory: what was executed last is given.
        objects: the answer names the task's objects, each with its place, before it decides.
    """

    plan: bool = True
    memory: bool = True
    objects: bool = True

    def decide_request(self, instruction: str, plan: Sequence[str], memory: Memory, gripper_open: bool) -> str:
        """Round 2; without the plan, `plan` only says what the step executed last is called."""
        given = f"Plan:\n{chr(10).join(numbered(plan))}\n" if self.plan else ""
        last = f"Last: {self._last(plan, memory)}. " if self.memory else ""
        gripper = "open" if gripper_open else "closed"
        return f"Task: {instruction}. {given}{last}Gripper {gripper}. What now?"

    def _last(self, plan: Sequence[str], memory: Memory) -> str:
        if memory.step_index < 0:
            return "none"
        return f"{self._lines(plan)[memory.step_index]}, motion {memory.motions}"

    def decide_beginning(self, plan: Sequence[str]) -> str:
        """The first part of the answer of round 2: the task's objects, each with its place."""
        objects = f"{locate_answer(plan_phrases(plan))}; {NOW} " if self.objects else ""
        if self.plan:
            return objects
        return f"{OBJECTS} {objects}" if objects else f"{NOW} "

    def decide_choice(self, plan: Sequence[str], memory: Memory, step_index: int) -> str:
        """The second part: the current step with its keypoint, and whether it is the one executed last."""
        follows = f"{STILL if step_index == memory.step_index else NEXT} " if self.plan and self.memory else ""
        return follows + self._lines(plan)[step_index] + KEYPOINT

    def decision(
        self, instruction: str, plan: Sequence[str], memory: Memory, gripper_open: bool, step_index: int
    ) -> tuple[str, str]:
        """Request and right answer of round 2."""
        request = self.decide_request(instruction, plan, memory, gripper_open)
        return request, self.decide_beginning(plan) + self.decide_choice(plan, memory, step_index)

    def _lines(self, plan: Sequence[str]) -> list[str]:
        return numbered(plan) if self.plan else list(plan)


FULL = Protocol()
"""The method's own protocol."""


def numbered(plan: Sequence[str]) -> list[str]:
    return [f"{number}. {step}" for number, step in enumerate(plan, 1)]


def plan_phrases(plan: Sequence[str]) -> list[str]:
    """The noun phrases that a plan mentions, each once, in order of appearance."""
    return list(dict.fromkeys(phrase for step in plan for phrase in parse_step(step).phrases))
