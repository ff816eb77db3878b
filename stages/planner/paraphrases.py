"""What is done to words: wordings that mean the same, and instructions made of others, with the plans that they mean.

All of it starts from the training instructions, so nothing is said of things that they do not mention, except by words
that mean nothing and by rare colours: what such a word is can only be copied from where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.planner.prompts import plan_phrases
from stages.steps import parse_step

MAX_STEPS = 16
"""A composed plan has no more steps."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "pick up": ("take", "grab", "take up"),
    "grab": ("take", "grasp"),
    "grasp": ("grab", "take"),
    "take hold of": ("grip", "grasp", "seize"),
    "put the": ("place the", "set the"),
    "place the": ("put the",),
    "bring it to": ("take it to", "move it to", "carry it to"),
    "lift it up to": ("raise it to", "move it up to"),
    "shut the": ("close the",),
    "swing": ("turn", "move"),
    "press down": ("push down", "press"),
    "has to be": ("must be", "should be", "is to be"),
    "store it in": ("leave it in", "keep it in"),
    "move the": ("bring the", "get the"),
    "shove": ("push", "move"),
    "drag the": ("pull the", "move the"),
    "sweep": ("move", "drag"),
    "use the": ("take the",),
    "off the table": ("up from the table", "away from the table"),
    "on top of each other": ("one above the other", "in a pile"),
    "on the green": ("onto the green", "over the green"),
    "onto the": ("on the", "over to the"),
    "in the cupboard": ("into the cupboard", "inside the cupboard"),
    "turn it": ("rotate it", "screw it on"),
    "until it": ("so that it", "till it"),
    "2": ("two",),
}
"""Words that can stand for others in the training instructions; the first that fits is replaced."""

BEFORE = (
    "please {}",
    "now {}",
    "could you {}",
    "can you {}",
    "you should {}",
    "next, {}",
    "i want you to {}",
    "robot, {}",
)
AFTER = ("{}, please", "{} now", "{} for me", "{}, would you")
STATEMENTS = ("the ", "with ", "use the ", "it ")
"""How instructions begin that are no bare orders."""

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

_ONSETS = tuple("b bl d dr f fl g gr k kr l m n p pl r s sn t v z".split())
_MIDDLES = tuple("aba adi alo ani avu eko ela emi epu ibo ida iku oba odu ogi ola".split())
_ENDS = ("b", "ck", "ft", "g", "lk", "mp", "nk", "p", "rt", "sp", "t", "x", "zz")


@dataclass(frozen=True)
class Told:
    """An instruction with the texts of its plan's steps."""

    instruction: str
    plan: tuple[str, ...]


def replace_words(text: str, words: Mapping[str, str]) -> str:
    """The text with whole words, or runs of them, replaced; a plural stays one."""
    if not words:
        return text
    pattern = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(rf"\b({pattern})(s?)\b", lambda match: words[match[1]] + match[2], text)


def paraphrase(rng: np.random.Generator, instruction: str) -> str:
    """The same order in slightly other words."""
    fitting = [words for words in SYNONYMS if re.search(rf"\b{words}\b", instruction)]
    if fitting and rng.random() < 0.6:
        words = fitting[rng.integers(len(fitting))]
        instruction = re.sub(rf"\b{words}\b", str(rng.choice(SYNONYMS[words])), instruction, count=1)
    kind = rng.random()
    if kind < 0.15:
        return instruction.replace("the ", "")
    if kind < 0.5 and not instruction.startswith(STATEMENTS):
        return str(rng.choice(BEFORE)).format(instruction)
    return str(rng.choice(AFTER)).format(instruction) if kind > 0.85 else instruction


def told_apart(name: str, texts: Iterable[str], colours: Iterable[str]) -> bool:
    """Whether nothing said in the texts could mean a thing of that name.

    That holds where the texts never say its noun, or only with a colour before it that is not the thing's.
    """
    first, noun = name.split()[0], name.split()[-1].removesuffix("s")
    others = set(colours) - {first}
    said = [before for text in texts for before in re.findall(rf"(?:(\S+) )?\b{noun}s?\b", text)]
    return not said or first in colours and all(before in others for before in said)


