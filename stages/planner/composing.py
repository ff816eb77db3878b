"""Instructions made of others, with the plans that they mean.

All of it starts from the training instructions, so nothing is said of things that they do not mention, except by words
that mean nothing and by rare colours: what such a word is can only be copied from where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from stages.core.steps import parse_step
from stages.planner.paraphrases import Told, pseudo_word, replace_words
from stages.planner.prompts import plan_phrases
from stages.planner.rewording import filled, repeated, reworded, several, skill_of, unpacked

MAX_STEPS = 20
"""A composed plan has no more steps."""

MAX_LISTED = 5
"""A list has no more things."""

REWORDED, SHARED_MODIFIER, TWO_WORDS = 0.6, 0.4, 0.3
"""How often an instruction is told in general wordings, things that differ in their nouns have a modifier in common,
and an invented noun is of two words."""

SIDES = ("bottom", "top", "middle", "upper", "lower", "left", "right")

TELLING = frozenset({"open", "close", "closed", "shut", "unlatch", "screw"})
"""Where an instruction has one of these, what is done depends on the noun, which must stay what it is."""

RENAMED_ACTIONS = frozenset({"grasp", "lift", "move", "release", "push down", "push"})
"""Plans whose nouns can be others: the wording alone tells what is done."""

LISTED_ENDS = frozenset({"release", "push down", "push"})
"""Actions after which the hand is free for the next thing of a list."""

PRONOUNS = frozenset({"it", "its", "them", "each"})

PAIRS = (
    "{a}, then {b}", "{a} and then {b}", "first {a}, and after that {b}", "{a}; {b} afterwards",
    "{b}, but before that {a}", "{a}. when you are done, {b}", "two things: {a}; {b}",
    "start with this: {a}. go on with this: {b}", "{a}, and once that is done {b}", "{a}. next: {b}",
)  # fmt: skip
"""Two instructions in one."""

LISTS = (" and the ", " and then the ", ", and after that the ", " as well as the ", " and next the ", ", also the ")
"""What stands before the last thing of a list."""


class Composer:
    """Makes new instructions of the training ones.

    Args:
        told: training instructions with their plans.
        colours: names of colours that they may have.
        rare: names of other colours, which stand for those.
    """

    def __init__(self, told: Sequence[Told], colours: Iterable[str], rare: Iterable[str]) -> None:
        self._told, self._colours, self._rare = told, frozenset(colours), tuple(rare)
        rng = np.random.default_rng(0)
        lists: dict[str, list[Told]] = {}
        for one in told:
            if self.enlarged(rng, one):
                known = skill_of(repeated(one.plan))
                lists.setdefault(known.skill if known else "", []).append(one)
        self._lists = list(lists.values()) or [list(told)]

    def __call__(self, rng: np.random.Generator) -> Told:
        """One or two instructions or a list of things, every skill as often, each mostly with words replaced."""
        kind = rng.random()
        if kind < 0.35:
            alike = self._lists[rng.integers(len(self._lists))]
            first = alike[rng.integers(len(alike))]
            return self.renamed(rng, self.enlarged(rng, first) or first)
        first, second = (self._otherwise(rng, self._told[n]) for n in rng.integers(len(self._told), size=2))
        if kind < 0.6:
            first, second = (self.renamed(rng, told) if rng.random() < 0.6 else told for told in (first, second))
            return joined(rng, first, second) or first
        return self.renamed(rng, first)

    def renamed(self, rng: np.random.Generator, told: Told) -> Told:
        """Some of its colours, sides and nouns replaced throughout by words that mean nothing, or by rare colours."""
        words = {}
        split = {phrase: self._split(phrase) for phrase in plan_phrases(told.plan)}
        nouns = [noun for _, noun in split.values()]
        shared = self._modifier(rng, "") if len(set(nouns)) == len(nouns) and rng.random() < SHARED_MODIFIER else ""
        for phrase, (modifier, noun) in split.items():
            if modifier and _says(told.instruction, modifier) and (shared or rng.random() < 0.7):
                words[modifier] = shared or self._modifier(rng, modifier)
            if noun and self._free(told, phrase) and rng.random() < 0.5:
                words[noun] = _invented_noun(rng)
        return Told(replace_words(told.instruction, words), tuple(replace_words(step, words) for step in told.plan))

    def enlarged(self, rng: np.random.Generator, told: Told) -> Told | None:
        """The same done to a list of things, or what opens something with things put in or taken out; or None."""
        found = self._things(rng, plan_phrases(told.plan)[0], int(rng.integers(2, MAX_LISTED + 1)))
        made = (
            several(rng, told, found)
            or filled(rng, told, self._things(rng, self._anything(rng), int(rng.integers(1, MAX_LISTED))))
            or unpacked(rng, told, _invented_noun(rng), int(rng.integers(1, 4)))
        )
        if made is None or rng.random() < 0.3:
            made = self.listed(rng, told, found[: MAX_STEPS // len(told.plan)]) or made
        return made

    def listed(self, rng: np.random.Generator, told: Told, found: Sequence[str]) -> Told | None:
        """In its own words with a list where its first thing stood; None where that makes no sense."""
        phrase = plan_phrases(told.plan)[0]
        said = told.instruction.split(f"the {phrase}")
        ends = parse_step(told.plan[-1]).action in LISTED_ENDS
        if len(found) < 2 or len(said) != 2 or not ends or not self._free(told, phrase) or _words(told) & PRONOUNS:
            return None
        listed = "the " + ", the ".join(found[:-1]) + str(rng.choice(LISTS)) + found[-1]
        plan = tuple(replace_words(step, {phrase: one}) for one in found for step in told.plan)
        return Told(listed.join(said), plan)

    def _otherwise(self, rng: np.random.Generator, told: Told) -> Told:
        return (reworded(rng, told) if rng.random() < REWORDED else None) or told

    def _things(self, rng: np.random.Generator, phrase: str, count: int) -> list[str]:
        """Different things, a given one among them."""
        modifier, noun = self._split(phrase)
        alike = bool(modifier) and rng.random() < 0.7
        found = {phrase: None}
        while len(found) < count:
            found[f"{self._modifier(rng, modifier)} {noun}" if alike else self._anything(rng)] = None
        return [str(one) for one in rng.permutation(list(found))]

    def _split(self, phrase: str) -> tuple[str, str]:
        """Colour or side, and noun, of a phrase; either may be empty."""
        first, _, rest = phrase.partition(" ")
        return (first, rest) if first in self._colours or first in SIDES else ("", phrase)

    def _free(self, told: Told, phrase: str) -> bool:
        """Whether a phrase could be another: it is in the instruction, whose wording alone tells what is done."""
        actions = {parse_step(step).action for step in told.plan}
        return _says(told.instruction, phrase) and actions <= RENAMED_ACTIONS and not _words(told) & TELLING

    def _modifier(self, rng: np.random.Generator, old: str) -> str:
        kind = rng.random()
        if kind < 0.5 and self._rare and (not old or old in self._colours):
            return str(rng.choice(self._rare))
        return f"{pseudo_word(rng)} {pseudo_word(rng)}" if kind > 0.9 else pseudo_word(rng)

    def _anything(self, rng: np.random.Generator) -> str:
        noun = _invented_noun(rng)
        return f"{rng.choice(self._rare)} {noun}" if rng.random() < 0.5 and self._rare else noun


def joined(rng: np.random.Generator, first: Told, second: Told) -> Told | None:
    """Both, one after the other; None if that is too much."""
    plan = (*first.plan, *second.plan)
    if len(plan) > MAX_STEPS or first.plan == second.plan:
        return None
    return Told(str(rng.choice(PAIRS)).format(a=first.instruction, b=second.instruction), plan)


def _invented_noun(rng: np.random.Generator) -> str:
    return f"{pseudo_word(rng)} {pseudo_word(rng)}" if rng.random() < TWO_WORDS else pseudo_word(rng)


def _says(instruction: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}s?\b", instruction) is not None


def _words(told: Told) -> set[str]:
    return set(re.findall(r"[a-z]+", told.instruction))
