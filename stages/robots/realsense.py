"""Intel RealSense cameras, through the package `pyrealsense2`."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CameraFrame
from stages.robots.rig import CameraSettings

INSTALL = 'pip install "clap-policy[realsense]"'

_WARM_UP = 30
"""Frames that are let go when the camera starts, until its exposure has settled."""

_STALE = 1
"""Frames that are let go at a read, because they were taken before it."""

_TIMEOUT = 5000
"""Of a frame [ms]."""


class RealSenseCamera:
    """One camera: colour, and depth aligned to it.

    Raises:
        UserError: the package is not installed, or the camera is not there, in use, or lacks the size.
    """

    def __init__(self, name: str, settings: CameraSettings) -> None:
        self.name = name
        self._settings = settings
        rs = _package()
        self._pipeline = rs.pipeline()
        try:
            profile = self._pipeline.start(_streams(rs, settings))
        except RuntimeError as error:
            what = f"the RealSense camera '{name}' with serial {settings.serial} does not start: {error}"
            raise UserError(what, "Check cable, serial, size, and that no other program uses it") from error
        try:
            self._align = rs.align(rs.stream.color)
            self._metres = profile.get_device().first_depth_sensor().get_depth_scale()
            lens = profile.get_stream(rs.stream.color).as_video_stream_profile().get_intrinsics()
            self._intrinsics, self._pixels = _matrix(lens), _undistorted_pixels(rs, lens)
            for _ in range(_WARM_UP):
                self._frames()
        except BaseException:
            self.close()
            raise

    def read(self, tip_pose: np.ndarray) -> CameraFrame:
        """A frame taken after the call; see `Camera.read`."""
        for _ in range(_STALE):
            self._frames()
        frames = self._align.process(self._frames())
        colour = np.asanyarray(frames.get_color_frame().get_data())
        depth = np.asanyarray(frames.get_depth_frame().get_data())
        rgb, metres = self._straight(colour), self._straight(depth).astype(np.float32) * np.float32(self._metres)
        return CameraFrame(rgb, metres, self._intrinsics, self._settings.camera_to_world(tip_pose))

    def close(self) -> None:
        """Stop the camera."""
        self._pipeline.stop()

    def _frames(self) -> Any:
        try:
            return self._pipeline.wait_for_frames(_TIMEOUT)
        except RuntimeError as error:
            what = f"the RealSense camera '{self.name}' gave no image: {error}"
            raise UserError(what, "Check its cable and start again") from error

    def _straight(self, image: np.ndarray) -> np.ndarray:
        """A copy of an image (H, W, ...) as a pinhole camera would take it; 0 where it saw nothing."""
        if self._pixels is None:
            return image.copy()
        flat = image.reshape(-1, *image.shape[2:])
        missing = self._pixels < 0
        straight = flat[np.where(missing, 0, self._pixels)]
        straight[missing] = 0
        return straight


def _package() -> ModuleType:
    try:
        return importlib.import_module("pyrealsense2")
    except ModuleNotFoundError as error:
        raise UserError("RealSense cameras need the package pyrealsense2", f"Install it with `{INSTALL}`") from error


def _streams(rs: ModuleType, settings: CameraSettings) -> Any:
    width, height = settings.size
    streams = rs.config()
    streams.enable_device(settings.serial)
    streams.enable_stream(rs.stream.depth, width, height, rs.format.z16, settings.fps)
    streams.enable_stream(rs.stream.color, width, height, rs.format.rgb8, settings.fps)
    return streams


def _matrix(lens: Any) -> np.ndarray:
    """Pinhole matrix (3, 3) [px]; the package's pixel centres are integers, ours lie at integer + 0.5."""
    return np.array([[lens.fx, 0, lens.ppx + 0.5], [0, lens.fy, lens.ppy + 0.5], [0, 0, 1.0]])


def _undistorted_pixels(rs: ModuleType, lens: Any) -> np.ndarray | None:
    """For each pixel of a pinhole image, which pixel of the lens' image shows it: (H, W) flat numbers, -1 where none
    does; None if the lens does not distort."""
    if not any(lens.coeffs):
        return None
    rows, columns = np.mgrid[: lens.height, : lens.width]
    rays = np.stack([(columns - lens.ppx) / lens.fx, (rows - lens.ppy) / lens.fy, np.ones_like(rows)], axis=-1)
    seen = [rs.rs2_project_point_to_pixel(lens, ray) for ray in rays.reshape(-1, 3).tolist()]
    u, v = np.rint(np.reshape(seen, (lens.height, lens.width, 2))).astype(int).transpose(2, 0, 1)
    inside = (u >= 0) & (u < lens.width) & (v >= 0) & (v < lens.height)
    return np.where(inside, v * lens.width + u, -1)
