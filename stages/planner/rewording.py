"""Instructions in the general wordings of the skill that their plans are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from stages.planner.paraphrases import Told, pseudo_word
from stages.planner.slots import slot_pattern
from stages.wordings import WORDINGS, listed

_TAKE = ("grasp the {a}", "lift the grasped {a}")
_SCREW = (*_TAKE, "move the grasped {a} over the {b}")

SKILLS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("open_lid", ("grasp the {a} lid", "lift the grasped {a} lid")),
    ("close_lid", ("grasp the {a} lid", "pull the grasped {a} lid")),
    ("close_lid", ("push down the {a} lid",)),
    ("unlatch", ("grasp the {a} handle", "rotate the grasped {a} handle", "push forward the {a} handle")),
    ("open_compartment", ("grasp the {drawer} handle", "pull the grasped {drawer} handle")),
    ("open_by_handle", ("grasp the {a} handle", "pull the grasped {a} handle")),
    ("close_compartment", ("push forward the {drawer}",)),
    ("close_door", ("push forward the {a} door",)),
    ("drag_with", ("grasp the {tool}", "lift the grasped {tool}", "move the grasped {tool} over the {a}",
        "move the grasped {tool} to the {b}")),
    ("screw", tuple(line.replace("{a}", "{cap}") for line in (*_SCREW, "move the grasped {a} onto the {b}",
        "rotate the grasped {a}", "release the grasped {a} onto the {b}"))),
    ("fit_into", (*_SCREW, "move the grasped {a} into the {b}", "rotate the grasped {a}",
        "release the grasped {a} into the {b}")),
    ("put_on_level", (*_TAKE, "move the grasped {a} to the {level}", "release the grasped {a} onto the {level}")),
    ("put_on", (*_TAKE, "move the grasped {a} onto the {b}", "release the grasped {a} onto the {b}")),
    ("put_in", (*_TAKE, "move the grasped {a} into the {b}", "release the grasped {a} into the {b}")),
    ("take_out", (*_TAKE, "move the grasped {a} out of the {b}", "release the grasped {a} out of the {b}")),
    ("bring", (*_TAKE, "move the grasped {a} to the {b}")),
    ("pick", _TAKE),
    ("press", ("push down the {a}",)),
    ("sweep", ("push the {a} to the {b}",)),
)  # fmt: skip
"""Skills with the lines of their plans; the first that fits a plan is meant."""

WHOLES = frozenset({"open_compartment", "close_compartment", "fill_compartment"})
"""Skills whose wordings may tell what a part belongs to, which their plans do not mention."""

SEVERAL = {"press": "press_several", "put_on": "put_several_on", "put_in": "put_several_in"}
"""What a skill is called that is done with several things."""

_UNPACKED = {1: ("the {0}",), 2: ("the {0}s", "both {0}s", "the two {0}s"), 3: ("all {0}s",)}
_NUMBERS = {2: "two", 3: "three", 4: "four"}


class Known(NamedTuple):
    """A plan that is a skill.

    Attributes:
        skill: its name.
        lines: of its plan, with slots.
        slots: the noun phrases in them.
    """

    skill: str
    lines: tuple[str, ...]
    slots: Mapping[str, str]


@lru_cache(maxsize=4096)
def skill_of(plan: tuple[str, ...]) -> Known | None:
    """The first of `SKILLS` that a plan is; None if it is none."""
    for skill, lines in SKILLS:
        if found := _pattern(lines).fullmatch("|".join(plan)):
            return Known(skill, lines, found.groupdict())
    return None


def reworded(rng: np.random.Generator, told: Told) -> Told | None:
    """The same in other words, but those for its things: how they are called in a plan follows from them.

    None where the plan is no skill, or one done several times with different things.
    """
    once = repeated(told.plan)
    known, count = skill_of(once), len(told.plan) // len(once)
    if known is None:
        return None
    slots = {name: _called(phrase, told.instruction) for name, phrase in known.slots.items()}
    if count == 1:
        return _said(rng, known.skill, slots, told.plan)
    if known.skill != "put_on" or count not in _NUMBERS:
        return None
    number = str(rng.choice((str(count), _NUMBERS[count])))
    many = f"{number} {known.slots['a']}s"
    return _said(rng, "put_equal", {"many": many, "b": slots["b"]}, told.plan)


def several(rng: np.random.Generator, told: Told, found: Sequence[str]) -> Told | None:
    """The same skill with a list of things instead; None where the plan is of no such skill."""
    known = skill_of(repeated(told.plan))
    if known is None or known.skill not in SEVERAL:
        return None
    plan = tuple(line.format(**known.slots | {"a": one}) for one in found for line in known.lines)
    said = {"all": listed(rng, found), "first": found[0], "rest": listed(rng, found[1:])}
    return _said(rng, SEVERAL[known.skill], known.slots | said, plan)


def filled(rng: np.random.Generator, told: Told, found: Sequence[str]) -> Told | None:
    """Where the plan opens a drawer: things of a list put into it."""
    known = skill_of(told.plan)
    if known is None or known.skill != "open_compartment":
        return None
    drawer = known.slots["drawer"]
    plan = tuple(line.format(a=one, b=drawer) for one in found for line in dict(SKILLS)["put_in"])
    return _said(rng, "fill_compartment", known.slots | {"all": listed(rng, found)}, told.plan + plan)


def unpacked(rng: np.random.Generator, told: Told, word: str, count: int) -> Told | None:
    """Where the plan opens a lid: one, two or three things of a kind taken out."""
    known = skill_of(told.plan)
    if known is None or known.skill != "open_lid":
        return None
    box, said = known.slots["a"], str(rng.choice(_UNPACKED[count])).format(word)
    plan = tuple(line.format(a=word, b=box) for line in dict(SKILLS)["take_out"]) * count
    return _said(rng, "unpack_lidded", {"b": box, "said": said}, told.plan + plan)


def _said(rng: np.random.Generator, skill: str, slots: Mapping[str, str], plan: tuple[str, ...]) -> Told | None:
    """A plan told in a wording of a skill that needs no other slots and does not say "door" of a door."""
    slots = {"a" if name == "drawer" else name: phrase for name, phrase in slots.items()}
    if skill in WHOLES:
        slots = {"b": pseudo_word(rng)} | slots
    parts = {phrase.split()[-1] for phrase in slots.values()} & {"door", "drawer", "lid"}
    fitting = [
        text
        for text in WORDINGS[skill]
        if set(re.findall(r"{(\w+)}", text)) <= set(slots) and not parts & set(re.findall(r"\w+", text))
    ]
    return Told(str(rng.choice(fitting)).format(**slots), plan) if fitting else None


def _called(phrase: str, instruction: str) -> str:
    """What an instruction calls a thing: the phrase without modifiers that it lacks; all of it if it lacks the noun."""
    words, said = phrase.split(), set(re.findall(r"\w+", instruction))
    kept = [word for word in words if {word, f"{word}s"} & said]
    return " ".join(kept) if kept[-1:] == words[-1:] else phrase


def repeated(plan: tuple[str, ...]) -> tuple[str, ...]:
    """What a plan does again and again, or the plan."""
    for length in range(1, len(plan)):
        if len(plan) % length == 0 and plan == plan[:length] * (len(plan) // length):
            return plan[:length]
    return plan


@lru_cache
def _pattern(lines: tuple[str, ...]) -> re.Pattern[str]:
    """Matches the joined lines of a plan; a slot is the same wherever it stands."""
    return slot_pattern("|".join(lines), lambda name: "[^|]+ drawer" if name == "drawer" else "[^|]+")
