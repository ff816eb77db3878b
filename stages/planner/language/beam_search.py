"""Beam search under a grammar, with batched incremental decoding from a KV cache.

Tokens that the grammar leaves no choice about are read together with the next ones. Hypotheses far behind the best are
dropped (threshold pruning: Freitag and Al-Onaizan, "Beam search strategies for neural machine translation", 2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from stages.planner.language.grammar import PlanGrammar

BEAMS = 4
THRESHOLD = 3.0
"""Hypotheses this much less likely than the best one are dropped [nat]."""

ALPHA = 0.6
"""Exponent of the length normalisation (Wu et al., "Google's neural machine translation system", 2016)."""


class Decoder(Protocol):
    """A model that reads the tokens of several hypotheses at once."""

    def extend(self, parents: Sequence[int], tokens: Sequence[Sequence[int]]) -> Tensor:
        """Continue hypotheses.

        Args:
            parents: which hypothesis of the last call each one continues; 0 in the first call.
            tokens: that each one reads; none only where the first call goes on from a prompt that was read before.

        Returns:
            (B, H) states after the last of them.
        """
        ...

    def scores(self, state: Tensor, tokens: Sequence[int] | None) -> Tensor:
        """Logits of some tokens, or of all, to come after a state (H,)."""
        ...


@dataclass
class Hypothesis:
    """An answer up to the next choice.

    Attributes:
        grammar: after the tokens; None where decoding is free.
        end: id of the token that ends an answer.
        parent: place of the hypothesis that it continues among those that the decoder read last.
        tokens: so far.
        unread: the last of them, which the decoder has not read.
        choices: log-probabilities, among what was allowed, of tokens that were a choice.
    """

    grammar: PlanGrammar | None
    end: int
    parent: int = 0
    tokens: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    choices: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        while self.grammar and not self.grammar.finished and len(allowed := self.grammar.allowed()) == 1:
            self._append(allowed[0])

    @property
    def finished(self) -> bool:
        """Whether the answer has ended."""
        return self.grammar.finished if self.grammar else self.tokens[-1:] == [self.end]

    @property
    def total(self) -> float:
        """Log-probability."""
        return sum(self.choices)

    @property
    def score(self) -> float:
        """Length-normalised log-probability."""
        return self.total / ((5 + len(self.tokens)) / 6) ** ALPHA

    def extended(self, decoder: Decoder, state: Tensor, place: int, beams: int) -> Iterator[Hypothesis]:
        """Its likeliest continuations, at most so many.

        Args:
            state: (H,) after all its tokens.
            place: of this hypothesis among those that the decoder read last.
        """
        options = self.grammar.allowed() if self.grammar else None
        scores = decoder.scores(state, options).float().log_softmax(-1)
        values, indices = scores.topk(min(beams, len(scores)))
        for value, index in zip(values.tolist(), indices.tolist(), strict=True):
            if value >= values[0] - THRESHOLD:
                token = options[index] if options else index
                grammar = self.grammar.advance(token) if self.grammar else None
                yield Hypothesis(grammar, self.end, place, [*self.tokens, token], [token], [*self.choices, value])

    def _append(self, token: int) -> None:
        self.tokens.append(token)
        self.unread.append(token)
        self.grammar = self.grammar.advance(token)


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
    first = Hypothesis(grammar, end)
    first.unread = [*prompt, *first.unread]
    live, done = [first], []
    while live and (not done or max(one.score for one in live) > max(one.score for one in done)):
        states = decoder.extend([one.parent for one in live], [one.unread for one in live])
        grown = [
            longer for place, one in enumerate(live) for longer in one.extended(decoder, states[place], place, beams)
        ]
        done += [one for one in grown if one.finished]
        live = sorted((one for one in grown if not one.finished), key=lambda one: -one.total)[:beams]
        live = [one for one in live if one.total >= live[0].total - THRESHOLD and len(one.tokens) < limit]
    if not done:
        return [], np.zeros(1) - np.inf
    best = max(done, key=lambda one: one.score)
    tokens = best.tokens[:-1] if best.tokens[-1:] == [end] else best.tokens
    return tokens, np.array(best.choices or [0.0])


class CausalDecoder:
    """A causal language model as a `Decoder`: one batch, padded where hypotheses read different numbers of tokens.

    Args:
        model: of Hugging Face.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._body = model.get_base_model().model if hasattr(model, "get_base_model") else model.model
        self._head = model.get_output_embeddings()
        self._cache = DynamicCache(config=model.config)
        self._mask = torch.zeros(1, 0, dtype=torch.long, device=self._head.weight.device)

    def extend(self, parents: Sequence[int], tokens: Sequence[Sequence[int]]) -> Tensor:
        """As of `Decoder`."""
        if list(parents) != list(range(len(self._mask))):
            rows = torch.tensor(list(parents), device=self._mask.device)
            self._mask = self._mask[rows]
            if self._cache.get_seq_length():
                self._cache.batch_select_indices(rows)
        read = [torch.ones(len(row), dtype=torch.long) for row in tokens]
        ids = pad_sequence([torch.tensor(row) for row in tokens], batch_first=True).to(self._mask.device)
        positions = self._mask.sum(-1, keepdim=True) + torch.arange(ids.shape[1], device=self._mask.device)
        self._mask = torch.cat([self._mask, pad_sequence(read, batch_first=True).to(self._mask.device)], dim=1)
        states = self._body(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        return torch.stack([states[place, len(row) - 1] for place, row in enumerate(tokens)])

    def scores(self, state: Tensor, tokens: Sequence[int] | None) -> Tensor:
        """As of `Decoder`: only the wanted rows of the output matrix are multiplied."""
        if tokens is None:
            return self._head(state)
        return self._head.weight[torch.tensor(list(tokens), device=state.device)] @ state
