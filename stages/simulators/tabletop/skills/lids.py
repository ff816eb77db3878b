"""The motions that work lids and seats by a rounded edge or bar, which turns between the fingers as the lid turns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills.furniture import turned_about
from stages.simulators.tabletop.skills.hand import motion, pointing_down, tip_at
from stages.simulators.tabletop.state import State

SLOPE = np.deg2rad(72)
"""How far down the hand points: steep enough to reach far and near, flat enough not to lean on a standing lid [rad]."""

PAST_TIP = 0.003
"""How far beyond the tip an edge is held [m]: the fingers end 9 mm beyond it and must not reach the lid behind."""


def edge_grip(state: State, edge: Thing, hinged: Thing) -> np.ndarray:
    """(4, 4) tip pose that holds an edge at its anchor, one finger on either side.

    The hinge lies along Y of the hinged thing's frame, with the edge on its -X side.
    """
    across = state.matrix(hinged)[:3, 1]
    yaw = np.arctan2(-across[0], across[1])
    rotation = axis_rotation(2, yaw) @ axis_rotation(1, SLOPE - np.pi / 2) @ pointing_down(np.pi / 2)
    return tip_at(state.position(edge) - PAST_TIP * rotation[:, 2], rotation)


def swing_edge(
    state: State, step: Step, edge: Thing, hinged: Thing, angle: float, motions: int, let_go: bool = False
) -> Iterator[Motion]:
    """Take a held edge along the arc of a hinge, the hand keeping its rotation.

    Args:
        step: said of every motion; its focus is `edge`.
        hinged: the thing with the hinge.
        angle: about the hinge's axis, from where the edge is now [rad].
        motions: number of straight lines that the arc is cut into.
        let_go: open the gripper at the end.
    """
    start, (pivot, axis) = state.tip, state.hinge(hinged)
    held = tip_at(state.position(edge), start[:3, :3])
    for number in range(1, motions + 1):
        tip = start.copy()
        tip[:3, 3] += (turned_about(held, pivot, axis, angle * number / motions) - held)[:3, 3]
        yield motion(tip, let_go and number == motions, step, state.position(edge))
