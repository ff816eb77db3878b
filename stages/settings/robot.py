"""Settings of a real robot: how it is moved, and what counts as doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from stages.settings.ranges import NonNegative, Positive, Range, Timeout


@dataclass(frozen=True)
class RobotConfig:
    """How a real arm is moved, and what is checked before and after every motion.

    Attributes:
        realtime: whether this machine's kernel must be a real-time one ("enforce") or not ("ignore"); "auto" = only
            for a robot on another machine.
        connect_seconds: time that the robot has to answer [s].
        motion_seconds: time that a motion, or the fingers, may take [s].
        settle_seconds: time that the arm has to come to rest before it is looked at [s].
        joint_margin: distance that joints keep from their limits [rad].
        detours: where the hand cannot go straight to a pose but the arm can reach it, the joints are moved there on
            another way: "never", "marked" = if the motion is marked as one that may collide, "always".
        path_tolerance: distance from the straight line at which a moving hand is stopped [m]; at full speed franky
            itself goes up to 2 cm beside it.
        position_tolerance: distance from where the hand was sent that raises doubt [m].
        rotation_tolerance: the same of its turn [degrees].
        width_tolerance: the same of the opening of the fingers [m].
        gripper_speed: of the fingers [m/s].
        grasp_force: of the fingers [N].
    """

    realtime: Literal["auto", "enforce", "ignore"] = "auto"
    connect_seconds: Timeout = 5.0
    motion_seconds: Timeout = 30.0
    settle_seconds: NonNegative = 0.3
    joint_margin: Annotated[float, Range(0, 0.5)] = 0.05
    detours: Literal["never", "marked", "always"] = "marked"
    path_tolerance: Annotated[float, Range(0, 0.3, excluded=True)] = 0.05
    position_tolerance: Annotated[float, Range(0, 0.05, excluded=True)] = 0.01
    rotation_tolerance: Annotated[float, Range(0, 15, excluded=True)] = 3.0
    width_tolerance: Annotated[float, Range(0, 0.02, excluded=True)] = 0.005
    gripper_speed: Positive = 0.1
    grasp_force: Positive = 20.0
