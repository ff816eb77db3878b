"""Pick the coloured cylinder out of three and carry it to the red ball in the air."""

from __future__ import annotations

from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.pick_and_lift import PickAndLift
from stages.simulators.tabletop.things.toys import cylinder


class PickAndLiftCylinder(PickAndLift):
    """Parameters: the colour of the cylinder to pick."""

    name = "pick_and_lift_cylinder"
    levels = {"l2": (0,)}
    noun = "cylinder"

    def shape(self, scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
        return cylinder(scene, colour, x, y, yaw)

    def hand_yaw(self, state: State, thing: Thing) -> float:
        return 0.0
