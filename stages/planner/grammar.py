"""Decoding under the grammar of an answer, so that a malformed one cannot be said.

The grammar's graph is walked token by token, with every reading of what was said so far kept, so that no half word can
be said. A noun phrase is one of the likely ones or, at a price, any mixture of the words that there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from transformers import PreTrainedTokenizerBase

from stages.planner.graphs import END, MAX_STEPS, PHRASE, Graph, plan_graph
from stages.planner.phrasebook import MAX_PHRASE_WORDS, Words

_BEFORE = "the"

State = tuple[int, Words, bool]
"""A node, the words said so far of the noun phrase that leads on from it, and whether they are a mixture."""

Reading = tuple[tuple[int, ...], State]
"""Tokens still to be said, at least one, and the state after them."""


@lru_cache(maxsize=8192)
def following_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[int, ...]:
    """Token ids of a text that follows a word; a tokenizer may write it otherwise where it begins an answer."""
    before = len(tokenizer(_BEFORE, add_special_tokens=False)["input_ids"])
    return tuple(tokenizer(_BEFORE + text, add_special_tokens=False)["input_ids"][before:])


class Grammar:
    """Follows one answer as it is said and tells which tokens may come next.

    Args:
        tokenizer: of the model that speaks.
        graph: of what may be said.
        end: id of the token that ends an answer.
        vocabulary: words that noun phrases may mix.
        likely: noun phrases that cost nothing.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        graph: Graph,
        end: int,
        vocabulary: Iterable[str] = (),
        likely: Iterable[Words] = (),
    ) -> None:
        self._tokenizer, self._graph, self._end = tokenizer, graph, end
        self._vocabulary, self._likely = sorted(vocabulary), frozenset(likely)
        self._longer: dict[Words, set[str]] = {}
        for phrase in self._likely:
            for length in range(len(phrase)):
                self._longer.setdefault(phrase[:length], set()).add(phrase[length])
        self._price = 0
        self._readings = dict(self._readings_from((0, (), False), 0))

    @property
    def finished(self) -> bool:
        """Whether the answer is whole and nothing can follow."""
        return not self._readings

    @property
    def counting(self) -> bool:
        """Whether a coordinate is being said."""
        return any(state[0] in self._graph.numbers for _, state in self._readings)

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next."""
        return sorted(self.prices())

    def prices(self) -> dict[int, int]:
        """The tokens that may come next with the number of mixtures among the noun phrases that each begins."""
        found: dict[int, int] = {}
        for (tokens, _), price in self._readings.items():
            found[tokens[0]] = min(price, found.get(tokens[0], price))
        return {token: price - self._price for token, price in found.items()}

    def advance(self, token: int) -> None:
        """Take notice of a token that was said."""
        readings: dict[Reading, int] = {}
        for (tokens, state), price in self._readings.items():
            if tokens[0] == token:
                rest = tokens[1:]
                after = [((rest, state), price)] if rest else self._readings_from(state, price)
                for reading, cost in after:
                    readings[reading] = min(cost, readings.get(reading, cost))
        self._readings = readings
        self._price = min(readings.values(), default=self._price)

    def forced(self) -> list[int]:
        """Say whatever can only be said in one way, up to the next choice or the end."""
        said = []
        while len(allowed := self.allowed()) == 1:
            said += allowed
            self.advance(allowed[0])
        return said

    def _readings_from(self, state: State, price: int) -> Iterator[tuple[Reading, int]]:
        node, said, mixed = state
        for text, after in self._graph.edges[node]:
            if text == PHRASE:
                yield from self._phrase_from(state, after, price)
            elif not said:
                yield (self._tokens(text, node), (after, (), False)), price

    def _phrase_from(self, state: State, after: int, price: int) -> Iterator[tuple[Reading, int]]:
        """The noun phrase goes on with a word, and may end with it."""
        node, said, mixed = state
        for word in () if mixed else sorted(self._longer.get(said, ())):
            tokens, longer = self._tokens(f" {word}", node), (*said, word)
            if longer in self._likely:
                yield (tokens, (after, (), False)), price
            if longer in self._longer:
                yield (tokens, (node, longer, False)), price
        for word in self._vocabulary:
            tokens = self._tokens(f" {word}", node)
            yield (tokens, (after, (), False)), price + (not mixed)
            if len(said) + 1 < MAX_PHRASE_WORDS:
                yield (tokens, (node, (*said, word), True)), price + (not mixed)

    def _tokens(self, text: str, node: int) -> tuple[int, ...]:
        """A text's tokens: where an answer begins they can be others than within it."""
        if text == END:
            return (self._end,)
        if node == 0:
            return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return following_tokens(self._tokenizer, text)


class PlanGrammar(Grammar):
    """The grammar of plans.

    Args:
        tokenizer: of the model that speaks.
        vocabulary: words that noun phrases may mix.
        end: id of the token that ends an answer.
        max_steps: lines that a plan has at most.
        likely: noun phrases that cost nothing.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        vocabulary: Iterable[str],
        end: int,
        max_steps: int = MAX_STEPS,
        likely: Iterable[Words] = (),
    ) -> None:
        super().__init__(tokenizer, plan_graph(max_steps), end, vocabulary, likely)
