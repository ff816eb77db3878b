"""Settings of the policy."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Share, Whole


@dataclass(frozen=True)
class PolicyConfig:
    """What the policy does when it is in doubt.

    Attributes:
        replan_below: a decision less confident than this is in doubt; in [0, 1], 0 = none is.
        max_replans: new plans in an episode at most, and other looks before one; 0 = none.
    """

    replan_below: Share = 0.1
    max_replans: Whole = 2
