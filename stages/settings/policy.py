"""Settings of the policy."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Share, Whole


@dataclass(frozen=True)
class PolicyConfig:
    """What the policy does when it is in doubt.

    Attributes:
        look_again_below: a decision less confident than this is made from other sides of the scene too, and the surest
            counts; in [0, 1], 0 = never.
        replan_below: a decision less confident than this is in doubt; in [0, 1], 0 = none is.
        max_replans: new plans in an episode at most, and other looks before one; 0 = none.
        max_recoveries: grasps in an episode that are begun again at most, having got hold of nothing or of another
            thing; 0 = none.
    """

    look_again_below: Share = 0.9
    replan_below: Share = 0.1
    max_replans: Whole = 2
    max_recoveries: Whole = 3
