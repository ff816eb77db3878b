"""The rig of a laboratory: which robot and cameras there are and where they stand, from one YAML file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from stages.core.errors import UserError
from stages.geometry.arm import BASE
from stages.geometry.poses import pose_to_matrix
from stages.settings.loader import nearest, read_yaml, updated
from stages.settings.ranges import Count, Pixels, Range

FARTHEST = 10.0
"""Of the robot's base and of cameras from the world's origin [m]."""

FARTHEST_FROM_TIP = 1.0
"""Of a camera on the hand [m]."""

_UNIT = 1e-3
"""What the norm of a quaternion may be off 1; it is normalised then."""


@dataclass(frozen=True)
class Pose:
    """A rigid pose as it stands in the file.

    Attributes:
        position: x, y, z [m]; empty = not given.
        quaternion: xyzw, of unit length; empty = not given.
    """

    position: tuple[float, ...] = ()
    quaternion: tuple[float, ...] = ()

    @property
    def given(self) -> bool:
        """Whether the file has it."""
        return bool(self.position or self.quaternion)

    @property
    def vector(self) -> np.ndarray:
        """(7,) position [m] and unit quaternion xyzw."""
        quaternion = np.array(self.quaternion, float)
        return np.concatenate([self.position, quaternion / np.linalg.norm(quaternion)])


@dataclass(frozen=True)
class RobotSettings:
    """The arm.

    Attributes:
        model: which of Franka's arms.
        host: its network address; "" = given elsewhere.
        base: base to world.
        speed: share of the arm's greatest velocity, acceleration and jerk.
    """

    model: Literal["fr3", "panda"] = "fr3"
    host: str = ""
    base: Pose = Pose(tuple(map(float, BASE)), (0.0, 0.0, 0.0, 1.0))
    speed: Annotated[float, Range(0, 1, excluded=True)] = 0.2


@dataclass(frozen=True)
class CameraSettings:
    """One RGB-D camera.

    Attributes:
        kind: how its images are read; "" = not given.
        serial: which RealSense camera.
        path: file of a recorded camera, see `RecordedCamera`; a relative one starts at the rig's folder.
        size: width and height of its images [px].
        fps: images a second that it takes.
        mount: what it is fixed to.
        pose: camera, with OpenCV axes, to world; of one on the hand, camera to tip.
    """

    kind: Literal["", "realsense", "recorded"] = ""
    serial: str = ""
    path: str = ""
    size: tuple[Pixels, ...] = (640, 480)
    fps: Count = 30
    mount: Literal["world", "hand"] = "world"
    pose: Pose = Pose()

    def camera_to_world(self, tip_pose: np.ndarray) -> np.ndarray:
        """Where the camera is while the tip has a pose (7,), world frame: (4, 4)."""
        own = pose_to_matrix(self.pose.vector)
        return pose_to_matrix(np.asarray(tip_pose, float)) @ own if self.mount == "hand" else own


@dataclass(frozen=True)
class Rig:
    """A laboratory's robot and cameras.

    Attributes:
        path: the file that describes them.
        robot: the arm.
        cameras: by name, in the file's order.
    """

    path: Path
    robot: RobotSettings = RobotSettings()
    cameras: Mapping[str, CameraSettings] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Rig:
        """Read the YAML file of a rig.

        Raises:
            UserError: it cannot be read, has an unknown key, lacks one, or has a value that cannot be.
        """
        values = read_yaml(path)
        with _of_file(path):
            if unknown := values.keys() - {"robot", "cameras"}:
                raise UserError(f"there is no key '{min(map(str, unknown))}'", "Valid: robot, cameras")
            robot = _robot(_section(values.get("robot"), "robot"))
            cameras = _section(values.get("cameras"), "cameras")
            read = {name: _camera(str(name), entry, Path(path).parent) for name, entry in cameras.items()}
            _check_serials(read)
        return cls(Path(path), robot, read)

    def address(self, given: str | None = None) -> str:
        """The robot's network address, `given` in preference to the file's.

        Raises:
            UserError: there is none.
        """
        if address := given or self.robot.host:
            return address
        raise UserError(f"{self.path}: 'robot.host' is missing", "Write the robot's address there or give --host")

    def camera(self, name: str) -> CameraSettings:
        """A camera's settings.

        Raises:
            UserError: there is none of that name.
        """
        if name in self.cameras:
            return self.cameras[name]
        hint = nearest(name, self.cameras) if self.cameras else "Describe it there"
        raise UserError(f"{self.path}: there is no camera '{name}'", hint)


@contextmanager
def _of_file(path: Path) -> Iterator[None]:
    """Put the file's name in front of what is wrong in it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error.what}", error.hint) from error


def _section(values: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping | None):
        raise UserError(f"'{name}' is a section, not a value", f"Write '{name}:' and indented keys")
    return values or {}


def _robot(values: Mapping[str, Any]) -> RobotSettings:
    robot = updated(RobotSettings(), values, "robot.")
    _check_pose(robot.base, "robot.base", FARTHEST)
    return robot


def _camera(name: str, values: Any, folder: Path) -> CameraSettings:
    where = f"cameras.{name}"
    if not name.isidentifier():
        raise UserError(f"'{name}' is not a camera's name", "Use letters, digits and underscores")
    camera = updated(CameraSettings(), _section(values, where), f"{where}.")
    if not camera.kind:
        raise UserError(f"'{where}.kind' is missing", "Valid: realsense, recorded")
    needed = "serial" if camera.kind == "realsense" else "path"
    if not getattr(camera, needed):
        raise UserError(f"'{where}.{needed}' is missing", f"A {camera.kind} camera needs it")
    if len(camera.size) != 2:
        raise UserError(f"'{where}.size' must be width and height, not {list(camera.size)}", "Give two integers")
    if camera.pose.given:
        _check_pose(camera.pose, f"{where}.pose", FARTHEST_FROM_TIP if camera.mount == "hand" else FARTHEST)
    return replace(camera, path=str(folder / camera.path)) if camera.path else camera


def _check_pose(pose: Pose, where: str, farthest: float) -> None:
    for name, values, count in (("position", pose.position, 3), ("quaternion", pose.quaternion, 4)):
        if not values:
            raise UserError(f"'{where}.{name}' is missing", f"Give {count} numbers")
        if len(values) != count or not all(map(math.isfinite, values)):
            raise UserError(f"'{where}.{name}' must be {count} finite numbers, not {list(values)}", "Correct it")
    if (distance := math.hypot(*pose.position)) > farthest:
        what = f"'{where}.position' is {distance:.4g} m away, more than {farthest:g} m"
        raise UserError(what, "Give it in metres, not in millimetres")
    if abs((norm := math.hypot(*pose.quaternion)) - 1) > _UNIT:
        raise UserError(f"'{where}.quaternion' has length {norm:.4g}, not 1", "Give a unit quaternion x, y, z, w")


def _check_serials(cameras: Mapping[str, CameraSettings]) -> None:
    owners: dict[str, str] = {}
    for name, camera in cameras.items():
        if camera.serial and (owner := owners.setdefault(camera.serial, name)) != name:
            what = f"'cameras.{name}.serial' is that of '{owner}' too"
            raise UserError(what, "Give each camera its own serial number")
