"""How many requests a second each client may send."""

from __future__ import annotations

from collections import OrderedDict

CLIENTS = 1024
"""Clients that are remembered, those seen last."""


class RateLimit:
    """A token bucket for each client: two seconds' worth at once, then `rate` a second.

    Args:
        rate: requests a second; 0 = as many as they like.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str, now: float) -> bool:
        """Whether a request of a client that arrives at a time [s] is within its limit; it counts if so."""
        if not self.rate:
            return True
        most = max(2 * self.rate, 1.0)
        filled, then = self._buckets.pop(client, (most, now))
        filled = min(most, filled + (now - then) * self.rate)
        allowed = filled >= 1
        self._buckets[client] = filled - allowed, now
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return allowed
