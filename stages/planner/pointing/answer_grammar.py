"""Constrained decoding of answers, so that a malformed one cannot be written.

The grammar's graph is walked token by token, with every reading of what was written so far kept, so that no half word
can be written. A noun phrase consists of known words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from stages.planner.language.grammar import tokens_after_word
from stages.planner.pointing.answer_graphs import END, PHRASE, Graph

MAX_PHRASE_WORDS = 5


class AnswerState(NamedTuple):
    """Where a reading stands.

    Attributes:
        node: of the graph.
        words: of the noun phrase that leads on from it, so far.
    """

    node: int = 0
    words: int = 0


Reading = tuple[tuple[int, ...], AnswerState]
"""Tokens still to be written, at least one, and the state after them."""


class Grammar:
    """Follows one answer as it is written and tells which tokens may come next.

    Args:
        tokenizer: of the model that writes.
        graph: of what may be written.
        end: id of the token that ends an answer.
        vocabulary: words that noun phrases consist of.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, graph: Graph, end: int, vocabulary: Iterable[str] = ()
    ) -> None:
        self._tokenizer, self._graph, self._end = tokenizer, graph, end
        self._vocabulary = sorted(vocabulary)
        self._readings = set(self._readings_from(AnswerState()))

    @property
    def finished(self) -> bool:
        """Whether the answer is whole and nothing can follow."""
        return not self._readings

    @property
    def counting(self) -> bool:
        """Whether a coordinate is being written."""
        return any(state.node in self._graph.numbers for _, state in self._readings)

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next, in ascending order."""
        return sorted({tokens[0] for tokens, _ in self._readings})

    def advance(self, token: int) -> None:
        """Take notice of a token that was written."""
        readings: set[Reading] = set()
        for tokens, state in self._readings:
            if tokens[0] == token:
                readings |= {(tokens[1:], state)} if tokens[1:] else set(self._readings_from(state))
        self._readings = readings

    def forced(self) -> list[int]:
        """Write whatever can only be written in one way, up to the next choice or the end."""
        written = []
        while len(allowed := self.allowed()) == 1:
            written += allowed
            self.advance(allowed[0])
        return written

    def _readings_from(self, state: AnswerState) -> Iterator[Reading]:
        for text, after in self._graph.edges[state.node]:
            if text == PHRASE:
                yield from self._phrase_from(state, after)
            elif not state.words:
                yield self._tokens(text, state.node), AnswerState(after)

    def _phrase_from(self, state: AnswerState, after: int) -> Iterator[Reading]:
        """The noun phrase goes on with a word, and may end with it."""
        for word in self._vocabulary:
            tokens = self._tokens(f" {word}", state.node)
            yield tokens, AnswerState(after)
            if state.words + 1 < MAX_PHRASE_WORDS:
                yield tokens, AnswerState(state.node, state.words + 1)

    def _tokens(self, text: str, node: int) -> tuple[int, ...]:
        """A text's tokens: where an answer begins they can be others than within it."""
        if text == END:
            return (self._end,)
        if node == 0:
            return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return tokens_after_word(self._tokenizer, text)
