"""What the planner is shown: canonical views of colour, depth and nearness to the gripper, in one array.

A view (S, S, 6) uint8 has the colours, the depth behind the nearest face of the workspace in steps of a 254th of its
side counted from 1, or 0 where nothing is seen, and how near the surface is to the gripper's tip and to where the
gripper last closed or opened.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stages.geometry.canonical import CanonicalViews
from stages.planner.hand import Hand

COLOURS = slice(0, 3)
DEPTH = 3
NEARNESS = slice(4, 6)
CHANNELS = 6

NEAR_GRIPPER = 0.1
"""Distance from the gripper at which the nearness has fallen to 1 / e [m]."""

_LEVELS = 254


def render_views(cameras: CanonicalViews, points: np.ndarray, colours: np.ndarray, hand: Hand) -> np.ndarray:
    """Views (V, S, S, 6) uint8 of a cloud, with other values of its points, if it has any, as further channels.

    Args:
        points: (N, 3) world frame [m].
        colours: (N, 3) uint8, and other values in more columns.
        hand: the gripper.
    """
    rgb, depth = cameras.render(points, colours)
    seen = depth >= 0
    surface = cameras.pixel_points(depth)
    distances = [np.linalg.norm(surface - place, axis=-1) for place in (hand.tip, hand.handled)]
    nearness = [np.where(seen & np.isfinite(away), 255 * np.exp(-away / NEAR_GRIPPER), 0) for away in distances]
    levels = np.where(seen, 1 + np.round(depth * (_LEVELS / cameras.extent)), 0)
    added = np.stack([levels, *nearness], -1).astype(np.uint8)
    return np.concatenate([rgb[..., :3], added, rgb[..., 3:]], -1)


def resized(views: np.ndarray, size: int) -> np.ndarray:
    """Views (..., S, S, 6) at another side [px], by the nearest pixel."""
    index = ((np.arange(size) + 0.5) * (views.shape[-2] / size)).astype(int)
    return views[..., index[:, None], index, :]


def surfaces(views: Tensor, cameras: CanonicalViews) -> tuple[Tensor, Tensor]:
    """Where what the pixels show is.

    Args:
        views: (..., V, S, S, 6) uint8.

    Returns:
        Positions (..., V, S, S, 3) from the workspace's centre in halves of its side, so from -1 to 1, zero where
        nothing is seen, and whether something is (..., V, S, S).
    """
    seen = views[..., DEPTH] > 0
    along = (views[..., DEPTH].float() - 1) / (_LEVELS / 2) - 1
    size = views.shape[-2]
    across = (torch.arange(size, device=views.device) + 0.5) * (2 / size) - 1
    right, down, forward = torch.as_tensor(cameras.axes, dtype=torch.float32, device=views.device).unbind(1)
    plane = across[:, None] * right[:, None, None] + across[:, None, None] * down[:, None, None]
    positions = plane + along[..., None] * forward[:, None, None]
    return positions * seen[..., None], seen
