"""The gripper as the planner is shown it: where it is, and where it last closed or opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from stages.core.observation import Observation, PointObservation


def _never() -> np.ndarray:
    return np.full(3, np.nan)


@dataclass(frozen=True)
class Hand:
    """The gripper at one moment.

    Attributes:
        tip: (3,) where it is, world frame [m].
        handled: (3,) where it last closed or opened, which is where what was handled last is; NaN before it did.
        is_open: whether it is open; None where nobody has seen it yet.
    """

    tip: np.ndarray
    handled: np.ndarray = field(default_factory=_never)
    is_open: bool | None = None

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> Hand:
        """The same gripper in a scene that is moved."""
        return replace(self, tip=move(self.tip), handled=move(self.handled))

    def at(self, observation: Observation | PointObservation) -> Hand:
        """The same gripper at the next observation."""
        tip, is_open = np.asarray(observation.gripper_pose[:3], float), observation.is_open
        changed = self.is_open is not None and self.is_open != is_open
        return Hand(tip, tip if changed else self.handled, is_open)


UNSEEN = Hand(_never())


def hands(observations: Iterable[Observation | PointObservation]) -> Iterator[Hand]:
    """The gripper at each of the observations of an episode."""
    hand = UNSEEN
    for observation in observations:
        hand = hand.at(observation)
        yield hand
