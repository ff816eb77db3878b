"""KV caches that several answers continue."""

from __future__ import annotations

from copy import copy

from transformers import Cache


def fork_cache(cache: Cache, length: int | None = None) -> Cache:
    """Another cache with the first `length` tokens, or all: layers replace their tensors when they grow."""
    other = copy(cache)
    other.layers = [copy(layer) for layer in cache.layers]
    for layer in other.layers if length else ():
        layer.keys, layer.values = layer.keys[..., :length, :], layer.values[..., :length, :]
    return other
