"""A second look: where a decision is in doubt, the scene is seen from other sides too, and the surest decision counts.

The canonical views are cut anew from the scene turned about the vertical, so the pointer sees other pixels; what it
finds is turned back (test-time augmentation, with the calibrated confidence as the judge).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner.hand import Hand
from stages.planner.planner import Planner, StepDecision
from stages.planner.pointing.reading import Pointing

SIDES = (0.12, -0.12)
"""Turns of the scene [rad], no larger than in fine-tuning (`vlm.turn`)."""


def decide_with_second_look(
    planner: Planner,
    ask: Callable[[np.ndarray, Sequence[np.ndarray]], StepDecision],
    views: np.ndarray,
    cloud: tuple[np.ndarray, np.ndarray],
    hand: Hand,
    below: float,
    excluded: Sequence[np.ndarray] = (),
) -> StepDecision:
    """The surest decision, of one look or, where that is less sure than `below`, of one from every side.

    Args:
        ask: decides from views (V, S, S, 6) and the excluded places as these show them.
        views: of the scene as it is.
        cloud: points (N, 3) [m], world frame, and colours (N, 3) uint8.
        hand: the gripper.
        below: confidence in [0, 1]; 0 = one look is enough.
        excluded: places (3,) where the step is not, world frame [m].
    """
    first = ask(views, excluded)
    if first.confidence >= below:
        return first
    points, colours = cloud
    looks = [first]
    for angle in SIDES:
        seen = planner.views(_turned(points, angle), colours, hand.moved(partial(_turned, angle=angle)))
        looks.append(_turned_back(ask(seen, [_turned(place, angle) for place in excluded]), angle, first))
    return max(looks, key=lambda look: look.confidence)


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Points (..., 3) turned about the vertical through the workspace's centre."""
    return ((points - WORKSPACE_CENTRE) @ axis_rotation(2, angle).T + WORKSPACE_CENTRE).astype(points.dtype)


def _turned_back(look: StepDecision, angle: float, first: StepDecision) -> StepDecision:
    """A decision about the turned scene in the frame of the world; heatmaps stay those of the first look."""

    def back(pointing: Pointing, known: Pointing | None) -> Pointing:
        heatmaps = known.heatmaps if known else None
        return replace(pointing, point=_turned(pointing.point, -angle), heatmaps=heatmaps)

    objects = {name: back(pointing, first.objects.get(name)) for name, pointing in look.objects.items()}
    return replace(look, keypoint=back(look.keypoint, first.keypoint), objects=objects)
