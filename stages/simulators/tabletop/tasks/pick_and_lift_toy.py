"""Pick the coloured rubber duck out of three and carry it to the red ball in the air."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import least_yaw
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.pick_and_lift import PickAndLift
from stages.simulators.tabletop.things.toys import rubber_duck


class PickAndLiftToy(PickAndLift):
    """Parameters: the colour of the rubber duck to pick."""

    name = "pick_and_lift_toy"
    levels = {"l2": (0,)}
    noun = "rubber duck"

    def shape(self, scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
        return rubber_duck(scene, colour, x, y, yaw)

    def hand_yaw(self, state: State, thing: Thing) -> float:
        """Across the body."""
        return least_yaw(state, thing, np.pi)
