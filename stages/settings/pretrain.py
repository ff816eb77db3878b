"""Settings of `clap pretrain-vlm` and `clap pretrain-fine`."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Count, NonNegative, Pixels, Positive, Seed, Share, Whole


@dataclass(frozen=True)
class PretrainConfig:
    """Attributes:
    base: go on from this base; empty = from nothing, with a vocabulary of its own.
    scenes: procedural scenes to render; each is painted, turned and shifted anew whenever it is shown.
    image_size: of the cameras [px].
    steps, minutes, batch_size, learning_rate, pointer_rate: as of `VlmConfig`; minutes = 0 is without a limit.
    text: share of the examples that are decisions, answered in words; the others only train the pointer.
    assessed: fresh scenes that the finished base is asked about.
    workers: processes that render; 0 = one per core.
    seed: of scenes and weights.
    """

    base: str = ""
    scenes: Count = 4000
    image_size: Pixels = 128
    steps: Count = 3000
    minutes: NonNegative = 0.0
    batch_size: Count = 16
    learning_rate: Positive = 1.5e-3
    pointer_rate: Positive = 0.005
    text: Share = 0.2
    assessed: Whole = 60
    workers: Whole = 0
    seed: Seed = 0


@dataclass(frozen=True)
class PretrainFineConfig:
    """Settings of `clap pretrain-fine`.

    Attributes:
        scenes: procedural scenes in which the hand does up to three things.
        image_size: of the cameras [px].
        steps, minutes, batch_size, learning_rate, matrix_rate: as of `FineConfig`, whose defaults all else has.
        assessed: fresh scenes that the finished base is asked about.
        workers: processes that play scenes; 0 = one per core.
        seed: of scenes and weights.
    """

    scenes: Count = 3000
    image_size: Pixels = 128
    steps: Count = 6000
    minutes: NonNegative = 0.0
    batch_size: Count = 32
    learning_rate: Positive = 1e-3
    matrix_rate: Positive = 0.02
    assessed: Whole = 100
    workers: Whole = 0
    seed: Seed = 0
