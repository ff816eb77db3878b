from dataclasses import dataclass


@dataclass
class EndEffectorPoseViaPlanning:
    absolute_mode: bool = True
    frame: str = "world"
    collision_checking: bool = False
