"""Decoding a plan under the grammar of the step language, so that a malformed plan cannot be said.

A plan is numbered lines; a line is one of the step patterns; a noun phrase is made of words of the instruction or of
words that training plans use. Words are walked token by token, so no half word can be said either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from transformers import PreTrainedTokenizerBase

from stages.steps import PATTERNS, PREPOSITIONS

MAX_STEPS = 25
MAX_PHRASE_WORDS = 5
_PHRASE = "*"
"""Stands for the words of a noun phrase in a pattern."""

State = tuple[int, int, int]
"""A pattern, the place of the next word in it, and how many words its noun phrase has so far."""


def _patterns() -> list[tuple[str, ...]]:
    """Every step pattern as words, prepositions spelt out."""
    spelt = [
        pattern.format(object=_PHRASE, preposition=preposition, target=_PHRASE)
        for pattern in PATTERNS.values()
        for preposition in (PREPOSITIONS if "{preposition}" in pattern else ("",))
    ]
    return [tuple(text.split()) for text in spelt]


STEP_PATTERNS = _patterns()
_STRUCTURE = {word for preposition in PREPOSITIONS for word in preposition.split()} | {"the", "grasped"}


def phrase_words(texts: Iterable[str]) -> frozenset[str]:
    """Words of texts that can stand in a noun phrase."""
    return frozenset(word for text in texts for word in re.findall(r"[\w'-]+", text.lower())) - _STRUCTURE


class PlanGrammar:
    """Follows one answer as it is said and tells which tokens may come next.

    Args:
        tokenizer: of the model that speaks.
        vocabulary: words that noun phrases may have.
        end: id of the token that ends an answer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: Iterable[str], end: int) -> None:
        self._vocabulary, self._end = sorted(vocabulary), end
        self._tokens = lru_cache(maxsize=None)(lambda text: tuple(tokenizer(text)["input_ids"]))
        self._lines = 0
        self._forced: list[int] = []
        self._partial: tuple[int, ...] = ()
        self._states: frozenset[State] = frozenset()
        self._begin_line("")

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next."""
        if self._forced:
            return self._forced[:1]
        tokens = {path[len(self._partial)] for _, path in self._candidates() if len(path) > len(self._partial)}
        for states in self._completed():
            tokens |= self._boundary(states)
        return sorted(tokens)

    def advance(self, token: int) -> None:
        """Take notice of a token that was said."""
        if self._forced:
            self._forced.pop(0)
            return
        longer = (*self._partial, token)
        if any(path[: len(longer)] == longer for _, path in self._candidates()):
            self._partial = longer
            return
        self._states = frozenset().union(*self._completed())
        self._partial = ()
        newline = self._tokens("\n")
        if token == newline[0] and self._accepting(self._states):
            self._begin_line("\n")
            self._forced = self._forced[1:]
        elif token != self._end:
            self._partial = (token,)

    def _begin_line(self, prefix: str) -> None:
        self._lines += 1
        self._forced = list(self._tokens(f"{prefix}{self._lines}."))
        self._states = frozenset((index, 0, 0) for index in range(len(STEP_PATTERNS)))
        self._partial = ()

    def _boundary(self, states: frozenset[State]) -> set[int]:
        """What may follow a whole word: another word, another line, or the end."""
        tokens = {self._tokens(f" {word}")[0] for word in self._next_words(states)}
        if self._accepting(states):
            tokens.add(self._end)
            if self._lines < MAX_STEPS:
                tokens.add(self._tokens("\n")[0])
        return tokens

    def _candidates(self) -> list[tuple[str, tuple[int, ...]]]:
        """Words that may stand here, with their tokens, as far as what was said of one agrees."""
        paths = ((word, self._tokens(f" {word}")) for word in self._next_words(self._states))
        return [(word, path) for word, path in paths if path[: len(self._partial)] == self._partial]

    def _completed(self) -> list[frozenset[State]]:
        """States after the words that are whole now."""
        if not self._partial:
            return []
        return [_after(self._states, word) for word, path in self._candidates() if path == self._partial]

    def _next_words(self, states: frozenset[State]) -> set[str]:
        words: set[str] = set()
        for index, place, _ in states:
            pattern = STEP_PATTERNS[index]
            if place < len(pattern):
                words |= set(self._vocabulary) if pattern[place] == _PHRASE else {pattern[place]}
        return words

    @staticmethod
    def _accepting(states: frozenset[State]) -> bool:
        return any(place == len(STEP_PATTERNS[index]) for index, place, _ in states)


def _after(states: frozenset[State], word: str) -> frozenset[State]:
    """States after one more word: a noun phrase may end with it, or go on while it is short."""
    found: set[State] = set()
    for index, place, words in states:
        pattern = STEP_PATTERNS[index]
        if place < len(pattern) and pattern[place] == _PHRASE and word not in _STRUCTURE:
            found.add((index, place + 1, 0))
            if words + 1 < MAX_PHRASE_WORDS:
                found.add((index, place, words + 1))
        elif place < len(pattern) and pattern[place] == word:
            found.add((index, place + 1, 0))
    return frozenset(found)
