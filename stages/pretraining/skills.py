"""Procedural skills: what can be asked of a robot, with the steps that do it.

A skill draws its things from `Things` and gives a clause, in one of its wordings, and its steps. The clauses speak of
general household words; which step a skill needs is the general knowledge that the base brings along: what has a lid is
opened by lifting it, what has a handle by pulling, what is said of one thing is done to every thing of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.steps import Step
from stages.pretraining import words
from stages.pretraining.phrases import different, noun, thing, together
from stages.wordings import WORDINGS, listed

Clause = tuple[str, list[Step]]


@dataclass(frozen=True)
class Things:
    """What skills speak of.

    Attributes:
        rng: draws them.
        colours: names of colours.
        seen: noun phrases of a scene's things, which are taken instead of words alone; None = text alone.
    """

    rng: np.random.Generator
    colours: Sequence[str]
    seen: Sequence[str] | None = None

    def one(self, nouns: Sequence[str], invent: bool = True) -> str:
        """A thing; without `invent` its noun is a known one, where the wording does not tell what it is like."""
        return self.several(nouns, 1)[0] if self.seen else thing(self.rng, self.colours, nouns, invent)

    def each(self, *kinds: Sequence[str]) -> list[str]:
        """A thing of each kind of nouns, no two the same."""
        while True:
            found = [self.one(nouns) for nouns in kinds] if self.seen else together(self.rng, self.colours, kinds)
            if len(set(found)) == len(kinds):
                return found

    def several(self, nouns: Sequence[str], count: int) -> list[str]:
        if self.seen is None:
            return different(self.rng, self.colours, nouns, count)
        return [str(phrase) for phrase in self.rng.choice(self.seen, min(count, len(self.seen)), replace=False)]

    def some(self, nouns: Sequence[str], fewest: int, most: int) -> list[str]:
        """A list of things."""
        return self.several(nouns, int(self.rng.integers(fewest, most + 1)))

    def say(self, skill: str, **parts: str) -> str:
        return str(self.rng.choice(WORDINGS[skill])).format(**parts)

    def about(self, skill: str, nouns: Sequence[str], cues: Sequence[str]) -> tuple[str, str]:
        """A clause about one thing, and the thing: of an invented noun only if a cue tells what it is like."""
        wording = str(self.rng.choice(WORDINGS[skill]))
        a = self.one(nouns, invent=any(cue in wording for cue in cues))
        return wording.format(a=a), a

    def side(self, chance: float) -> str:
        """ "upper " or nothing."""
        return f"{self.rng.choice(words.SIDES)} " if self.rng.random() < chance else ""


def pick(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    return things.say("pick", a=a), [Step("grasp", a), Step("lift", a)]


def bring(things: Things) -> Clause:
    a, b = things.each(words.NOUNS, words.NOUNS)
    return things.say("bring", a=a, b=b), [Step("grasp", a), Step("lift", a), Step("move", a, "to", b)]


def put_on(things: Things) -> Clause:
    a, b = things.each(words.NOUNS, words.PLACES)
    return things.say("put_on", a=a, b=b), put(a, "onto", b)


def put_in(things: Things) -> Clause:
    a, b = things.each(words.NOUNS, words.HOLDERS)
    return things.say("put_in", a=a, b=b), put(a, "into", b)


def put_on_level(things: Things) -> Clause:
    """On one of several levels of a thing, which is called by its level alone."""
    a, b = things.each(words.NOUNS, words.HOLDERS)
    level = f"{things.rng.choice(words.SIDES)} {things.rng.choice(words.LEVELS)}"
    steps = [Step("grasp", a), Step("lift", a), Step("move", a, "to", level), Step("release", a, "onto", level)]
    return things.say("put_on_level", a=a, level=level, b=b), steps


def press(things: Things) -> Clause:
    a = things.one(words.PRESSED)
    return things.say("press", a=a), [Step("push down", a)]


def press_several(things: Things) -> Clause:
    found = things.some(words.PRESSED, 2, 6)
    clause = things.say("press_several", all=listed(things.rng, found), first=found[0])
    return clause, [Step("push down", one) for one in found]


def switch_on(things: Things) -> Clause:
    a = things.one(words.SWITCHED)
    return things.say("switch_on", a=a), [Step("push down", f"{a} button")]


def shove(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    return things.say("shove", a=a), [Step("push forward", a)]


def sweep(things: Things) -> Clause:
    a, b = things.each(words.NOUNS, words.PLACES)
    return things.say("sweep", a=a, b=b), [Step("push", a, "to", b)]


def drag_with(things: Things) -> Clause:
    tool, a, b = things.each(words.TOOLS, words.NOUNS, words.PLACES)
    steps = [Step("grasp", tool), Step("lift", tool), Step("move", tool, "over", a), Step("move", tool, "to", b)]
    return things.say("drag_with", tool=tool, a=a, b=b), steps


def pull(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    return things.say("pull", a=a), [Step("grasp", a), Step("pull", a)]


def turn(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    return things.say("turn", a=a), [Step("grasp", a), Step("rotate", a)]


def open_lid(things: Things) -> Clause:
    clause, a = things.about("open_lid", words.LIDDED, ("lid",))
    return clause, [Step("grasp", f"{a} lid"), Step("lift", f"{a} lid")]


def close_lid(things: Things) -> Clause:
    clause, a = things.about("close_lid", words.LIDDED, ("lid", "down"))
    return clause, [Step("grasp", f"{a} lid"), Step("pull", f"{a} lid")]


def open_by_handle(things: Things) -> Clause:
    clause, a = things.about("open_by_handle", words.DOORED, ("door", "handle"))
    return _sided(things, clause, a, 0.4, lambda a: [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")])


def close_door(things: Things) -> Clause:
    clause, a = things.about("close_door", words.DOORED, ("door", "push"))
    return _sided(things, clause, a, 0.3, lambda a: [Step("push forward", f"{a} door")])


def pull_shut(things: Things) -> Clause:
    clause, a = things.about("pull_shut", words.DOORED, ("door", "handle"))
    return _sided(things, clause, a, 0.1, lambda a: [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")])


def open_compartment(things: Things) -> Clause:
    a, b = _compartment(things)
    return things.say("open_compartment", a=a, b=b), [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")]


def close_compartment(things: Things) -> Clause:
    a, b = _compartment(things)
    return things.say("close_compartment", a=a, b=b), [Step("push forward", a)]


def fill_compartment(things: Things) -> Clause:
    """Open it, then put everything of a list into it."""
    a, b = _compartment(things)
    found = things.some(words.NOUNS, 1, 4)
    clause = things.say("fill_compartment", a=a, b=b, all=listed(things.rng, found))
    opened = [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")]
    return clause, opened + [step for one in found for step in put(one, "into", a)]


def fold_up(things: Things) -> Clause:
    a = things.one(words.FLAPS)
    return things.say("fold_up", a=a), [Step("grasp", a), Step("lift", a)]


def fold_down(things: Things) -> Clause:
    a = things.one(words.FLAPS)
    return things.say("fold_down", a=a), [Step("push down", a)]


def unlatch(things: Things) -> Clause:
    a = things.one(words.DOORED)
    handle = f"{a} handle"
    return things.say("unlatch", a=a), [Step("grasp", handle), Step("rotate", handle), Step("push forward", handle)]


def screw(things: Things) -> Clause:
    cap, b = str(things.rng.choice(words.CAPS)), things.one(words.SCREWED)
    return things.say("screw", cap=cap, b=b), turned_in(cap, "onto", b)


def fit_into(things: Things) -> Clause:
    a, b = things.each(words.NOUNS, words.SWITCHED)
    b = f"{b} {things.rng.choice(words.MOUNTS)}"
    return things.say("fit_into", a=a, b=b), turned_in(a, "into", b)


def take_out(things: Things) -> Clause:
    a, b = things.each(words.NOUNS, words.HOLDERS)
    return things.say("take_out", a=a, b=b), put(a, "out of", b)


def unpack_lidded(things: Things) -> Clause:
    """Open the lid, then take out one, two or three of a kind."""
    word, b = noun(things.rng, words.NOUNS), things.one(words.LIDDED)
    count = 1 + int(things.rng.choice(3, p=(0.3, 0.5, 0.2)))
    said = str(things.rng.choice(words.COUNTED[count])).format(one=word, many=words.plural(word))
    lid = [Step("grasp", f"{b} lid"), Step("lift", f"{b} lid")]
    return things.say("unpack_lidded", b=b, said=said), lid + put(word, "out of", b) * count


def put_several(things: Things) -> Clause:
    """A list of things, all to the same place."""
    found, into = things.some(words.NOUNS, 2, 5), things.rng.random() < 0.4
    b = things.one(words.HOLDERS if into else words.PLACES)
    if b in found:
        return put_several(things)
    skill, preposition = ("put_several_in", "into") if into else ("put_several_on", "onto")
    rest = listed(things.rng, found[1:]) if len(found) > 1 else ""
    clause = things.say(skill, all=listed(things.rng, found), b=b, first=found[0], rest=rest)
    return clause, [step for one in found for step in put(one, preposition, b)]


def put_equal(things: Things) -> Clause:
    """Several equal things to the same place."""
    one, b = things.each(words.NOUNS, words.PLACES)
    count = int(things.rng.integers(2, 5))
    many = f"{things.rng.choice((str(count), words.NUMBERS[count]))} {words.plural(one)}"
    return things.say("put_equal", many=many, b=b), put(one, "onto", b) * count


def put(a: str, preposition: str, b: str) -> list[Step]:
    """Pick and place."""
    return [Step("grasp", a), Step("lift", a), Step("move", a, preposition, b), Step("release", a, preposition, b)]


def turned_in(a: str, preposition: str, b: str) -> list[Step]:
    """Place and screw."""
    moved = [Step("move", a, "over", b), Step("move", a, preposition, b)]
    return [Step("grasp", a), Step("lift", a), *moved, Step("rotate", a), Step("release", a, preposition, b)]


def _compartment(things: Things) -> tuple[str, str]:
    sides = [str(side) for side in things.rng.choice(words.SIDES, 2, replace=False)]
    named = " ".join(sides[: 2 if things.rng.random() < 0.25 else 1])
    return f"{named} {noun(things.rng, words.COMPARTMENTS)}", str(things.rng.choice(words.CHESTS))


def _sided(things: Things, clause: str, a: str, chance: float, steps: Callable[[str], list[Step]]) -> Clause:
    """One of several doors of a thing, told by its side: "the upper oven", or "the upper door of the oven"."""
    side = things.side(chance)
    for part in ("door", "handle"):
        if side and f"the {part} of the {a}" in clause and things.rng.random() < 0.5:
            return clause.replace(f"the {part} of", f"the {side}{part} of"), steps(side + a)
    return clause.replace(a, side + a), steps(side + a)


SEEN: tuple[Callable[[Things], Clause], ...] = (pick, bring, put_on, put_in, press, shove, sweep, pull, turn, take_out,
    drag_with, press_several, put_several)  # fmt: skip
"""Skills that any things of a scene can be asked for."""

SPOKEN: tuple[Callable[[Things], Clause], ...] = (
    *SEEN, put_on_level, switch_on, open_lid, close_lid, open_by_handle, close_door, pull_shut, open_compartment,
    close_compartment, fill_compartment, fold_up, fold_down, unlatch, screw, fit_into, unpack_lidded, put_equal,
    press_several, put_several, fill_compartment,
)  # fmt: skip
"""All skills, in text alone; the lists, which are hardest to follow to their ends, twice."""
