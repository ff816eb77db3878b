"""Which noun phrases a plan may use, told from the instruction: what it names, in its words or those of training.

Training plans teach what the things of an instruction are called: "green target" is the green square, "the block" the
red block, "the box" has a box lid. What the instruction names is so never called by another thing's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from stages.planner.enumerations import BEYOND, named_nouns, names
from stages.planner.noun_phrases import GRIPS, MAX_PHRASE_WORDS, PARTS, STRUCTURE, Words, singular, words_and_marks
from stages.planner.prompts import plan_phrases


@dataclass(frozen=True)
class Phrasebook:
    """What training plans call the things of their instructions.

    Attributes:
        phrases: noun phrases of plans.
        free: those said where the instruction has none of their words.
        synonyms: (last word of something named, word of the plan in its place).
        expansions: (words of the instruction, longer phrase of the plan for them).
        unsaid: nouns of what instructions name that their plans have no word of.
    """

    phrases: frozenset[Words] = frozenset()
    free: frozenset[Words] = frozenset()
    synonyms: frozenset[Words] = frozenset()
    expansions: frozenset[tuple[Words, Words]] = field(default=frozenset())
    unsaid: frozenset[str] = frozenset(PARTS)

    @classmethod
    def learn(cls, pairs: Iterable[tuple[str, Sequence[str]]]) -> Phrasebook:
        """The phrasebook of instructions and their plans."""
        phrases, free, synonyms, expansions, unsaid = set(), set(), set(), set(), set(PARTS)
        for instruction, plan in pairs:
            named, words = _spans(instruction), _vocabulary(instruction)
            unsaid |= named_nouns(instruction) - {word for phrase in plan_phrases(plan) for word in phrase.split()}
            for phrase in (tuple(text.split()) for text in plan_phrases(plan)):
                phrases.add(phrase)
                if set(phrase) <= words:
                    continue
                span = max(named, key=lambda span: _likeness(span, phrase), default=())
                if not _common(span, phrase):
                    free.add(phrase)
                elif len(span) == len(phrase) and span[:-1] == phrase[:-1]:
                    synonyms.add((span[-1], phrase[-1]))
                elif (*span, phrase[-1]) != phrase or phrase[-1] not in PARTS:
                    expansions.add((span, phrase))
        return cls(*map(frozenset, (phrases, free, synonyms, expansions, unsaid)))

    def likely(self, instruction: str) -> frozenset[Words]:
        """Phrases that the plan of an instruction has in all likelihood."""
        spans, words = _spans(instruction), tuple(map(singular, _words(instruction)))
        renamed = {(*span[:-1], new) for span in spans for old, new in self.synonyms if span[-1] == old}
        named = spans | renamed
        parts = {(*span, part) for span in named for part in _parts_of(span)}
        longer = {phrase for span, phrase in self.expansions if span in spans}
        apart = longer | self._recombined(_vocabulary(instruction))
        safe = {phrase for phrase in apart if not self._torn(phrase, words)}
        found = named | parts | _wholes(spans, names(instruction)) | self.free | safe
        return frozenset(phrase for phrase in found if len(phrase) <= MAX_PHRASE_WORDS)

    def _recombined(self, words: frozenset[str]) -> set[Words]:
        """Training phrases, or such with one word exchanged, all of whose words the instruction has, in any order."""
        found = set()
        for phrase in self.phrases:
            missing = [place for place, word in enumerate(phrase) if word not in words]
            if not missing:
                found.add(phrase)
            if len(phrase) > 1 and len(missing) <= 1:
                for place in missing or range(len(phrase)):
                    found |= {(*phrase[:place], word, *phrase[place + 1 :]) for word in words - set(phrase)}
        return found

    def _torn(self, phrase: Words, words: Words) -> bool:
        """Whether a phrase takes a word away from another thing's name, as "gray block" does of "the gray cup"."""
        heads = {known[-1] for known in self.phrases}
        for word in phrase[:-1]:
            after = [words[place + 1] for place in range(len(words) - 1) if words[place] == word]
            if after and all(head in heads and head not in phrase for head in after):
                return True
        return False

    def as_dict(self) -> dict[str, list]:
        """Plain lists, for JSON."""
        return {name: sorted(values) for name, values in vars(self).items()}

    @classmethod
    def from_dict(cls, content: dict[str, list]) -> Phrasebook:
        """What `as_dict` gave, also after JSON."""
        flat = {name: frozenset(map(tuple, content[name])) for name in ("phrases", "free", "synonyms")}
        expansions = frozenset((tuple(span), tuple(phrase)) for span, phrase in content["expansions"])
        return cls(**flat, expansions=expansions, unsaid=frozenset(content.get("unsaid", PARTS)))


def phrase_words(texts: Iterable[str]) -> frozenset[str]:
    """Words of texts that can stand in a noun phrase."""
    return frozenset(word for text in texts for word in _words(text)) - STRUCTURE


def _wholes(spans: Iterable[Words], things: Iterable[Words]) -> set[Words]:
    """Things, and grips of theirs, told apart by what is said of their parts: "the left knob of the van"."""
    told = ((span[:-1], thing) for span in spans for thing in things if len(span) > 1 and span[-1] in PARTS)
    wholes = {(*modifiers, *thing) for modifiers, thing in told if not set(modifiers) & set(thing)}
    return wholes | {(*whole, part) for whole in wholes for part in _parts_of(whole)}


def _parts_of(span: Words) -> Sequence[str]:
    return [part for part in (GRIPS if span[-1] in PARTS else PARTS) if part not in span]


def _words(instruction: str) -> list[str]:
    return re.findall(r"[\w'-]+", instruction.lower())


def _vocabulary(instruction: str) -> frozenset[str]:
    """Words of an instruction as they are and in the singular."""
    words = phrase_words([instruction])
    return words | {singular(word) for word in words}


def _spans(instruction: str) -> set[Words]:
    """Runs of words that a noun phrase can have, as they are and with the last in the singular."""
    words = words_and_marks(instruction)
    spans: set[Words] = set()
    for run in _runs(words):
        for start in range(len(run)):
            for stop in range(start + 1, min(start + MAX_PHRASE_WORDS, len(run)) + 1):
                spans |= {tuple(run[start:stop]), (*run[start : stop - 1], singular(run[stop - 1]))}
    return spans


def _runs(words: Sequence[str]) -> Iterator[list[str]]:
    """Maximal runs without words of the step language, such as no name goes on with, or punctuation."""
    run: list[str] = []
    for word in words:
        if word in BEYOND or not re.match(r"\w", word):
            yield run
            run = []
        else:
            run.append(word)
    yield run


def _common(span: Words, phrase: Words) -> int:
    """Words that two phrases share at their beginnings and ends."""
    shorter = min(len(span), len(phrase))
    front = next((k for k in range(shorter) if span[k] != phrase[k]), shorter)
    back = next((k for k in range(shorter - front) if span[-1 - k] != phrase[-1 - k]), shorter - front)
    return front + back


def _likeness(span: Words, phrase: Words) -> tuple[int, bool, int, Words]:
    """Orders spans by how well they can be what the instruction calls a phrase."""
    return _common(span, phrase), len(span) == len(phrase) and span[:-1] == phrase[:-1], -len(span), span
