"""How a language model is asked for a plan: the step language, a few examples in other words, and what the hand did."""

from __future__ import annotations

from collections.abc import Sequence

from stages.artifacts.episode import Episode
from stages.core.steps import parse_step
from stages.decomposition.motions import describe_motions
from stages.planner.language.plan_text import LINES, RELEASE_AT, write_plan

_INTRODUCTION = """\
A robot hand did a task. Say in steps, each on a line, what it did. Every step is one of these sentences:
{lines}
"It" is what was grasped last. Name things as the list of things does. A step takes one or several of the hand's \
motions: coming nearer belongs to the step that it is for, and going away to the step that it is from."""

_REQUEST = """\
Task: {instruction}
Things: {things}
Motions of the hand:
{motions}
Steps:"""


def plan_request(instruction: str, things: Sequence[str], motions: Sequence[str]) -> str:
    """The question about one episode."""
    named = ", ".join(dict.fromkeys(things))
    return _REQUEST.format(instruction=instruction, things=named, motions=_numbered(motions))


def episode_request(episode: Episode) -> str:
    """The question about an episode, images not needed."""
    return plan_request(episode.instruction, episode.objects.names, describe_motions(episode))


def conversation(request: str) -> list[str]:
    """What was said so far, the user first and then by turns: the introduction, the examples, and the question."""
    lines = [line.format(object="...", target="...") for line in (*LINES.values(), RELEASE_AT)]
    introduction = _INTRODUCTION.format(lines="\n".join(lines))
    turns = [turn for example, plan in EXAMPLES for turn in (example, write_plan([parse_step(step) for step in plan]))]
    turns.append(request)
    return [f"{introduction}\n\n{turns[0]}", *turns[1:]]


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


EXAMPLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        plan_request(
            "hang the lantern on the hook",
            ("hook", "lantern", "spade"),
            (
                "31 cm across, 44 cm down, turns 35 degrees, 9 cm from the lantern",
                "9 cm down, closes, holds the lantern, 24 cm from the spade",
                "15 cm up, holds the lantern, 29 cm from the spade",
                "27 cm across, 12 cm up, holds the lantern, 6 cm from the hook",
                "5 cm down, opens, lets go of the lantern, 2 cm from the hook",
                "16 cm up, 17 cm from the hook",
            ),
        ),
        (
            "grasp the lantern",
            "lift the grasped lantern",
            "move the grasped lantern to the hook",
            "release the grasped lantern at the hook",
        ),
    ),
    (
        plan_request(
            "ring both bells, the brass one first",
            ("brass bell", "iron bell"),
            (
                "22 cm across, 50 cm down, closes, 7 cm from the brass bell",
                "6 cm down, 1 cm from the brass bell",
                "19 cm across, 7 cm up, 7 cm from the iron bell",
                "6 cm down, 1 cm from the iron bell",
            ),
        ),
        ("push the brass bell", "push the iron bell"),
    ),
    (
        plan_request(
            "turn the tap and shove the crate to the mat",
            ("tap", "crate", "straw mat", "felt mat"),
            (
                "14 cm across, 36 cm down, turns 90 degrees, 8 cm from the tap",
                "8 cm across, closes, holds the tap, 33 cm from the crate",
                "turns 60 degrees, holds the tap, 33 cm from the crate",
                "9 cm across, opens, lets go of the tap, 27 cm from the crate",
                "25 cm across, 18 cm down, turns 90 degrees, closes, 6 cm from the crate",
                "21 cm across, 3 cm from the straw mat",
            ),
        ),
        (
            "grasp the tap",
            "rotate the grasped tap",
            "pull the grasped tap",
            "slide the crate to the straw mat",
        ),
    ),
)
"""Questions with the steps of their answers, about things that no task has."""
