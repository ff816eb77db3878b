"""Play recordings through librealsense's own pipeline into `RealSenseCamera`, and compare what it reads.

No device is needed: librealsense records frames that are made here, by its software device, and plays them. Run it in
an environment that has pyrealsense2 (docs/cameras.md): python -m tests.compatibility.realsense
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyrealsense2 as rs

from stages.geometry.cameras import pixel_rays
from stages.robots.realsense import RealSenseCamera
from stages.robots.rig import CameraSettings, Pose

WIDTH, HEIGHT, FRAMES = 640, 480, 70
METRES = 0.0005
"""Of a unit of depth; not librealsense's default."""

NEAR, FAR = 0.5, 1.0
"""Depth to the left and to the right of the optical axis [m]."""

LENSES = {"no distortion": (0.0,) * 5, "distortion": (0.1, -0.05, 0.001, 0.002, 0.0)}


def main() -> None:
    """A lens without and one with distortion."""
    for name, coefficients in LENSES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frames.db3"
            _record(path, coefficients)
            colour, depth = _play(path)
        print(f"{name}: colour within {colour:.1f} grey values, depth within {depth:.2f} mm")
        if colour > 3 or depth > METRES * 1000:
            sys.exit(f"{name}: RealSenseCamera does not read what was recorded")


def _scene(rays: np.ndarray) -> np.ndarray:
    """Smooth colours (..., 3) in the directions (..., 3)."""
    x, y = rays[..., 0], rays[..., 1]
    return 127 + 120 * np.stack([np.sin(4 * x), np.cos(3 * y), np.sin(3 * x + 4 * y)], axis=-1)


def _lens(coefficients: tuple[float, ...]) -> Any:
    lens = rs.intrinsics()
    lens.width, lens.height, lens.fx, lens.fy, lens.ppx, lens.ppy = WIDTH, HEIGHT, 600.0, 601.0, 320.0, 240.0
    lens.model = rs.distortion.modified_brown_conrady if any(coefficients) else rs.distortion.none
    lens.coeffs = list(coefficients)
    return lens


def _undistorted_rays(coefficients: tuple[float, ...]) -> np.ndarray:
    """(H, W, 3) what each pixel of the lens sees, by fixed-point iteration on Brown's model."""
    k1, k2, p1, p2, k3 = coefficients
    v, u = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    seen_x, seen_y = (u - 320) / 600, (v - 240) / 601
    x, y = seen_x, seen_y
    for _ in range(30):
        r = x * x + y * y
        radial = 1 + r * (k1 + r * (k2 + r * k3))
        x, y = (
            (seen_x - 2 * p1 * x * y - p2 * (r + 2 * x * x)) / radial,
            (seen_y - 2 * p2 * x * y - p1 * (r + 2 * y * y)) / radial,
        )
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def _record(path: Path, coefficients: tuple[float, ...]) -> None:
    colour = np.rint(_scene(_undistorted_rays(coefficients))).astype(np.uint8)
    depth = np.full((HEIGHT, WIDTH), round(FAR / METRES), np.uint16)
    depth[:, : WIDTH // 2] = round(NEAR / METRES)
    device = rs.software_device()
    device.register_info(rs.camera_info.serial_number, "123")
    streams = [
        _stream(device, "Stereo Module", rs.stream.depth, rs.format.z16, depth, _lens((0.0,) * 5)),
        _stream(device, "RGB Camera", rs.stream.color, rs.format.rgb8, colour, _lens(coefficients)),
    ]
    streams[0][0].add_read_only_option(rs.option.depth_units, METRES)
    still = rs.extrinsics()
    still.rotation, still.translation = [1.0, 0, 0, 0, 1, 0, 0, 0, 1], [0.0, 0, 0]
    streams[0][1].register_extrinsics_to(streams[1][1], still)
    recorder = rs.recorder(str(path), device)
    sensors, queue = recorder.query_sensors(), rs.frame_queue(2)
    for sensor, (_, profile, _) in zip(sensors, streams, strict=True):
        sensor.open(profile)
        sensor.start(queue)
    for number in range(FRAMES):
        for sensor, profile, image in streams:
            sensor.on_video_frame(_frame(profile, image, number))
        time.sleep(0.02)
    for sensor in sensors:
        sensor.stop()
        sensor.close()


def _stream(device: Any, name: str, kind: Any, form: Any, image: np.ndarray, lens: Any) -> tuple[Any, Any, np.ndarray]:
    """A sensor of a device, its stream's profile, and what it sees."""
    stream = rs.video_stream()
    stream.type, stream.index, stream.uid, stream.fmt = kind, 0, kind.value, form
    stream.width, stream.height, stream.fps, stream.bpp = WIDTH, HEIGHT, 30, image[0, 0].nbytes
    stream.intrinsics = lens
    sensor = device.add_sensor(name)
    return sensor, sensor.add_video_stream(stream), image


def _frame(profile: Any, image: np.ndarray, number: int) -> Any:
    frame = rs.software_video_frame()
    frame.pixels, frame.stride, frame.bpp = image, image[0].nbytes, image[0, 0].nbytes
    frame.timestamp, frame.domain = number * 1000 / 30, rs.timestamp_domain.hardware_clock
    frame.frame_number, frame.profile = number + 1, profile.as_video_stream_profile()
    frame.depth_units = METRES
    return frame


def _play(path: Path) -> tuple[float, float]:
    """What a frame differs from the scene at most, away from the image's border and the depth's step: grey values and
    millimetres."""
    sys.modules["pyrealsense2"] = _playing(path)
    camera = RealSenseCamera("front", CameraSettings("realsense", serial="123", pose=Pose((0, 0, 0), (0, 0, 0, 1))))
    frame = camera.read(np.array([0, 0, 0, 0, 0, 0, 1.0]))
    camera.close()
    rays = pixel_rays(frame.intrinsics, HEIGHT, WIDTH)
    inner = (np.abs(rays[..., 0]) < 0.4) & (np.abs(rays[..., 1]) < 0.3)
    colour = np.abs(frame.rgb - _scene(rays))[inner].max()
    seen = inner & (np.abs(rays[..., 0]) > 0.02) & (frame.depth > 0)
    depth = np.abs(frame.depth - np.where(rays[..., 0] < 0, NEAR, FAR))[seen].max()
    if seen.sum() < 0.8 * inner.sum():
        sys.exit("most of the depth is missing")
    return float(colour), float(1000 * depth)


def _playing(path: Path) -> ModuleType:
    """The package, but every camera is the recording."""

    class Config(rs.config):
        def enable_device(self, serial: str) -> None:
            self.enable_device_from_file(str(path), True)

    module = ModuleType("pyrealsense2")
    module.__getattr__ = lambda name: getattr(rs, name)
    module.config = Config
    return module


if __name__ == "__main__":
    main()
