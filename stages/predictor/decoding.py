"""From the network's scores to an action, and from an action to the labels the scores are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.geometry.canonical import CanonicalViews
from stages.geometry.poses import matrix_to_quaternion, quaternion_to_matrix
from stages.predictor.rotation import HALF_TURN, facing, likeliest, soft_label
from stages.predictor.transformer import Outputs

CLOSE = 0.02
"""Radius [m] around the chosen point whose probability is the confidence."""


@dataclass(frozen=True)
class Prediction:
    """The next keyframe.

    Attributes:
        pose: (7,) of the gripper tip, world frame.
        gripper_open: whether the gripper is open afterwards.
        ignore_collision: whether the motion may touch things.
        confidence: probability in [0, 1] within 2 cm of the chosen point, the geometric mean over the views.
    """

    pose: np.ndarray
    gripper_open: bool
    ignore_collision: bool
    confidence: float


@dataclass
class Targets:
    """Labels of a batch.

    Attributes:
        pixels: (B, V, 2) column and row of the position.
        rotation: (B, CELLS) probabilities.
        gripper_open, ignore_collision: (B,) in {0, 1}.
    """

    pixels: Tensor
    rotation: Tensor
    gripper_open: Tensor
    ignore_collision: Tensor


def label(action: np.ndarray, views: CanonicalViews, free: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (V, 2), and probabilities of rotations (CELLS,), of an action (9,) whose fingers are free to exchange."""
    rotation = quaternion_to_matrix(action[3:7])
    right = np.stack([rotation, rotation @ HALF_TURN]) if free else rotation[None]
    return views.project(action[:3]), soft_label(right)


def losses(outputs: Outputs, targets: Targets, spread: float = 1.5) -> dict[str, Tensor]:
    """Cross-entropies [nat], means over the batch.

    Args:
        spread: standard deviation [px] of the Gaussian that the position's heatmap should be.
    """
    size = outputs.heatmaps.shape[-1]
    centres = torch.arange(size, device=targets.pixels.device) + 0.5
    waves = (-0.5 * ((centres - targets.pixels[..., None]) / spread) ** 2).softmax(-1)
    scores = outputs.heatmaps.float()
    expected = torch.einsum("bvhw,bvw,bvh->bv", scores, waves[:, :, 0], waves[:, :, 1])
    binary = F.binary_cross_entropy_with_logits
    return {
        "position": (scores.flatten(2).logsumexp(-1) - expected).mean(),
        "rotation": F.cross_entropy(outputs.rotation.float(), targets.rotation),
        "gripper": binary(outputs.gripper_open.float(), targets.gripper_open),
        "collision": binary(outputs.ignore_collision.float(), targets.ignore_collision),
    }


def decode(
    outputs: Outputs, views: list[CanonicalViews], free: Sequence[bool], references: np.ndarray
) -> list[Prediction]:
    """The actions that a batch of scores means.

    Args:
        views: through which each sample is seen.
        free: of each sample, whether the fingers can be exchanged; the rotation nearer to its reference is taken then.
        references: (B, 3, 3) rotations of the tip.
    """
    heatmaps = outputs.heatmaps.float().flatten(2).log_softmax(-1).view_as(outputs.heatmaps).cpu().numpy()
    rotations = likeliest(outputs.rotation.float().softmax(-1).cpu().numpy())
    rotations = np.where(np.array(free)[:, None, None], facing(rotations, references), rotations)
    quaternions = matrix_to_quaternion(rotations)
    opening, collision = (outputs.gripper_open > 0).tolist(), (outputs.ignore_collision > 0).tolist()
    predictions = []
    for i, view in enumerate(views):
        point, _ = view.lift(heatmaps[i])
        pose = np.concatenate([point, quaternions[i]])
        predictions.append(Prediction(pose, opening[i], collision[i], _confidence(heatmaps[i], point, view)))
    return predictions


def _confidence(heatmaps: np.ndarray, point: np.ndarray, views: CanonicalViews) -> float:
    """Geometric mean over views (V, S, S) of the probability within `CLOSE` of a point (3,)."""
    centres = np.arange(views.size) + 0.5
    column, row = np.moveaxis(views.project(point), -1, 0)
    radius = CLOSE / views.extent * views.size
    squared = (centres - column[:, None, None]) ** 2 + (centres[:, None] - row[:, None, None]) ** 2
    mass = np.where(squared <= radius**2, np.exp(heatmaps), 0).sum((1, 2))
    return float(np.clip(np.exp(np.log(np.maximum(mass, 1e-9)).mean()), 0, 1))
