"""Answers as they come about under a grammar; what can only be said in one way is said in a single pass."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field

import numpy as np
import torch

from stages.planner.grammar import Grammar
from stages.planner.pointing.session import Session

MIXTURE = 4.0
"""How much less likely a noun phrase of mixed words counts than one of the likely ones [nat]."""


LINE = 0.5
"""What a line of a plan is worth [nat]: of all answers, a search finds the short ones too likely (Murray and Chiang,
"Correcting length bias in neural machine translation", 2018)."""


@dataclass(frozen=True)
class Answer:
    """What was said.

    Attributes:
        tokens: N ids.
        log_probabilities: (N,) of every token, in the model's whole vocabulary.
        words, digits: log-probabilities, among what the grammar allowed, of the tokens that were a choice, those of
            coordinates apart.
        session: as it is after the answer.
    """

    tokens: list[int]
    log_probabilities: np.ndarray
    words: np.ndarray
    digits: np.ndarray
    session: Session


def respond(session: Session, request: str, grammar: Grammar, beams: int = 1) -> Answer:
    """Answer a request under a grammar: greedily, or by a search that follows several beginnings at once.

    Args:
        beams: beginnings that are followed (beam search, as of Lowerre, "The HARPY speech recognition system", 1976).
    """
    session.ask(request)
    open_ones, best = [_Beginning(session, grammar)], None
    while open_ones:
        grown = [longer for one in open_ones for longer in one.grown(beams)]
        finished = [one for one in grown if one.grammar.finished] + ([best] if best else [])
        best = max(finished, key=lambda one: one.worth, default=None)
        left = sorted((one for one in grown if not one.grammar.finished), key=lambda one: -one.worth)[:beams]
        open_ones = [one for one in left if not best or one.worth > best.worth]
    assert best is not None  # a grammar always leads to an end
    return best.answer()


@dataclass
class _Beginning:
    """An answer up to some token, the last of which the model has not read.

    Attributes:
        session, grammar: after it.
        score: sum of the log-probabilities of its choices among what was allowed.
        unread: tokens that the session was not told.
        tokens, log_probabilities, words, digits: as of `Answer`.
    """

    session: Session
    grammar: Grammar
    score: float = 0.0
    unread: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    words: list[float] = field(default_factory=list)
    digits: list[float] = field(default_factory=list)

    @property
    def worth(self) -> float:
        """The score, with its lines, less the price of what was said."""
        return self.score + LINE * self.grammar.lines - MIXTURE * self.grammar.price

    def grown(self, count: int) -> Iterator[_Beginning]:
        """Up to the next choice, its best outcomes at most so many; or to the end."""
        forced = self.grammar.forced()
        scores = self.session.say([*self.unread, *forced])[len(self.unread) :].log_softmax(-1)
        self.unread = []
        self.tokens += forced
        self.log_probabilities += scores[torch.arange(len(forced)), torch.tensor(forced, dtype=torch.long)].tolist()
        if self.grammar.finished:
            yield self
            return
        prices = self.grammar.prices()
        allowed = torch.tensor(list(prices), device=scores.device)
        cost = MIXTURE * torch.tensor(list(prices.values())).to(scores)
        gains = scores[-1, allowed].log_softmax(-1)
        likely = (scores[-1, allowed] - cost).log_softmax(-1)
        best = likely.topk(min(count, len(allowed))).indices.tolist()
        for place in best:
            one = self if len(best) == 1 else self._copy()
            one.score += float(gains[place])
            one._choose(int(allowed[place]), float(scores[-1, allowed[place]]), float(likely[place]))
            yield one

    def answer(self) -> Answer:
        if self.unread:  # it may be a keypoint
            self.session.say(self.unread)
        numbers = (np.array(values) for values in (self.log_probabilities, self.words, self.digits))
        return Answer(self.tokens, *numbers, self.session)

    def _choose(self, token: int, log_probability: float, likely: float) -> None:
        self.unread = [token]
        self.tokens.append(token)
        self.log_probabilities.append(log_probability)
        (self.digits if self.grammar.counting else self.words).append(likely)
        self.grammar.advance(token)

    def _copy(self) -> _Beginning:
        lists = (list(values) for values in (self.tokens, self.log_probabilities, self.words, self.digits))
        return _Beginning(self.session.fork(), copy(self.grammar), self.score, [], *lists)
