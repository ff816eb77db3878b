"""Greedy decoding under a grammar; tokens without a choice are read in a single pass."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from stages.planner.pointing.answer_grammar import Grammar
from stages.planner.pointing.session import Session


@dataclass(frozen=True)
class Answer:
    """What was written.

    Attributes:
        tokens: N ids.
        words, digits: log-probabilities, among what the grammar allowed, of the tokens that were a choice, those of
            coordinates apart.
        session: as it is after the answer.
    """

    tokens: list[int]
    words: np.ndarray
    digits: np.ndarray
    session: Session


@dataclass
class _Choices:
    words: list[float] = field(default_factory=list)
    digits: list[float] = field(default_factory=list)


def greedy_answer(session: Session, request: str, grammar: Grammar) -> Answer:
    """Answer a request, with the likeliest allowed token at every choice."""
    session.start(request)
    tokens, unread, choices = [], [], _Choices()
    while True:
        forced = grammar.forced()
        tokens += forced
        unread += forced
        if grammar.finished:
            break
        logits = session.extend(unread)[-1]
        allowed = torch.tensor(grammar.allowed(), device=logits.device)
        scores = logits[allowed].log_softmax(-1)
        best = int(scores.argmax())
        (choices.digits if grammar.counting else choices.words).append(float(scores[best]))
        grammar.advance(int(allowed[best]))
        unread = [int(allowed[best])]
        tokens += unread
    if unread:  # the last may be a keypoint
        session.extend(unread)
    return Answer(tokens, np.array(choices.words), np.array(choices.digits), session)
