"""What a task is about, by all that was said of it: the thing acted on, the place it goes to, the tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stages.labelling.noun_phrases import NounPhrase, noun_phrases

UNNAMED = "object"
"""What is acted on where no noun phrase says it."""

FEWEST = 1 / 3
"""Share of the paraphrases that have to say a place or a tool."""


@dataclass(frozen=True)
class Wording:
    """What the paraphrases of an instruction agree on.

    Attributes:
        object: noun phrase of the thing acted on.
        target: of the place that it goes to, or "".
        tool: of what is grasped to act on it, or "".
        lists: of every paraphrase, the things acted on in its order.
    """

    object: str
    target: str
    tool: str
    lists: tuple[tuple[str, ...], ...]

    def objects(self, count: int) -> tuple[str, ...]:
        """The things that are acted on in turn, if so many are: as listed where a paraphrase has as many."""
        listed = next((names for names in self.lists if len(names) == count > 1), ())
        return listed or (self.object,) * count


def read_wording(instructions: Sequence[str]) -> Wording:
    """What the instructions, paraphrases of one another, agree on."""
    texts = [_without_verbs(phrases, instructions) for phrases in map(noun_phrases, instructions)]
    objects = [_acted_on(phrases) for phrases in texts]
    tool = _most_said([_of(phrases, "tool") for phrases in texts], len(texts))
    thing = _most_said([[one for one in names if one != tool] for names in objects]) or tool or UNNAMED
    targets = [[one for one in _of(phrases, "target")[-1:] if one != thing] for phrases in texts]
    target = _most_said(targets, len(texts))
    if tool in (thing, target) or not tool:
        return Wording(thing, target, "", tuple(map(tuple, objects)))
    if thing == target or not any(thing in names for names in objects):
        return Wording(tool, target, "", tuple(map(tuple, objects)))
    return Wording(thing, target, tool, ())


def _acted_on(phrases: Sequence[NounPhrase]) -> list[str]:
    """Things acted on; the subject where no other is, as in "the door has to be closed"."""
    return _of(phrases, "object") or _of(phrases, "subject")


def _of(phrases: Sequence[NounPhrase], role: str) -> list[str]:
    return list(dict.fromkeys(phrase.words for phrase in phrases if phrase.role == role))


def _most_said(said: Sequence[Sequence[str]], texts: int = 0) -> str:
    """The phrase that most texts have, the longer one of two as common; "" where fewer than `FEWEST` of `texts` do."""
    counts = Counter(phrase for phrases in said for phrase in phrases)
    best = max(counts, key=lambda phrase: (counts[phrase], len(phrase.split())), default="")
    return best if best and counts[best] >= FEWEST * texts else ""


def _without_verbs(phrases: Sequence[NounPhrase], instructions: Sequence[str]) -> list[NounPhrase]:
    """Phrases without a verb at their end, as in "the lamp needs": a last word in -s that no other text says after the
    rest, although it says the rest."""
    return [NounPhrase(_shortened(phrase.words, instructions), phrase.role) for phrase in phrases]


def _shortened(words: str, instructions: Sequence[str]) -> str:
    rest, _, last = words.rpartition(" ")
    alone = sum(rest in text and words not in text for text in instructions)
    return rest if rest and last.endswith("s") and alone else words
