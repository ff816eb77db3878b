"""RLBench's observations in memory, in our terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.rlbench.images import Images, decoded_handles
from stages.rlbench.recording import Recording


def live_recording(frames: Sequence[Any], where: str) -> Recording:
    """Observations of RLBench whose images are in memory.

    Args:
        frames: made with `session.observation_config`.
        where: they are from, for errors.
    """

    def images(frame: int, name: str) -> Images:
        rgb, depth, mask = (getattr(frames[frame], f"{name}_{kind}", None) for kind in ("rgb", "depth", "mask"))
        if rgb is None or depth is None:
            raise UserError(f"RLBench has no camera '{name}', or it sees nothing", "Choose other cameras")
        return Images(_bytes(rgb), np.asarray(depth), None if mask is None else decoded_handles(_bytes(mask)))

    return Recording(frames, images, where)


def _bytes(image: np.ndarray) -> np.ndarray:
    """Pixels uint8 of an image that may have them from 0 to 1, as RLBench leaves masks."""
    image = np.asarray(image)
    return image if image.dtype == np.uint8 else np.rint(255 * image).astype(np.uint8)