class Composer:
    """Makes new instructions of the training ones.

    Args:
        told: training instructions with their plans.
        colours: names of colours that they may have.
        rare: names of other colours, which stand for those.
    """

    def __init__(self, told: Sequence[Told], colours: Iterable[str], rare: Iterable[str]) -> None:
        self._told, self._colours, self._rare = told, frozenset(colours), tuple(rare)

    def __call__(self, rng: np.random.Generator) -> Told:
        """One or two instructions or a list of things, each mostly with words replaced."""
        first, second = (self._told[n] for n in rng.integers(len(self._told), size=2))
        kind = rng.random()
        if kind < 0.3:
            return self.renamed(rng, self.listed(rng, first) or first)
        if kind < 0.7:
            first, second = (self.renamed(rng, told) if rng.random() < 0.6 else told for told in (first, second))
            return joined(rng, first, second) or first
        return self.renamed(rng, first)

    def renamed(self, rng: np.random.Generator, told: Told) -> Told:
        """Some of its colours, sides and nouns replaced throughout by words that mean nothing, or by rare colours."""
        words = {}
        for phrase in plan_phrases(told.plan):
            modifier, noun = self._split(phrase)
            if modifier and _says(told.instruction, modifier) and rng.random() < 0.7:
                words[modifier] = self._modifier(rng, modifier)
            if noun and self._free(told, phrase) and rng.random() < 0.5:
                words[noun] = pseudo_word(rng)
        return Told(replace_words(told.instruction, words), tuple(replace_words(step, words) for step in told.plan))

    def listed(self, rng: np.random.Generator, told: Told) -> Told | None:
        """The same done to two, three or four things; None where that makes no sense."""
        phrase = plan_phrases(told.plan)[0]
        count = int(rng.integers(2, min(4, MAX_STEPS // len(told.plan)) + 1)) if 2 * len(told.plan) <= MAX_STEPS else 0
        said = told.instruction.split(f"the {phrase}")
        ends = parse_step(told.plan[-1]).action in LISTED_ENDS
        if not count or len(said) != 2 or not ends or not self._free(told, phrase) or _words(told) & PRONOUNS:
            return None
        modifier, noun = self._split(phrase)
        alike = bool(modifier) and rng.random() < 0.7
        found = {phrase: None}
        while len(found) < count:
            found[f"{self._modifier(rng, modifier)} {noun}" if alike else self._anything(rng)] = None
        phrases = [str(one) for one in rng.permutation(list(found))]
        spoken = [*phrases]
        if alike and rng.random() < 0.4:
            spoken[1:] = [one.removesuffix(noun) + "one" for one in phrases[1:]]
        listed = "the " + ", the ".join(spoken[:-1]) + str(rng.choice(LISTS)) + spoken[-1]
        plan = tuple(replace_words(step, {phrase: one}) for one in phrases for step in told.plan)
        return Told(listed.join(said), plan)

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
        if kind < 0.5 and self._rare and old in self._colours:
            return str(rng.choice(self._rare))
        return f"{pseudo_word(rng)} {pseudo_word(rng)}" if kind > 0.9 else pseudo_word(rng)

    def _anything(self, rng: np.random.Generator) -> str:
        colour = rng.random() < 0.5 and self._rare
        return f"{rng.choice(self._rare)} {pseudo_word(rng)}" if colour else pseudo_word(rng)


def joined(rng: np.random.Generator, first: Told, second: Told) -> Told | None:
    """Both, one after the other; None if that is too much."""
    plan = (*first.plan, *second.plan)
    if len(plan) > MAX_STEPS or first.plan == second.plan:
        return None
    return Told(str(rng.choice(PAIRS)).format(a=first.instruction, b=second.instruction), plan)


def pseudo_word(rng: np.random.Generator) -> str:
    """A word that means nothing."""
    return "".join(str(rng.choice(part)) for part in (_ONSETS, _MIDDLES, _ENDS))


def _says(instruction: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}s?\b", instruction) is not None


def _words(told: Told) -> set[str]:
    return set(re.findall(r"[a-z]+", told.instruction))
