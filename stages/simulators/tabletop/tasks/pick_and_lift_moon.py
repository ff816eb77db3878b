"""Pick the coloured crescent out of three and carry it to the red ball in the air."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.colours import PALETTE
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import least_yaw
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.pick_and_lift import PickAndLift
from stages.simulators.tabletop.things.moons import moon


class PickAndLiftMoon(PickAndLift):
    """Parameters: the colour of the moon to pick."""

    name = "pick_and_lift_moon"
    levels = {"l2": (0,)}
    noun = "moon"

    def shape(self, scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
        return moon(scene, f"{colour} moon", PALETTE[colour], (x, y, 0), yaw)

    def hand_yaw(self, state: State, thing: Thing) -> float:
        """Across the thick middle: one finger outside, the other between the horns."""
        return least_yaw(state, thing, np.pi)
