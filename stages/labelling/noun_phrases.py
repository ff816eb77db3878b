"""Noun phrases of English orders, and what each is to the order: acted on, a place to go to, a tool.

The rules know English function words and no nouns: a noun phrase is what stands between an article, a possessive or a
number and the next function word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["object", "subject", "target", "source", "tool"]

NUMBERS = frozenset("one two three four five six seven eight nine ten both all several some many".split())
ARTICLES = frozenset("the a an this that these those its their each every another any".split())

TARGETS = frozenset("to onto on in into inside at over above under underneath beneath below against toward".split())
TARGETS |= frozenset("towards beside near behind between until across upon within".split())
SOURCES = frozenset("from off out".split())
TOOLS = frozenset("with using use by".split())
PREPOSITIONS = TARGETS | SOURCES | TOOLS | {"of", "through", "along", "around", "for", "without"}

JOINTS = frozenset("and or then but so while when where until after before is are was has have be it them they".split())
"""Words that no noun phrase has beside prepositions and articles."""

RESULTS = frozenset("open opened shut closed up down away back apart together tight again fully completely".split())
"""Words that end a noun phrase unless they begin it, as in "the drawer open"."""

REGIONS = frozenset("top bottom side front back middle centre center edge inside end left right rest".split())
"""Of "the top of the safe" the safe is meant."""

POSSESSIVES = frozenset(("its", "their"))
_WORD = re.compile(r"\w+(?:[-']\w+)*|[.,;:!?]")


@dataclass(frozen=True)
class NounPhrase:
    """A noun phrase in an order.

    Attributes:
        words: without article, singular where a number stood before it.
        role: what it is to the order.
    """

    words: str
    role: Role


def noun_phrases(text: str) -> list[NounPhrase]:
    """The noun phrases of an order in lower case, in its order; of an order without articles those between its
    function words."""
    words = _WORD.findall(text.replace("'s ", " "))
    found = _resolved(_runs(words))
    return found or _resolved(_bare_runs(words))


def singular(words: str) -> str:
    """The phrase with its last noun in the singular, if that is regular."""
    for ending, other in (("ies", "y"), ("ves", "f"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if words.endswith(ending):
            return words.removesuffix(ending) + other
    return words if words.endswith(("ss", "us")) or not words.endswith("s") else words[:-1]


@dataclass(frozen=True)
class _Run:
    """Words between an article and the next function word.

    Attributes:
        article: the word before, or "".
        words: at least one, but for "one" in "the white one".
        before: the last preposition before it, if nothing but region words stands between; "" after a verb or joint.
        of: whether it follows another run with "of" between.
        begins: whether the clause begins with it.
    """

    article: str
    words: tuple[str, ...]
    before: str
    of: bool
    begins: bool


def _runs(words: Sequence[str]) -> Iterator[_Run]:
    k, last = 0, -1
    while k < len(words):
        bare = k > 1 and words[k - 1] == "of" and last == k - 1
        if words[k] not in ARTICLES and not _is_number(words[k]) and not bare:
            k += 1
            continue
        start = k
        while k < len(words) and (words[k] in ARTICLES or _is_number(words[k])):
            k += 1
        end = _end_of_run(words, k)
        if end > k or words[k : k + 1] == ["of"]:
            yield _run(words, start, k, end, last)
            last = max(end, k)
        k = max(end, k)


def _end_of_run(words: Sequence[str], start: int) -> int:
    end = start
    while end < len(words) and not _ends(words[end], first=end == start):
        end += 1
    return end


def _run(words: Sequence[str], start: int, first: int, end: int, last: int) -> _Run:
    number = next((word for word in words[start:first] if _is_number(word)), "")
    of = start > 0 and words[start - 1] == "of" and last == start - 1
    back = start - 1
    while back >= 0 and (words[back] == "of" or words[back] in REGIONS):
        back -= 1
    before = words[back] if back >= 0 and words[back] in PREPOSITIONS else ""
    begins = start == 0 or words[start - 1] in ",.;:"
    article = number or (words[start] if first > start else "")
    return _Run(article, tuple(words[first:end]), before, of, begins)


def _bare_runs(words: Sequence[str]) -> Iterator[_Run]:
    """Of "sweep dirt to dustpan": what stands between the verb, the prepositions and the end."""
    k, before = 1, ""
    while k < len(words):
        end = _end_of_run(words, k)
        if end > k:
            yield _Run("", tuple(words[k:end]), before, False, False)
        before = words[end] if end < len(words) and words[end] in PREPOSITIONS else ""
        k = end + 1


def _ends(word: str, first: bool) -> bool:
    function = word in PREPOSITIONS or word in JOINTS or word in ARTICLES or not word[0].isalnum()
    return function or word in RESULTS and not first


def _is_number(word: str) -> bool:
    return word in NUMBERS or word.isdigit()


def _resolved(runs: Iterator[_Run]) -> list[NounPhrase]:
    """Runs as noun phrases: "the lid of the jar" is one, "its lid" and "the white one" are named after what was said
    before, and of "2 of the blocks" and "the top of the safe" the blocks and the safe are meant."""
    found: list[NounPhrase] = []
    counted = False
    for run in runs:
        words = list(run.words)
        if run.of and found:
            before = found.pop()
            owned = before.words and before.words not in REGIONS and run.article in ARTICLES and not counted
            words = [*words, before.words] if owned else words
            found.append(NounPhrase(_number(" ".join(words), counted or _is_number(run.article)), before.role))
            counted = False
            continue
        if words[-1:] == ["one"] and found:
            words = [*words[:-1], *_noun(found)]
        if run.article in POSSESSIVES and found:
            words = [found[-1].words, *words]
        counted = _is_number(run.article)
        phrase = _number(" ".join(words), counted)
        if phrase not in ("other", ""):
            found.append(NounPhrase(phrase, _role(run)))
        elif counted:
            found.append(NounPhrase("", _role(run)))
    return [phrase for phrase in found if phrase.words]


def _number(words: str, counted: bool) -> str:
    return singular(words) if counted else words


def _noun(phrases: Sequence[NounPhrase]) -> list[str]:
    """What "one" stands for after some phrases: the last of them, without what tells it from others of its noun."""
    parts = phrases[-1].words.split()
    others = [phrase.words.split() for phrase in phrases[:-1]]
    return parts[-1:] if any(other[-1] == parts[-1] and other != parts for other in others) else parts[-2:]


def _role(run: _Run) -> Role:
    for role, words in (("target", TARGETS), ("source", SOURCES), ("tool", TOOLS)):
        if run.before in words:
            return role
    return "subject" if run.begins else "object"
