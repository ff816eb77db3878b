"""RGB-D cameras of a real robot behind one protocol."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CameraFrame
from stages.robots.rig import CameraSettings, Pose, Rig

UNKNOWN_POSE = Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
"""Of a camera that is yet to be calibrated: that of the world, or of the tip."""


class Camera(Protocol):
    """A camera that is open.

    Attributes:
        name: its name in the rig.
    """

    name: str

    def read(self, tip_pose: np.ndarray) -> CameraFrame:
        """What it sees now.

        Args:
            tip_pose: (7,) of the hand at this moment, world frame; a camera on the hand is placed by it.

        Raises:
            UserError: no image came.
        """

    def close(self) -> None:
        """Let go of the device or file."""


def open_cameras(rig: Rig) -> list[Camera]:
    """Every camera of a rig, in its order; none stays open if one cannot be opened.

    Raises:
        UserError: there is none, one is not calibrated, or one cannot be opened.
    """
    if not rig.cameras:
        raise UserError(f"{rig.path}: 'cameras' is missing", "Describe at least one camera there (docs/cameras.md)")
    for name, settings in rig.cameras.items():
        if not settings.pose.given:
            command = f"clap calibrate hand-eye --rig {rig.path} --camera {name}"
            raise UserError(f"{rig.path}: 'cameras.{name}.pose' is missing", f"Find it with `{command}`, or write it")
    opened: list[Camera] = []
    try:
        for name, settings in rig.cameras.items():
            opened.append(open_camera(name, settings))
    except BaseException:
        for camera in opened:
            camera.close()
        raise
    return opened


def open_camera(name: str, settings: CameraSettings) -> Camera:
    """One camera, whatever its kind.

    Raises:
        UserError: it cannot be opened.
    """
    if settings.kind == "realsense":
        from stages.robots.realsense import RealSenseCamera

        return RealSenseCamera(name, settings)
    from stages.robots.recorded_camera import RecordedCamera

    return RecordedCamera(name, settings)
