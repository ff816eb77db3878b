"""The scenes in which RLBench's recorded episodes began, to begin others in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.rlbench.unpickling import ARRAYS, Record, read_pickle

POSES = "low_dim_obs.pkl"
"""File of an episode with all but its images: a pickled `Demo`."""

CLASSES = {"rlbench.demo.Demo": Record, "rlbench.backend.observation.Observation": Record, **ARRAYS}
"""What such a file may name."""


@dataclass(frozen=True)
class RecordedScene:
    """What RLBench draws a scene from.

    Attributes:
        random_state: of numpy's global generator, as `numpy.random.set_state` takes it.
        reset_attempts: after how many placements the scene was accepted; None where nobody wrote that down.
    """

    random_state: Any
    reset_attempts: int | None


def read_scene(episode: Path) -> RecordedScene:
    """The scene of an episode in RLBench's layout.

    Args:
        episode: its folder.

    Raises:
        UserError: there is no such episode, or it does not say how its scene was drawn.
    """
    path = episode / POSES
    if not path.is_file():
        raise UserError(f"{path} is missing", "Name the folder above TASK/variation0/episodes with evaluate.scenes")
    demo = read_pickle(path, CLASSES)
    state, attempts = (getattr(demo, name, None) for name in ("random_seed", "num_reset_attempts"))
    try:
        np.random.RandomState().set_state(state)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path} does not say how its scene was drawn", "Give episodes that RLBench recorded"
        ) from error
    return RecordedScene(state, None if attempts is None else int(attempts))
