"""Settings of `clap pretrain-vlm`."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Count, NonNegative, Pixels, Positive, Seed, Whole


@dataclass(frozen=True)
class PretrainConfig:
    """Attributes:
    base: go on from this base; empty = from nothing, with a vocabulary of its own.
    scenes: procedural scenes to render; each is painted, turned and shifted anew whenever it is shown.
    image_size: of the cameras [px].
    steps, minutes, batch_size, learning_rate: of training from nothing; minutes = 0 is without a limit.
    assessed: fresh scenes that the finished base is asked about.
    workers: processes that render; 0 = one per core.
    seed: of scenes and weights.
    """

    base: str = ""
    scenes: Count = 4000
    image_size: Pixels = 128
    steps: Count = 3000
    minutes: NonNegative = 0.0
    batch_size: Count = 32
    learning_rate: Positive = 1.5e-3
    assessed: Whole = 60
    workers: Whole = 0
    seed: Seed = 0
