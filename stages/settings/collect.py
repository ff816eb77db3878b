"""Settings of `clap collect demos`."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Count, Pixels, Share, Variations, Workers


@dataclass(frozen=True)
class CollectConfig:
    """How demonstrations are collected.

    Attributes:
        simulator: name for `make_simulator`.
        taskvars: variations ("task+variation"); empty = all training variations.
        hold_out: leave out the training variations of the split "held-out", on which constants are chosen.
        episodes_per_variation: demonstrations of each.
        image_size: side of the square camera images [px].
        attempts: seeds tried for a demonstration, when its expert fails, before giving up.
        valid_fraction: share of the episodes of each variation that is held out of training.
        workers: processes; 0 = one per core; "ray" = one on every CPU of a Ray cluster.
    """

    simulator: str = "tabletop"
    taskvars: Variations = ()
    hold_out: bool = False
    episodes_per_variation: Count = 20
    image_size: Pixels = 128
    attempts: Count = 20
    valid_fraction: Share = 0.05
    workers: Workers = 0
