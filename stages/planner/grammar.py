"""Decoding under the grammar of an answer, so that a malformed one cannot be said.

The grammar's graph is walked token by token, with every reading of what was said so far kept, so that no half word can
be said. A noun phrase is one of the likely ones or, at a price, any mixture of the words that there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from stages.planner.enumerations import List, beginnings, enumerations, means, named_nouns, several, wholes
from stages.planner.graphs import END, HELD, MAX_STEPS, PHRASE, Graph, Slot, plan_graph
from stages.planner.noun_phrases import GRIPS, MAX_PHRASE_WORDS, PARTS, Words

_BEFORE = "the"

DISORDER = 5
"""What treating a thing of a list out of turn, or leaving one out, costs, in mixtures."""

DEPARTURE = 3
"""What planning otherwise than training did for such an instruction costs, in mixtures."""

TREATED = (Slot.TAKEN, Slot.PUSHED)

UNSAID, AGAIN, CUT, OWN, WHOLE, VAIN = 1, 1, 1, 1, 1, 1
"""What it costs, in mixtures, to say nothing of a thing that the instruction names, to grasp one again, or push it
again, that it does not say in the plural, to call something by half its name or what it cannot be, to put a thing to a
part of its own, to treat a whole of which the instruction names a part, and to speak of what is named in vain."""


class Wanted(NamedTuple):
    """What an instruction tells of the things that a plan treats; a plan that does otherwise has a price.

    Attributes:
        lists: things that are to be treated in their order, none left out, each once.
        named: nouns of what it names, in the singular, that a plan mentions.
        several: nouns, in the singular, that it says in the plural.
        cut: beginnings of its names that are nothing by themselves.
        wholes: what it names only for a part of it.
        vain: nouns of things that plans call otherwise or need not speak of.
    """

    lists: Sequence[List] = ()
    named: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    cut: frozenset[Words] = frozenset()
    wholes: frozenset[Words] = frozenset()
    vain: frozenset[str] = frozenset()

    @classmethod
    def of(cls, instruction: str, unsaid: frozenset[str]) -> Wanted:
        """What an instruction tells.

        Args:
            unsaid: nouns that are named in vain, and parts that need not be spoken of.
        """
        named = named_nouns(instruction) - unsaid
        told = (several(instruction), beginnings(instruction), wholes(instruction), unsaid - set(PARTS))
        return cls(enumerations(instruction), named, *told)


class State(NamedTuple):
    """Where a reading stands.

    Attributes:
        node: of the graph.
        said: words so far of the noun phrase that leads on from it.
        mixed: whether they are a mixture.
        hand: what is in the hand; empty if nothing is, or if that is not followed.
        line, before: texts of this line of a plan so far, and of the whole line before it.
        lines: how many there are before this one.
        listed: which things of which lists were mentioned.
        named: which nouns were mentioned.
        treated: things that were grasped or pushed, with which of it.
    """

    node: int = 0
    said: Words = ()
    mixed: bool = False
    hand: Words = ()
    line: Words = ()
    before: Words = ()
    lines: int = 0
    listed: frozenset[tuple[int, int]] = frozenset()
    named: frozenset[str] = frozenset()
    treated: frozenset[tuple[Slot, Words]] = frozenset()


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
        wanted: what has no further price.
        recalled: tokens of whole answers; unless there are none, an answer that becomes unlike them all has a price.

    Attributes:
        price: what the answer costs at least, as far as it was said, in mixtures.
        lines: of a plan that are over and others follow.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        graph: Graph,
        end: int,
        vocabulary: Iterable[str] = (),
        likely: Iterable[Words] = (),
        wanted: Wanted = Wanted(),  # noqa: B008 - it cannot be changed
        recalled: Iterable[Sequence[int]] = (),
    ) -> None:
        self._tokenizer, self._graph, self._end = tokenizer, graph, end
        self._vocabulary, self._likely, self._wanted = sorted(vocabulary), frozenset(likely), wanted
        self._recalled = [tuple(tokens) for tokens in recalled]
        self._longer: dict[Words, set[str]] = {}
        for phrase in self._likely:
            for length in range(len(phrase)):
                self._longer.setdefault(phrase[:length], set()).add(phrase[length])
        self.price = self.lines = 0
        self._readings = dict(self._readings_from(State(), 0))

    @property
    def finished(self) -> bool:
        """Whether the answer is whole and nothing can follow."""
        return not self._readings

    @property
    def counting(self) -> bool:
        """Whether a coordinate is being said."""
        return any(state.node in self._graph.numbers for _, state in self._readings)

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next."""
        return sorted(self.prices())

    def prices(self) -> dict[int, int]:
        """The tokens that may come next with what each costs at least, in mixtures."""
        found: dict[int, int] = {}
        for (tokens, _), price in self._readings.items():
            found[tokens[0]] = min(price, found.get(tokens[0], price))
        return {token: price + self._departure(token) - self.price for token, price in found.items()}

    def advance(self, token: int) -> None:
        """Take notice of a token that was said."""
        readings: dict[Reading, int] = {}
        departure = self._departure(token)
        said = {reading: price + departure for reading, price in self._readings.items() if reading[0][0] == token}
        for (tokens, state), price in said.items():
            rest = tokens[1:]
            after = [((rest, state), price)] if rest else self._readings_from(state, price)
            for reading, cost in after:
                readings[reading] = min(cost, readings.get(reading, cost))
        self._readings = readings
        self._recalled = [rest[1:] for rest in self._recalled if rest[:1] == (token,)]
        self.price = min((readings or said).values())
        self.lines = min((state.lines for _, state in readings), default=self.lines)

    def forced(self) -> list[int]:
        """Say whatever can only be said in one way, up to the next choice or the end."""
        said = []
        while len(allowed := self.allowed()) == 1:
            said += allowed
            self.advance(allowed[0])
        return said

    def _departure(self, token: int) -> int:
        """The price of a token that no recalled answer goes on with, where there still was one."""
        return DEPARTURE * (bool(self._recalled) and all(rest[:1] != (token,) for rest in self._recalled))

    def _readings_from(self, state: State, price: int) -> Iterator[tuple[Reading, int]]:
        for text, after in self._graph.edges[state.node]:
            if text == PHRASE:
                yield from self._phrase_from(state, after, price)
            elif not state.said and self._possible(state, text, after):
                missing = self._missing(state) if text == END else 0
                yield (self._tokens(text, state.node), self._after_text(state, text, after)), price + missing

    def _possible(self, state: State, text: str, after: int) -> bool:
        """Whether something is in the hand where that is needed, and not just now the same was done with it."""
        again = state.before == (text, " the", HELD, *state.hand)
        return after not in self._graph.busy or bool(state.hand) and not again

    def _after_text(self, state: State, text: str, after: int) -> State:
        if after in self._graph.lines:
            return state._replace(node=after, line=(), before=state.line, lines=state.lines + bool(state.line))
        return state._replace(node=after, line=(*state.line, text))

    def _phrase_from(self, state: State, after: int, price: int) -> Iterator[tuple[Reading, int]]:
        """The noun phrase goes on with a word, and may end with it."""
        if self._graph.slots.get(state.node) is Slot.HELD:
            tokens = tuple(token for word in state.hand for token in self._tokens(f" {word}", state.node))
            yield (tokens, self._after_phrase(state, state.hand, after)), price
            return
        for word in () if state.mixed else sorted(self._longer.get(state.said, ())):
            tokens, longer = self._tokens(f" {word}", state.node), (*state.said, word)
            cost = price + self._disorder(state, longer) - self._disorder(state, state.said)
            if longer in self._likely and self._new(state, longer):
                yield (tokens, self._after_phrase(state, longer, after)), cost + self._price_of(state, longer)
            if longer in self._longer:
                yield (tokens, state._replace(said=longer)), cost
        for word in self._vocabulary:
            tokens, longer = self._tokens(f" {word}", state.node), (*state.said, word)
            cost = (
                price
                + (not state.mixed)
                + (word in state.said)
                + self._disorder(state, longer)
                - self._disorder(state, state.said)
            )
            if self._new(state, longer):
                yield (tokens, self._after_phrase(state, longer, after)), cost + self._price_of(state, longer)
            if len(longer) < MAX_PHRASE_WORDS:
                yield (tokens, state._replace(said=longer, mixed=True)), cost

    def _new(self, state: State, phrase: Words) -> bool:
        """Whether a thing is not the one in the hand, where it has to be another, and the line not the one before."""
        other = self._graph.slots.get(state.node) in (None, Slot.PUSHED) or phrase != state.hand
        return other and (*state.line, *phrase) != state.before

    def _after_phrase(self, state: State, phrase: Words, after: int) -> State:
        slot = self._graph.slots.get(state.node)
        hand = phrase if slot is Slot.TAKEN else () if slot in (Slot.LEFT, Slot.PUSHED) else state.hand
        return State(
            after,
            hand=hand,
            line=(*state.line, *phrase),
            before=state.before,
            lines=state.lines,
            listed=state.listed | self._meant(phrase),
            named=state.named | self._wanted.named.intersection(phrase),
            treated=state.treated | ({(slot, phrase)} if slot in TREATED else set()),
        )

    def _meant(self, phrase: Words) -> set[tuple[int, int]]:
        """The things of lists that a phrase can be."""
        return {
            (number, place)
            for number, things in enumerate(self._wanted.lists)
            for place, thing in enumerate(things)
            if means(thing, phrase)
        }

    def _disorder(self, state: State, said: Words) -> int:
        """The price of a phrase, or of its beginning, that treats a listed thing out of turn, or another meanwhile."""
        if not said or self._graph.slots.get(state.node) not in TREATED:
            return 0
        meant, next_ones = self._meant(said), self._in_turn(state)
        amidst = any(0 < place for _, place in next_ones)
        return DISORDER if (meant or amidst) and not meant & next_ones else 0

    def _in_turn(self, state: State) -> set[tuple[int, int]]:
        """The first things of every list that were not mentioned."""
        lists = enumerate(self._wanted.lists)
        left = ([(n, k) for k in range(len(things)) if (n, k) not in state.listed] for n, things in lists)
        return {places[0] for places in left if places}

    def _missing(self, state: State) -> int:
        """The price of an end where something was not mentioned."""
        lists, unsaid = self._wanted.lists, len(self._wanted.named) - len(state.named)
        return UNSAID * unsaid + (DISORDER if len(state.listed) < sum(map(len, lists)) else 0)

    def _price_of(self, state: State, phrase: Words) -> int:
        """The price of a wrong name, a part of what is in the hand, a whole for its part, and of a thing once more."""
        slot, hand = self._graph.slots.get(state.node), state.hand
        again = (slot, phrase) in state.treated and phrase[-1] not in self._wanted.several
        own = slot is Slot.PLACE and hand in (phrase[: len(hand)], hand[: -len(phrase)] + phrase)
        whole = slot in TREATED and phrase in self._wanted.wholes
        misnamed = CUT * (phrase in self._wanted.cut or _of_a_part(phrase)) + VAIN * (phrase[-1] in self._wanted.vain)
        return AGAIN * again + misnamed + OWN * own + WHOLE * whole

    def _tokens(self, text: str, node: int) -> tuple[int, ...]:
        """A text's tokens: where an answer begins they can be others than within it."""
        if text == END:
            return (self._end,)
        if node == 0:
            return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return following_tokens(self._tokenizer, text)


def _of_a_part(phrase: Words) -> bool:
    """Whether it is called a part of a part that has no such: the door of a drawer."""
    return set(phrase[-2:]) <= set(PARTS) and len(phrase) > 1 and phrase[-1] not in GRIPS


class PlanGrammar(Grammar):
    """The grammar of plans.

    Args:
        tokenizer: of the model that speaks.
        vocabulary: words that noun phrases may mix.
        end: id of the token that ends an answer.
        max_steps: lines that a plan has at most.
        likely: noun phrases that cost nothing.
        wanted: what has no further price.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        vocabulary: Iterable[str],
        end: int,
        max_steps: int = MAX_STEPS,
        likely: Iterable[Words] = (),
        wanted: Wanted = Wanted(),  # noqa: B008 - it cannot be changed
    ) -> None:
        super().__init__(tokenizer, plan_graph(max_steps), end, vocabulary, likely, wanted)
