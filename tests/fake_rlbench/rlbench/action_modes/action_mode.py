from dataclasses import dataclass
from typing import Any


@dataclass
class MoveArmThenGripper:
    arm_action_mode: Any
    gripper_action_mode: Any
