"""Things that an instruction names, and the lists of them: wanted treated alike, in that order, none left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stages.planner.noun_phrases import MAX_PHRASE_WORDS, PARTS, STRUCTURE, Words, singular, words_and_marks
from stages.wordings import FOLLOWING

_JOINING = frozenset("and then finally lastly next also afterwards as well followed by plus , ;".split())
"""Words between the things of a list."""

ENDING = STRUCTURE | _JOINING | frozenset(
    "a an are at away back before belong belongs come comes down each first for from go goes had has have in"
    " is on inside it must needs now of off one should so them there"
    " these this those together until up which while with".split()
)  # fmt: skip
"""Words that no name begins or goes on with."""

BEYOND = ENDING | FOLLOWING - frozenset(PARTS) - {"right", "round", "stand"}
"""Words that no name goes on with: those too that follow a thing in general wordings, unless they can be part of it."""

_PLACES = frozenset("back bottom end front left middle order right side top".split())
"""Words that name no thing by themselves."""

_OTHER_ORDER = re.compile(r"\b(before|from top|from the top|reverse|topmost)\b")
"""Where an instruction has this, what is named first may come last."""

List = tuple[Words, ...]


def enumerations(instruction: str) -> tuple[List, ...]:
    """The lists of an instruction, of two or more things: "the a, the b and the c", or several of the same noun."""
    if _OTHER_ORDER.search(instruction.lower()):
        return ()
    words = words_and_marks(instruction)
    lists: list[list[tuple[Words, int]]] = []
    for start, name in _names(words):
        before = next((known for known in lists if _goes_on(known[-1], (name, start), words)), None)
        if before is None:
            lists.append([(name, start + len(name))])
        else:
            before.append((name, start + len(name)))
    return tuple(found for known in lists if len(found := tuple(dict.fromkeys(name for name, _ in known))) > 1)


def named_nouns(instruction: str) -> frozenset[str]:
    """Nouns, in the singular, of what an instruction calls "the ..."."""
    return frozenset(singular(name[-1]) for name in names(instruction)) - _PLACES


def names(instruction: str) -> frozenset[Words]:
    """What an instruction calls "the ...", word for word."""
    return frozenset(name for _, name in _names(words_and_marks(instruction)))


def beginnings(instruction: str) -> frozenset[Words]:
    """Beginnings, the last word also in the singular, of what an instruction calls "the ...", if said nowhere else.

    The "light" of "the light bulb" is no thing; the "shoe" of "the shoe box" is one where shoes are spoken of.
    """
    words = words_and_marks(instruction)
    found = list(_names(words))
    within = {start + place for start, name in found for place in range(len(name))}
    elsewhere = " ".join(["", *(singular(word) for n, word in enumerate(words) if n not in within), ""])
    begun = {name[:length] for _, name in found for length in range(1, len(name))}
    begun |= {(*phrase[:-1], singular(phrase[-1])) for phrase in begun}
    nouns = {singular(name[-1]) for _, name in found}
    return frozenset(
        phrase
        for phrase in begun
        if singular(phrase[-1]) not in nouns and f" {' '.join(map(singular, phrase))} " not in elsewhere
    )


def wholes(instruction: str) -> frozenset[Words]:
    """What is named only for a part of it, as the box is in "the lid of the box", and is no part itself."""
    words = words_and_marks(instruction)
    found = dict(_names(words))
    ends = {start + len(name) for start, name in found.items() if name[-1] in PARTS}
    told = (name for start, name in found.items() if start - 2 in ends and words[start - 2] == "of")
    return frozenset(name for name in told if name[-1] not in PARTS)


def several(instruction: str) -> frozenset[str]:
    """Nouns, in the singular, that an instruction says in the plural."""
    words = re.findall(r"[a-z]+", instruction.lower())
    return frozenset(singular(word) for word in words if singular(word) != word)


def means(item: Words, phrase: Words) -> bool:
    """Whether a noun phrase of a plan can be a thing of a list: one may be longer, by a part or by what tells more."""
    shorter = min(len(item), len(phrase))
    return item[:shorter] == phrase[:shorter] or phrase[-len(item) :] == item


def _names(words: Sequence[str]) -> Iterator[tuple[int, Words]]:
    """Where each name begins that follows "the", and its words; "one after the other" names nothing."""
    for start in (index + 1 for index, word in enumerate(words) if word == "the"):
        stop = start
        while stop < len(words) and stop - start < MAX_PHRASE_WORDS and re.match(r"\w", words[stop]):
            if words[stop] in (BEYOND if stop > start else ENDING):
                break
            stop += 1
        if stop > start and words[start:stop] != ["other"]:
            yield start, tuple(words[start:stop])


def _goes_on(last: tuple[Words, int], name: tuple[Words, int], words: Sequence[str]) -> bool:
    """Whether a name, which begins somewhere, continues a list whose last one ended somewhere."""
    between = words[last[1] : name[1] - 1]
    return last[0][-1] == name[0][-1] or bool(between) and set(between) <= _JOINING
