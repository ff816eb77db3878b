"""Constrained decoding of answers, so that a malformed one cannot be written.

The grammar's graph is walked token by token, with every reading of what was written so far kept, so that no half word
can be written. A noun phrase consists of known words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from stages.planner.graphs import END, HELD, MAX_STEPS, PHRASE, Graph, Slot, plan_graph

MAX_PHRASE_WORDS = 5

_BEFORE = "the"

Words = tuple[str, ...]


class State(NamedTuple):
    """Where a reading stands.

    Attributes:
        node: of the graph.
        phrase: words so far of the noun phrase that leads on from it.
        hand: what is in the hand; empty if nothing is, or if that is not tracked.
        line, before: texts of this line of a plan so far, and of the whole line before it.
    """

    node: int = 0
    phrase: Words = ()
    hand: Words = ()
    line: Words = ()
    before: Words = ()


Reading = tuple[tuple[int, ...], State]
"""Tokens still to be written, at least one, and the state after them."""


@lru_cache(maxsize=8192)
def following_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[int, ...]:
    """Token ids of a text that follows a word; a tokenizer may write it otherwise where it begins an answer."""
    before = len(tokenizer(_BEFORE, add_special_tokens=False)["input_ids"])
    return tuple(tokenizer(_BEFORE + text, add_special_tokens=False)["input_ids"][before:])


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
        self._readings = set(self._readings_from(State()))

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

    def _readings_from(self, state: State) -> Iterator[Reading]:
        for text, after in self._graph.edges[state.node]:
            if text == PHRASE:
                yield from self._phrase_from(state, after)
            elif not state.phrase and self._possible(state, text, after):
                yield self._tokens(text, state.node), self._after_text(state, text, after)

    def _possible(self, state: State, text: str, after: int) -> bool:
        """Whether something is in the hand where that is needed, and not just now the same was done with it."""
        again = state.before == (text, " the", HELD, *state.hand)
        return after not in self._graph.busy or bool(state.hand) and not again

    def _after_text(self, state: State, text: str, after: int) -> State:
        if after in self._graph.lines:
            return state._replace(node=after, line=(), before=state.line)
        return state._replace(node=after, line=(*state.line, text))

    def _phrase_from(self, state: State, after: int) -> Iterator[Reading]:
        """The noun phrase goes on with a word, and may end with it."""
        if self._graph.slots.get(state.node) is Slot.HELD:
            tokens = tuple(token for word in state.hand for token in self._tokens(f" {word}", state.node))
            yield tokens, self._after_phrase(state, state.hand, after)
            return
        for word in self._vocabulary:
            tokens, longer = self._tokens(f" {word}", state.node), (*state.phrase, word)
            if self._new(state, longer):
                yield tokens, self._after_phrase(state, longer, after)
            if len(longer) < MAX_PHRASE_WORDS:
                yield tokens, state._replace(phrase=longer)

    def _new(self, state: State, phrase: Words) -> bool:
        """Whether a thing is not the one in the hand, where it has to be another, and the line not the one before."""
        other = self._graph.slots.get(state.node) in (None, Slot.PUSHED) or phrase != state.hand
        return other and (*state.line, *phrase) != state.before

    def _after_phrase(self, state: State, phrase: Words, after: int) -> State:
        slot = self._graph.slots.get(state.node)
        hand = phrase if slot is Slot.TAKEN else () if slot in (Slot.LEFT, Slot.PUSHED) else state.hand
        return State(after, hand=hand, line=(*state.line, *phrase), before=state.before)

    def _tokens(self, text: str, node: int) -> tuple[int, ...]:
        """A text's tokens: where an answer begins they can be others than within it."""
        if text == END:
            return (self._end,)
        if node == 0:
            return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return following_tokens(self._tokenizer, text)


class PlanGrammar(Grammar):
    """The grammar of plans in numbered steps.

    Args:
        tokenizer: of the model that writes.
        vocabulary: words that noun phrases consist of.
        end: id of the token that ends an answer.
        max_steps: lines that a plan has at most.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, vocabulary: Iterable[str], end: int, max_steps: int = MAX_STEPS
    ) -> None:
        super().__init__(tokenizer, plan_graph(max_steps), end, vocabulary)
