"""Beam search under a grammar, with incremental decoding from a KV cache.

Tokens that the grammar leaves no choice about are read together with the next ones. Hypotheses far behind the best are
dropped (threshold pruning: Freitag and Al-Onaizan, "Beam search strategies for neural machine translation", 2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from stages.planner.language.grammar import PlanGrammar

BEAMS = 4
THRESHOLD = 3.0
"""Hypotheses this much less likely than the best one are dropped [nat]."""

ALPHA = 0.6
"""Exponent of the length normalisation (Wu et al., "Google's neural machine translation system", 2016)."""


class Decoder(Protocol):
    """A model that has read a text and goes on with it."""

    def extend(self, tokens: Sequence[int]) -> Tensor:
        """Read tokens; (H,) the state after them."""
        ...

    def scores(self, state: Tensor, tokens: Sequence[int] | None) -> Tensor:
        """Logits of some tokens, or of all, to come after a state (H,)."""
        ...

    def fork(self) -> Self:
        """Another that goes on independently."""
        ...


@dataclass
class Hypothesis:
    """An answer up to some token.

    Attributes:
        decoder: that has read all tokens but the unread ones.
        grammar: after the tokens; None where decoding is free.
        tokens, unread: so far, and the last of them.
        choices: log-probabilities, among what was allowed, of tokens that were a choice.
    """

    decoder: Decoder
    grammar: PlanGrammar | None
    tokens: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    choices: list[float] = field(default_factory=list)
    finished: bool = False

    @property
    def score(self) -> float:
        """Length-normalised log-probability."""
        return sum(self.choices) / ((5 + len(self.tokens)) / 6) ** ALPHA

    def extended(self, beams: int, end: int) -> Iterator[Hypothesis]:
        """Its likeliest continuations up to the next choice, at most so many."""
        while self.grammar and not self.grammar.finished and len(allowed := self.grammar.allowed()) == 1:
            self._append(allowed[0])
        if self.grammar and self.grammar.finished:
            self.finished = True
            yield self
            return
        state = self.decoder.extend(self.unread)
        self.unread = []
        options = self.grammar.allowed() if self.grammar else None
        scores = self.decoder.scores(state, options).float().log_softmax(-1)
        values, places = scores.topk(min(beams, len(scores)))
        for value, place in zip(values.tolist(), places.tolist(), strict=True):
            if value >= values[0] - THRESHOLD:
                one = self._copy()
                one.choices.append(value)
                token = options[place] if options else place
                one._append(token)
                one.finished = token == end
                yield one

    def _append(self, token: int) -> None:
        self.tokens.append(token)
        self.unread.append(token)
        self.grammar = self.grammar.advance(token) if self.grammar else None

    def _copy(self) -> Hypothesis:
        return Hypothesis(self.decoder.fork(), self.grammar, list(self.tokens), list(self.unread), list(self.choices))


def beam_search(
    decoder: Decoder, prompt: Sequence[int], grammar: PlanGrammar | None, end: int, beams: int = BEAMS, limit: int = 400
) -> tuple[list[int], np.ndarray]:
    """The best answer to a prompt.

    Args:
        prompt: token ids, none of which the decoder has read.
        end: id of the token that ends an answer.
        limit: tokens of an answer at most.

    Returns:
        Its tokens without the end, and the log-probabilities of those that were a choice.
    """
    first = Hypothesis(decoder, grammar, unread=list(prompt))
    live, done = [first], []
    while live and (not done or max(one.score for one in live) > max(one.score for one in done)):
        grown = [longer for one in live for longer in one.extended(beams, end)]
        done += [one for one in grown if one.finished]
        live = sorted((one for one in grown if not one.finished), key=lambda one: -sum(one.choices))[:beams]
        best = max((sum(one.choices) for one in live), default=0.0)
        live = [one for one in live if sum(one.choices) >= best - THRESHOLD and len(one.tokens) < limit]
    if not done:
        return [], np.zeros(1) - np.inf
    best = max(done, key=lambda one: one.score)
    tokens = best.tokens[:-1] if best.tokens[-1:] == [end] else best.tokens
    return tokens, np.array(best.choices or [0.0])


class CausalDecoder:
    """A causal language model as a `Decoder`.

    Args:
        model: of Hugging Face.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        from transformers import DynamicCache

        self._model, self._cache = model, DynamicCache(config=model.config)
        self._body = model.get_base_model().model if hasattr(model, "get_base_model") else model.model
        self._head = model.get_output_embeddings()

    def extend(self, tokens: Sequence[int]) -> Tensor:
        """As of `Decoder`."""
        ids = torch.tensor([list(tokens)], device=self._head.weight.device)
        return self._body(input_ids=ids, past_key_values=self._cache, use_cache=True).last_hidden_state[0, -1]

    def scores(self, state: Tensor, tokens: Sequence[int] | None) -> Tensor:
        """As of `Decoder`: only the wanted rows of the output matrix are multiplied."""
        if tokens is None:
            return self._head(state)
        return self._head.weight[torch.tensor(list(tokens), device=state.device)] @ state

    def fork(self) -> CausalDecoder:
        """As of `Decoder`."""
        from stages.planner.kv_cache import fork_cache

        other = object.__new__(CausalDecoder)
        other._model, other._body, other._head = self._model, self._body, self._head
        other._cache = fork_cache(self._cache)
        return other
