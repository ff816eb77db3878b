"""A robot from the file that describes its laboratory."""

from __future__ import annotations

from stages.robots.arm import Arm
from stages.robots.cameras import open_cameras
from stages.robots.franka import FrankaArm
from stages.robots.rig import Rig
from stages.robots.robot import Robot
from stages.settings.robot import RobotConfig


def open_robot(rig: Rig, host: str | None, config: RobotConfig) -> Robot:
    """Arm and cameras of a rig, ready.

    Args:
        host: network address, in preference to the rig's.

    Raises:
        UserError: one of them cannot be reached or is not ready.
    """
    cameras = open_cameras(rig)
    arm: Arm | None = None
    try:
        arm = FrankaArm(rig.address(host), rig.robot, config)
    finally:
        if arm is None:
            for camera in cameras:
                camera.close()
    return Robot(arm, cameras)
