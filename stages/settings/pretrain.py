"""Settings of `clap pretrain-vlm`."""

from __future__ import annotations

from dataclasses import dataclass


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
    scenes: int = 4000
    image_size: int = 128
    steps: int = 3000
    minutes: float = 0.0
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    assessed: int = 60
    workers: int = 0
    seed: int = 0
