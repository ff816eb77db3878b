"""Procedural skills: what can be asked of a robot, in many wordings, with the steps that do it.

A skill draws its things from `Things` and gives a clause and its steps. The clauses speak of general household words;
which step a skill needs is the general knowledge that the base brings along: what has a lid is opened by lifting it,
what has a handle by pulling, what is said of one thing is done to every thing of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.pretraining import words
from stages.pretraining.phrases import different, noun, thing
from stages.steps import Step

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

    def one(self, nouns: Sequence[str]) -> str:
        return self.several(nouns, 1)[0] if self.seen else thing(self.rng, self.colours, nouns)

    def two(self, nouns: Sequence[str], places: Sequence[str]) -> tuple[str, str]:
        """A thing and another one that it can be brought to."""
        a, b = self.one(nouns), self.one(places)
        return (a, b) if a != b else self.two(nouns, places)

    def several(self, nouns: Sequence[str], count: int) -> list[str]:
        if self.seen is None:
            return different(self.rng, self.colours, nouns, count)
        return [str(phrase) for phrase in self.rng.choice(self.seen, min(count, len(self.seen)), replace=False)]

    def say(self, wordings: Sequence[str], **parts: str) -> str:
        return str(self.rng.choice(wordings)).format(**parts)

    def listed(self, phrases: Sequence[str]) -> str:
        """ "the a, the b and the c"."""
        if len(phrases) == 1:
            return f"the {phrases[0]}"
        last = str(self.rng.choice((" and the ", ", then the ", " and then the ", ", and finally the ", " then the ")))
        return "the " + ", the ".join(phrases[:-1]) + last + phrases[-1]


def pick(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    clause = things.say(
        (
            "pick up the {a}", "pick the {a} up", "grasp the {a} and lift it", "take the {a} and raise it",
            "lift the {a} up", "get the {a} off the table", "grab the {a} and hold it high", "fetch the {a}",
            "hold up the {a}", "raise the {a} from where it lies", "seize the {a} and bring it up",
            "the {a} has to be picked up", "have the {a} in the air", "take hold of the {a} and lift",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("grasp", a), Step("lift", a)]


def bring(things: Things) -> Clause:
    a, b = things.several(words.NOUNS, 2)
    clause = things.say(
        (
            "lift the {a} up to the {b}", "raise the {a} until it reaches the {b}", "bring the {a} to the {b}",
            "carry the {a} to the {b}", "pick up the {a} and take it to the {b}", "lift the {a} to where the {b} is",
            "take the {a} and hold it next to the {b}", "let the {a} meet the {b}", "hoist the {a} to the {b}",
            "get the {a} up to the {b}", "the {a} must touch the {b}, so lift it there",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, [Step("grasp", a), Step("lift", a), Step("move", a, "to", b)]


def put_on(things: Things) -> Clause:
    a, b = things.two(words.NOUNS, words.PLACES)
    clause = things.say(
        (
            "put the {a} on the {b}", "place the {a} onto the {b}", "set the {a} down on the {b}",
            "move the {a} on top of the {b}", "lay the {a} on the {b}", "pick up the {a} and leave it on the {b}",
            "take the {a} and put it on the {b}", "the {a} goes on the {b}", "the {b} is where the {a} belongs",
            "stand the {a} on the {b}", "get the {a} onto the {b}",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, _put(a, "onto", b)


def put_in(things: Things) -> Clause:
    a, b = things.two(words.NOUNS, words.HOLDERS)
    clause = things.say(
        (
            "put the {a} into the {b}", "put the {a} in the {b}", "drop the {a} in the {b}",
            "place the {a} inside the {b}", "store the {a} in the {b}", "take the {a} and put it in the {b}",
            "pick up the {a} and lower it into the {b}", "the {a} belongs in the {b}", "move the {a} into the {b}",
            "stow the {a} in the {b}", "put the {a} away in the {b}", "pack the {a} into the {b}",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, _put(a, "into", b)


def put_on_level(things: Things) -> Clause:
    """On one of several levels of a thing, which is called by its level alone."""
    a, side = things.one(words.NOUNS), str(things.rng.choice(words.SIDES))
    level, b = str(things.rng.choice(("rung", "level", "ledge", "shelf", "tier"))), things.one(words.HOLDERS)
    place = f"{side} {level}"
    clause = things.say(
        (
            "put the {a} on the {level} of the {b}", "put the {a} away in the {b} on the {level}",
            "take the {a} and leave it on the {level} of the {b}", "place the {a} on the {level} in the {b}",
            "store the {a} on the {level}", "the {a} goes to the {level} of the {b}",
        ),
        a=a, b=b, level=place,
    )  # fmt: skip
    return clause, [Step("grasp", a), Step("lift", a), Step("move", a, "to", place), Step("release", a, "onto", place)]


def press(things: Things) -> Clause:
    a = things.one(words.PRESSED)
    clause = things.say(
        (
            "press the {a}", "push the {a} down", "press down on the {a}", "put pressure on the {a}", "push the {a}",
            "hit the {a}", "give the {a} a push from above", "tap the {a}", "hold the {a} down",
            "go to the {a} and press it", "the {a} needs to be pressed",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("push down", a)]


def press_several(things: Things) -> Clause:
    found = things.several(words.PRESSED, int(things.rng.integers(2, 5)))
    clause = things.say(
        (
            "press {all}", "push {all}", "press {all} in turn", "push down {all}", "hit {all}, one by one",
            "tap {all} in sequence", "begin with the {first}: press {all}", "first the {first}: push {all}",
            "{all} need to be pressed", "one at a time, push {all}",
        ),
        all=things.listed(found), first=found[0],
    )  # fmt: skip
    return clause, [Step("push down", one) for one in found]


def switch_on(things: Things) -> Clause:
    a = things.one(words.SWITCHED)
    clause = things.say(
        (
            "turn on the {a}", "switch the {a} on", "start the {a}", "turn the {a} on", "press the button of the {a}",
            "push the {a} button", "get the {a} going with its button", "use the button beside the {a}",
            "make the {a} run", "put the {a} on",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("push down", f"{a} button")]


def shove(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    clause = things.say(("shove the {a} forward", "push the {a} away", "nudge the {a} to the front"), a=a)
    return clause, [Step("push forward", a)]


def sweep(things: Things) -> Clause:
    a, b = things.two(words.NOUNS, words.PLACES)
    clause = things.say(
        (
            "push the {a} to the {b}", "slide the {a} onto the {b}", "shove the {a} over to the {b}",
            "move the {a} along the ground to the {b}", "without lifting, bring the {a} to the {b}",
            "let the {a} glide to the {b}", "push the {a} until it is on the {b}",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, [Step("push", a, "to", b)]


def drag_with(things: Things) -> Clause:
    tool, a, b = things.one(words.TOOLS), things.one(words.NOUNS), things.one(words.PLACES)
    if len({tool, a, b}) < 3:
        return drag_with(things)
    clause = things.say(
        (
            "use the {tool} to bring the {a} to the {b}", "with the {tool}, drag the {a} to the {b}",
            "drag the {a} onto the {b} with the {tool}", "take the {tool} and pull the {a} over to the {b}",
            "the {a} has to get to the {b}, use the {tool}", "reach for the {tool} and sweep the {a} onto the {b}",
        ),
        tool=tool, a=a, b=b,
    )  # fmt: skip
    return clause, [
        Step("grasp", tool), Step("lift", tool), Step("move", tool, "over", a), Step("move", tool, "to", b)
    ]  # fmt: skip


def pull(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    clause = things.say(("pull the {a}", "drag the {a} out", "tug the {a} towards you", "pull on the {a}"), a=a)
    return clause, [Step("grasp", a), Step("pull", a)]


def turn(things: Things) -> Clause:
    a = things.one(words.NOUNS)
    clause = things.say(("turn the {a}", "rotate the {a}", "twist the {a} round", "give the {a} a turn"), a=a)
    return clause, [Step("grasp", a), Step("rotate", a)]


def open_lid(things: Things) -> Clause:
    a = things.one(words.LIDDED)
    clause = things.say(
        (
            "open the {a}", "lift the lid of the {a}", "raise the {a} lid", "open the {a} lid", "get the {a} open",
            "fold up the lid of the {a}", "take the lid of the {a} and lift it", "the {a} is shut, open it",
            "look into the {a}", "swing up the lid of the {a}",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("grasp", f"{a} lid"), Step("lift", f"{a} lid")]


def close_lid(things: Things) -> Clause:
    a = things.one(words.LIDDED)
    clause = things.say(
        (
            "close the {a}", "close the lid of the {a}", "shut the {a}", "pull the lid of the {a} down",
            "take the lid of the {a} and close it", "cover the {a}", "get the {a} closed", "bring the {a} lid down",
            "the {a} stands open, shut it", "lower the lid of the {a}", "fold down the lid of the {a}",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("grasp", f"{a} lid"), Step("pull", f"{a} lid")]


def open_by_handle(things: Things) -> Clause:
    side = f"{things.rng.choice(words.SIDES)} " if things.rng.random() < 0.4 else ""
    a = side + things.one(words.DOORED)
    clause = things.say(
        (
            "open the {a}", "open the door of the {a}", "pull the {a} open", "pull the {a} door open",
            "take the {a} handle and pull", "swing the door of the {a} open by its handle", "get the {a} open",
            "the {a} is shut, open it", "unlock the {a} and open it", "open up the {a}",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")]


def close_door(things: Things) -> Clause:
    side = f"{things.rng.choice(words.SIDES)} " if things.rng.random() < 0.3 else ""
    a = side + things.one(words.DOORED)
    clause = things.say(
        (
            "close the {a}", "push the {a} shut", "shut the {a}", "close the door of the {a}", "shut the {a} door",
            "push the {a} door closed", "the {a} is open, close it", "swing the {a} door to",
            "see that the {a} is shut",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("push forward", f"{a} door")]


def pull_shut(things: Things) -> Clause:
    a = things.one(words.DOORED)
    clause = things.say(
        (
            "pull the {a} shut by its handle", "take the {a} handle and pull it closed",
            "draw the {a} shut", "pull the {a} closed", "use the handle to close the {a}",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")]


def open_compartment(things: Things) -> Clause:
    a, b = _compartment(things)
    clause = things.say(
        (
            "open the {a}", "pull the {a} open", "pull out the {a} of the {b}", "slide the {a} out",
            "take the {a} handle and draw it out", "the {a} is in, get it out", "get the {a} of the {b} open",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")]


def close_compartment(things: Things) -> Clause:
    a, b = _compartment(things)
    clause = things.say(
        (
            "close the {a}", "push the {a} in", "slide the {a} back into the {b}", "shut the {a} of the {b}",
            "push the {a} shut", "the {a} stands out, press it in", "push back the {a}",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, [Step("push forward", a)]


def fill_compartment(things: Things) -> Clause:
    """Open it, then put everything of a list into it."""
    a, b = _compartment(things)
    found = things.several(words.NOUNS, int(things.rng.integers(1, 4)))
    clause = things.say(
        (
            "open the {a} and put {all} into it", "pull out the {a} and place {all} inside",
            "put {all} into the {a} of the {b}", "pack {all} away in the {a}, which is shut",
            "the {a} of the {b} is for {all}", "store {all} in the {a}", "get the {a} open and fill in {all}",
        ),
        a=a, b=b, all=things.listed(found),
    )  # fmt: skip
    opened = [Step("grasp", f"{a} handle"), Step("pull", f"{a} handle")]
    return clause, opened + [step for one in found for step in _put(one, "into", a)]


def fold_up(things: Things) -> Clause:
    a = things.one(words.FLAPS)
    clause = things.say(
        (
            "put the {a} up", "lift the {a}", "raise the {a}", "fold the {a} up", "flip up the {a}",
            "take the {a} by its edge and raise it", "the {a} is down, put it up", "get the {a} upright",
        ),
        a=a,
    )  # fmt: skip
    return clause, [Step("grasp", a), Step("lift", a)]


def fold_down(things: Things) -> Clause:
    a = things.one(words.FLAPS)
    clause = things.say(("fold the {a} down", "push the {a} down", "press the {a} down", "put the {a} down"), a=a)
    return clause, [Step("push down", a)]


def unlatch(things: Things) -> Clause:
    a = things.one(words.DOORED)
    clause = things.say(
        (
            "turn the handle of the {a} and push it open", "unlatch the {a} and push it open",
            "press the {a} handle down and open the {a} to the other side", "push the {a} open by its handle",
        ),
        a=a,
    )  # fmt: skip
    handle = f"{a} handle"
    return clause, [Step("grasp", handle), Step("rotate", handle), Step("push forward", handle)]


def screw(things: Things) -> Clause:
    cap, b = str(things.rng.choice(words.CAPS)), things.one(words.SCREWED)
    clause = things.say(
        (
            "close the {b} with the {cap}", "screw the {cap} on the {b}", "put the {cap} on the {b} and twist it",
            "take the {cap} and screw it onto the {b}", "seal the {b} with its {cap}", "the {b} is open, screw it shut"
            " with the {cap}", "turn the {cap} onto the {b}",
        ),
        cap=cap, b=b,
    )  # fmt: skip
    return clause, _screw(cap, "onto", b)


def fit_into(things: Things) -> Clause:
    a, b = things.one(words.NOUNS), f"{things.one(words.SWITCHED)} {things.rng.choice(('slot', 'mount', 'fitting'))}"
    clause = things.say(
        (
            "screw the {a} into the {b}", "fit the {a} into the {b}", "take the {a} and screw it into the {b}",
            "the {b} is empty, screw in the {a}", "turn the {a} into the {b}",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, _screw(a, "into", b)


def take_out(things: Things) -> Clause:
    a, b = things.two(words.NOUNS, words.HOLDERS)
    clause = things.say(
        (
            "take the {a} out of the {b}", "get the {a} out of the {b}", "lift the {a} out of the {b}",
            "unpack the {a} from the {b}", "remove the {a} from the {b}",
            "the {a} should not be in the {b}, take it out",
        ),
        a=a, b=b,
    )  # fmt: skip
    return clause, _put(a, "out of", b)


def unpack_lidded(things: Things) -> Clause:
    """Open the lid, then take out one or two of a kind."""
    word, b = noun(things.rng, words.NOUNS), things.one(words.LIDDED)
    count = int(things.rng.integers(1, 3))
    said = (
        things.say(("the {m}", "both {m}", "the two {m}", "2 {m}"), m=words.plural(word))
        if count == 2
        else f"the {word}"
    )
    clause = things.say(
        (
            "open the {b} and take {said} out", "lift the lid of the {b} and get {said} out of it",
            "get {said} out of the closed {b}", "unpack {said} from the {b}",
            "take {said} out of the {b}, which is shut",
            "{said} must come out of the {b}, which has a lid",
        ),
        b=b, said=said,
    )  # fmt: skip
    lid = f"{b} lid"
    return clause, [Step("grasp", lid), Step("lift", lid), *(_put(word, "out of", b) * count)]


def put_several(things: Things) -> Clause:
    """A list of things, all to the same place."""
    found, into = things.several(words.NOUNS, int(things.rng.integers(2, 5))), things.rng.random() < 0.4
    b = things.one(words.HOLDERS if into else words.PLACES)
    if b in found:
        return put_several(things)
    wordings = (
        ("put {all} into the {b}", "drop {all} in the {b}", "collect {all} in the {b}", "the {b} is for {all}")
        if into
        else (
            "put {all} on the {b}", "stack {all} on the {b}", "pile {all} up on the {b}", "lay {all} on the {b}",
            "on the {b}, stack {all}", "put the {first} on the {b}, then {rest} on top of it",
            "with the {first} lowest, heap {all} on the {b}", "make a heap on the {b}, upwards: {all}",
            "on the {b} there should be a column of {all}",
        )
    )  # fmt: skip
    clause = things.say(wordings, all=things.listed(found), b=b, first=found[0], rest=things.listed(found[1:]))
    return clause, [step for one in found for step in _put(one, "into" if into else "onto", b)]


def put_equal(things: Things) -> Clause:
    """Several equal things to the same place."""
    one, b = thing(things.rng, things.colours, words.NOUNS, bare=0.1), things.one(words.PLACES)
    count = int(things.rng.integers(2, 4))
    number = str(things.rng.choice((str(count), ("two", "three")[count - 2])))
    many = f"{number} {words.plural(one)}"
    clause = things.say(
        (
            "stack {many} on the {b}", "put {many} on the {b}", "pile up {many} on the {b}",
            "make a heap of {many} on the {b}", "place {many} over the {b}, one on the other", "lay {many} on the {b}",
            "the {b} needs {many} on it",
        ),
        many=many, b=b,
    )  # fmt: skip
    return clause, _put(one, "onto", b) * count


def _compartment(things: Things) -> tuple[str, str]:
    sides = [str(side) for side in things.rng.choice(words.SIDES, 2, replace=False)]
    named = " ".join(sides[: 2 if things.rng.random() < 0.25 else 1])
    return f"{named} {noun(things.rng, words.COMPARTMENTS)}", str(things.rng.choice(words.CHESTS))


def _put(a: str, preposition: str, b: str) -> list[Step]:
    return [Step("grasp", a), Step("lift", a), Step("move", a, preposition, b), Step("release", a, preposition, b)]


def _screw(a: str, preposition: str, b: str) -> list[Step]:
    moved = [Step("move", a, "over", b), Step("move", a, preposition, b)]
    return [Step("grasp", a), Step("lift", a), *moved, Step("rotate", a), Step("release", a, preposition, b)]


SEEN: tuple[Callable[[Things], Clause], ...] = (pick, bring, put_on, put_in, press, shove, sweep, pull, turn, take_out,
    drag_with, press_several, put_several)  # fmt: skip
"""Skills that any things of a scene can be asked for."""

SPOKEN: tuple[Callable[[Things], Clause], ...] = (
    *SEEN, put_on_level, switch_on, open_lid, close_lid, open_by_handle, close_door, pull_shut, open_compartment,
    close_compartment, fill_compartment, fold_up, fold_down, unlatch, screw, fit_into, unpack_lidded, put_equal,
)  # fmt: skip
"""All skills, in text alone."""
