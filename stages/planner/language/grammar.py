"""Constrained decoding of plans: every line is a step, and noun phrases are copied from what is known.

Only what was grasped can be lifted, moved, turned, pulled or released, as those lines say "it".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from stages.planner.language.plan_text import IT, LINES, RELEASE_AT

MAX_LINES, MAX_PHRASE_WORDS = 25, 5

STRUCTURE = frozenset(("the", "grasped", "it", "to", "at"))
"""Words of the step language, which no noun phrase has."""

_SLOT = re.compile(r" \{\w+\}")
PIECES = {tuple(_SLOT.split(text)): action for action, text in (*LINES.items(), ("release", RELEASE_AT))}
"""The texts around the noun phrases of every line, and its action."""


class PlanState(NamedTuple):
    """A position in a plan.

    Attributes:
        line: pieces of the line that is being written; empty between lines.
        piece: how many of them are written.
        holding: whether something is grasped.
        lines: that are complete.
    """

    line: tuple[str, ...] = ()
    piece: int = 0
    holding: bool = False
    lines: int = 0


class PlanGrammar:
    """The tokens that may come next in a plan; `advance` returns the grammar after one of them.

    Args:
        tokenizer: of the model that writes.
        phrases: that can stand for things.
        end: id of the token that ends an answer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, phrases: Iterable[str], end: int) -> None:
        self._tokenizer, self._end = tokenizer, end
        self._phrases = [tokens_after_word(tokenizer, f" {phrase}") for phrase in sorted(set(phrases))]
        self._readings = list(self._continuations(PlanState()))

    @property
    def finished(self) -> bool:
        """Whether the end was written."""
        return not self._readings

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next, in ascending order."""
        return sorted({tokens[0] for tokens, _ in self._readings})

    def advance(self, token: int) -> PlanGrammar:
        """The grammar after a token that is allowed."""
        after = object.__new__(PlanGrammar)
        after._tokenizer, after._end, after._phrases = self._tokenizer, self._end, self._phrases
        rests = ((tokens[1:], state) for tokens, state in self._readings if tokens[0] == token)
        after._readings = [
            reading
            for tokens, state in rests
            for reading in ([(tokens, state)] if tokens or state is None else self._continuations(state))
            if reading[0]
        ]
        return after

    def _continuations(self, state: PlanState) -> Iterator[tuple[tuple[int, ...], PlanState | None]]:
        """Tokens that may follow and the state after them; None after the end."""
        if not state.line:
            yield from self._lines(state)
            return
        for after, text in self._after_phrase(state):
            yield from ((tokens + text, after) for tokens in self._phrases)

    def _lines(self, state: PlanState) -> Iterator[tuple[tuple[int, ...], PlanState]]:
        for pieces in PIECES:
            if state.holding or IT not in pieces[0]:
                tokens, begun = self._line_start(pieces[0], state.lines > 0), state._replace(line=pieces, piece=1)
                if len(pieces) > 1:
                    yield tokens, begun
                else:
                    yield from ((tokens + end, after) for end, after in self._ends(begun))

    def _after_phrase(self, state: PlanState) -> Iterator[tuple[PlanState | None, tuple[int, ...]]]:
        """States after a noun phrase and the tokens that lead there."""
        text = state.line[state.piece]
        if text:
            yield state._replace(piece=state.piece + 1), tokens_after_word(self._tokenizer, text)
        else:
            yield from ((after, tokens) for tokens, after in self._ends(state))

    def _ends(self, state: PlanState) -> Iterator[tuple[tuple[int, ...], PlanState | None]]:
        """Ends of a complete line: the next one, or the plan's end."""
        action = PIECES[state.line]
        holding = action == "grasp" or state.holding and action != "release"
        if state.lines + 1 < MAX_LINES:
            yield tokens_after_word(self._tokenizer, "\n"), PlanState(holding=holding, lines=state.lines + 1)
        yield (self._end,), None

    def _line_start(self, text: str, after_newline: bool) -> tuple[int, ...]:
        """Tokens of a line's first words, which may be others where the answer begins."""
        if not after_newline:
            return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return tokens_after_word(self._tokenizer, f"\n{text}")[len(tokens_after_word(self._tokenizer, "\n")) :]


@lru_cache(maxsize=16384)
def tokens_after_word(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[int, ...]:
    """Token ids of a text that follows a word."""
    before = len(tokenizer("the", add_special_tokens=False)["input_ids"])
    return tuple(tokenizer("the" + text, add_special_tokens=False)["input_ids"][before:])


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Words, in lower case, of texts that noun phrases can have."""
    return frozenset(word for text in texts for word in _words(text)) - STRUCTURE


def phrases_of(instruction: str) -> frozenset[str]:
    """Runs of words of an instruction, in lower case, that can be noun phrases."""
    words = _words(instruction)
    runs = (words[k : k + count] for count in range(1, MAX_PHRASE_WORDS + 1) for k in range(len(words) - count + 1))
    return frozenset(" ".join(run) for run in runs if not STRUCTURE & set(run))


def copied_phrases(instruction: str, names: Iterable[str], otherwise: frozenset[str]) -> frozenset[str]:
    """Noun phrases that a plan can have: the instruction's, and the names in view, or others if none are known."""
    return phrases_of(instruction) | (frozenset(names) or otherwise)


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.lower())
