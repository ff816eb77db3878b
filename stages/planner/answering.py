"""Answers as they come about: greedily under a grammar, what can only be said in one way in a single pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from stages.planner.grammar import Grammar
from stages.planner.session import Session

MIXTURE = 4.0
"""How much less likely a noun phrase of mixed words counts than one of the likely ones [nat]."""


@dataclass(frozen=True)
class Answer:
    """What was said.

    Attributes:
        tokens: N ids.
        log_probabilities: (N,) of every token, in the model's whole vocabulary.
        words, digits: log-probabilities, among what the grammar allowed, of the tokens that were a choice, those of
            coordinates apart.
    """

    tokens: list[int]
    log_probabilities: np.ndarray
    words: np.ndarray
    digits: np.ndarray


def respond(session: Session, request: str, grammar: Grammar) -> Answer:
    """Answer a request under a grammar, greedily."""
    session.ask(request)
    tokens: list[int] = []
    log_probabilities: list[float] = []
    words: list[float] = []
    digits: list[float] = []
    chosen: list[int] = []
    while True:
        forced = grammar.forced()
        scores = session.say([*chosen, *forced])[len(chosen) :].log_softmax(-1)
        tokens += forced
        log_probabilities += scores[torch.arange(len(forced)), torch.tensor(forced, dtype=torch.long)].tolist()
        if grammar.finished:
            break
        prices = grammar.prices()
        allowed = torch.tensor(list(prices), device=scores.device)
        likely = (scores[-1, allowed] - MIXTURE * torch.tensor(list(prices.values())).to(scores)).log_softmax(-1)
        best = int(likely.argmax())
        chosen = [int(allowed[best])]
        tokens += chosen
        log_probabilities.append(float(scores[-1, chosen[0]]))
        (digits if grammar.counting else words).append(float(likely[best]))
        grammar.advance(chosen[0])
        if grammar.finished:
            break
    return Answer(tokens, np.array(log_probabilities), np.array(words), np.array(digits))
