"""A KV-cache session about one observation: its views are encoded once, and every request continues from them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from stages.planner.pointing.model import PlannerModel
from stages.planner.pointing.pointer import Seen, Votes
from stages.planner.pointing.views import COLOURS
from stages.runtime.precision import autocast


class Session:
    """A model and one observation: `start` begins an answer, `extend` continues it, `votes` reads its pointers.

    Where the states of images depend on the text after them, every request encodes them anew.

    Args:
        model: the trained one.
        views: (V, S, S, 6) uint8 of `render_views`, at least one.
    """

    def __init__(self, model: PlannerModel, views: np.ndarray) -> None:
        self.views = views
        self._model, self._backbone = model, model.backbone
        self._device = next(model.parameters()).device
        self._request, self._keypoints = "", []
        self._cache: Cache = DynamicCache()
        self._last: Tensor | None = None
        self._prefix: Cache | None = None
        self._seen: Seen | None = None

    def start(self, request: str) -> None:
        """Begin the answer to a request; the answer before it is over."""
        self._request, self._keypoints, self._last = request, [], None

    def extend(self, tokens: Sequence[int]) -> Tensor:
        """Go on with the answer.

        Returns:
            (1 + N, vocabulary) scores of the token that comes next: before the N tokens and after each of them.
        """
        if self._last is None:
            states = self._read_request(tokens)[-len(tokens) - 1 :]
        else:
            states = torch.cat([self._last[None], self._go_on(tokens)]) if tokens else self._last[None]
        self._last = states[-1]
        self._keypoints += [states[n] for n, token in enumerate(tokens, 1) if token == self._backbone.keypoint_token_id]
        with autocast(self._device):
            return self._backbone.logits(states).float()

    def fork(self) -> Session:
        """Another that continues independently."""
        other = copy(self)
        other._cache, other._keypoints = fork_cache(self._cache), list(self._keypoints)
        return other

    def votes(self, phrases: Sequence[str]) -> Votes:
        """The pointer's votes for the keypoints written so far, which stand behind these phrases."""
        return self._point(phrases, torch.stack(self._keypoints).float())

    def locate(self, phrases: Sequence[str]) -> Votes:
        """The pointer's votes for phrases of which the language model knows nothing."""
        return self._point(phrases, None)

    def _point(self, phrases: Sequence[str], states: Tensor | None) -> Votes:
        inputs = {
            name: value.to(self._device)
            for name, value in self._model.pointer_inputs(self.views[None], [phrases]).items()
        }
        views = inputs.pop("views")
        with autocast(self._device):
            self._seen = self._seen or self._model.pointer.look(views)
            return self._model.pointer(self._seen, **inputs, states=states)

    def _read_request(self, tokens: Sequence[int]) -> Tensor:
        """States (L, H) of a request, as far as it was not read before, and of the first tokens of its answer."""
        if self._prefix is None:
            return self._read(self._encode(self._request, tokens))
        self._cache = fork_cache(self._prefix)
        request = self._backbone.request_ids(self._request, *self.views.shape[:2])
        return self._go_on([*request[self._cache.get_seq_length() :], *tokens])

    def _read(self, inputs: dict[str, Tensor]) -> Tensor:
        """States (L, H) of tokens that include the images, into a new cache; up to them all requests are the same."""
        self._cache = DynamicCache(config=self._backbone.model.config)
        positions = self._backbone.position_ids(inputs)
        states, is_image = self._pass(inputs, positions), self._backbone.image_mask(inputs)[0]
        self._shift = positions.max() + 1 - positions.shape[-1]
        self._axes = positions.shape[:-1]
        if self._backbone.shares_images:
            self._prefix = fork_cache(self._cache, int(is_image.nonzero().max()) + 1)
        return states

    def _go_on(self, tokens: Sequence[int]) -> Tensor:
        """States (N, H) of tokens that follow what is in the cache; text is at consecutive positions."""
        start = self._cache.get_seq_length()
        ids = torch.tensor([tokens], device=self._device)
        positions = (self._shift + torch.arange(start, start + len(tokens), device=self._device)).expand(
            *self._axes, -1
        )
        return self._pass({"input_ids": ids, "attention_mask": torch.ones(1, start + len(tokens)).to(ids)}, positions)

    def _pass(self, inputs: dict[str, Tensor], positions: Tensor) -> Tensor:
        with autocast(self._device):
            return self._backbone.hidden_states(inputs, self._cache, positions)[0]

    def _encode(self, request: str, answer: Sequence[int]) -> dict[str, Tensor]:
        batch = self._backbone.encode([request], [list(answer)], self.views[None, ..., COLOURS])
        return {name: tensor.to(self._device) for name, tensor in batch.items() if name != "answer_mask"}


def fork_cache(cache: Cache, length: int | None = None) -> Cache:
    """Another cache with the first `length` tokens, or all: layers replace their tensors when they grow."""
    other = copy(cache)
    other.layers = [copy(layer) for layer in cache.layers]
    for layer in other.layers if length else ():
        layer.keys, layer.values = layer.keys[..., :length, :], layer.values[..., :length, :]
    return other


class SessionDecoder:
    """A session as a decoder of the beam search: a state is the logits of what comes next."""

    def __init__(self, session: Session) -> None:
        self._sessions = [session]

    def extend(self, parents: Sequence[int], tokens: Sequence[Sequence[int]]) -> Tensor:
        """Continue sessions; (B, vocabulary) logits of what comes next."""
        self._sessions = [self._sessions[parent].fork() for parent in parents]
        return torch.stack([one.extend(row)[-1] for one, row in zip(self._sessions, tokens, strict=True)])

    def scores(self, state: Tensor, tokens: Sequence[int] | None) -> Tensor:
        """Logits of some tokens, or of all."""
        return state if tokens is None else state[torch.tensor(list(tokens), device=state.device)]
