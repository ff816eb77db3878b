"""Pick the coloured star out of three and carry it to the red ball in the air."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import least_yaw
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.pick_and_lift import PickAndLift
from stages.simulators.tabletop.things.toys import POINTS, star


class PickAndLiftStar(PickAndLift):
    """Parameters: the colour of the star to pick."""

    name = "pick_and_lift_star"
    levels = {"l2": (0,)}
    noun = "star"

    def shape(self, scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
        return star(scene, colour, x, y, yaw)

    def hand_yaw(self, state: State, thing: Thing) -> float:
        """One finger on a point, the other in the notch across from it."""
        return least_yaw(state, thing, np.pi / POINTS)
