"""OpenCV, which only calibration needs."""

from __future__ import annotations

import importlib
from types import ModuleType

from stages.core.errors import UserError

INSTALL = 'pip install "clap-policy[calibrate]"'


def opencv() -> ModuleType:
    """The package cv2, with its part for ChArUco boards.

    Raises:
        UserError: it is not installed, or too old.
    """
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        what = "calibration needs the package opencv-python-headless"
        raise UserError(what, f"Install it with `{INSTALL}`") from error
    if not hasattr(cv2, "aruco") or not hasattr(cv2.aruco, "CharucoDetector"):
        raise UserError(f"OpenCV {cv2.__version__} detects no ChArUco boards", f"Install another with `{INSTALL}`")
    return cv2
