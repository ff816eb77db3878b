"""Settings of `clap import`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stages.settings.ranges import Share, Variations, Whole, Workers


@dataclass(frozen=True)
class ImportConfig:
    """How another project's demonstrations are read.

    Attributes:
        taskvars: variations ("task+variation"); empty = all that the data set has.
        episodes_per_variation: at most so many of each, the first ones; 0 = all.
        keyframes: of a dense recording: "stops" = one keyframe where the arm stops or the gripper changes, "marks" =
            every sample that RLBench's rule marks, which are several at one stop, "all" = every sample.
        valid_fraction: share of the episodes of each variation that is held out of training.
        workers: processes; 0 = one per core; "ray" = one on every CPU of a Ray cluster.
    """

    taskvars: Variations = ()
    episodes_per_variation: Whole = 0
    keyframes: Literal["stops", "marks", "all"] = "stops"
    valid_fraction: Share = 0.05
    workers: Workers = 0
