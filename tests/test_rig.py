"""The file of a laboratory, and cameras behind one protocol."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from stages.core.errors import UserError
from stages.geometry.arm import BASE
from stages.geometry.cameras import look_at
from stages.robots.cameras import open_cameras
from stages.robots.recorded_camera import RecordedCamera
from stages.robots.rig import CameraSettings, Pose, Rig
from stages.robots.rig_file import write_camera_pose

LABORATORY = """\
# the robot by the window
robot:
  model: fr3
  host: 172.16.0.2
  base: {position: [-0.31, 0, 0.752], quaternion: [0, 0, 0, 1]}
  speed: 0.2
cameras:
  front: {kind: realsense, serial: "123", pose: {position: [1.2, 0, 1.3], quaternion: [0, 1, 0, 0]}} # tripod
  wrist:
    kind: recorded
    path: frames.npz  # relative
    mount: hand  # on the flange
    pose:
      position: [0.05, 0, -0.08]  # measured by hand
      quaternion: [0, 0, 0.70710678, 0.70710678]

  # not calibrated yet
  left:
    kind: recorded
    path: frames.h5   # relative, too
"""
UNIT = Pose((0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0))


@pytest.fixture
def rig_file(tmp_path: Path) -> Path:
    """The file above."""
    path = tmp_path / "rig.yaml"
    path.write_text(LABORATORY)
    return path


def _frames(count: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "rgb": rng.integers(0, 255, (count, 6, 8, 3), np.uint8),
        "depth": rng.uniform(0.3, 1, (count, 6, 8)).astype(np.float32),
        "intrinsics": np.array([[10, 0, 4], [0, 10, 3], [0, 0, 1.0]]),
    }


def test_rig_says_what_its_file_says(rig_file):
    rig = Rig.load(rig_file)
    assert (rig.robot.model, rig.address(), rig.robot.speed) == ("fr3", "172.16.0.2", 0.2)
    assert np.allclose(rig.robot.base.vector, [*BASE, 0, 0, 0, 1])
    assert [*rig.cameras] == ["front", "wrist", "left"]
    assert rig.cameras["front"].serial == "123" and rig.cameras["front"].size == (640, 480)
    assert rig.cameras["wrist"].path == str(rig_file.parent / "frames.npz")
    assert not rig.cameras["left"].pose.given
    assert rig.address("10.0.0.1") == "10.0.0.1"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("kind: realsense, ", "", ("cameras.front.kind", "missing")),
        ("kind: realsense", "kind: kinect", ("cameras.front.kind", "kinect", "realsense, recorded")),
        ('serial: "123", ', "", ("cameras.front.serial", "missing")),
        ('"123"', "123", ("cameras.front.serial", "text")),
        ("path: frames.npz", "mount: hand", ("given twice", "mount")),
        ("  left:", "  front:", ("given twice", "front")),
        ("[0, 1, 0, 0]", "[0, 1, 0, 1]", ("cameras.front.pose.quaternion", "1.414")),
        (", quaternion: [0, 1, 0, 0]", "", ("cameras.front.pose.quaternion", "missing")),
        ("[1.2, 0, 1.3]", "[1200, 0, 1300]", ("cameras.front.pose.position", "millimetres")),
        ("[0.05, 0, -0.08]", "[50, 0, -80]", ("cameras.wrist.pose.position", "millimetres")),
        ("[-0.31, 0, 0.752]", "[-310, 0, 752]", ("robot.base.position", "millimetres")),
        ("[1.2, 0, 1.3]", "[1.2, 0]", ("cameras.front.pose.position", "3 finite numbers")),
        ("[1.2, 0, 1.3]", "[1.2, 0, .nan]", ("cameras.front.pose.position", "3 finite numbers")),
        ("[1.2, 0, 1.3]", "far", ("cameras.front.pose.position", "far")),
        ("speed: 0.2", "speed: 2", ("robot.speed", "0 to 1")),
        ("host:", "hots:", ("robot.hots", "host")),
        ("robot:", "robots:", ("robots", "robot, cameras")),
        ("cameras:", "cameras: 3\nothers:", ("others", "robot, cameras")),
        ("mount: hand", "mount: head", ("cameras.wrist.mount", "world, hand")),
        ("  wrist:", "  my wrist:", ("my wrist",)),
        ("path: frames.npz", 'serial: "123"', ("cameras.wrist.path", "missing")),
        ("path: frames.npz", 'path: frames.npz\n    serial: "123"', ("cameras.wrist.serial", "front")),
        ("model: fr3", "model: [", ("not YAML",)),
    ],
)
def test_a_bad_rig_is_one_line_that_names_file_and_key(rig_file, before, after, words):
    assert before in LABORATORY
    rig_file.write_text(LABORATORY.replace(before, after, 1))
    with pytest.raises(UserError) as error:
        Rig.load(rig_file)
    assert all(word in str(error.value) for word in (str(rig_file), *words)), error.value


def test_robot_without_an_address_names_the_key(rig_file):
    rig_file.write_text(LABORATORY.replace("  host: 172.16.0.2\n", ""))
    with pytest.raises(UserError, match=r"rig\.yaml: 'robot\.host' is missing"):
        Rig.load(rig_file).address()


def test_a_camera_without_a_pose_is_not_opened(rig_file):
    with pytest.raises(UserError, match=r"cameras\.left\.pose.*clap calibrate hand-eye --rig .* --camera left"):
        open_cameras(Rig.load(rig_file))
    rig_file.write_text("robot: {host: 1.2.3.4}\n")
    with pytest.raises(UserError, match="'cameras' is missing"):
        open_cameras(Rig.load(rig_file))


def test_recorded_cameras_give_one_frame_a_read_and_the_last_again(tmp_path):
    frames = _frames()
    np.savez(tmp_path / "frames.npz", **frames)
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        for name, array in frames.items():
            file[name] = array
    (tmp_path / "rig.yaml").write_text(
        "cameras:\n"
        "  front: {kind: recorded, path: frames.npz, pose: {position: [1, 0, 2], quaternion: [0, 0, 0, 1]}}\n"
        "  wrist: {kind: recorded, path: frames.h5, mount: hand,"
        " pose: {position: [0.1, 0, 0], quaternion: [0, 0, 0, 1]}}\n"
    )
    tip = np.array([0.2, 0.3, 1, 0, 0, np.sqrt(0.5), np.sqrt(0.5)])  # a quarter turn to the left
    places = {"front": [1, 0, 2], "wrist": [0.2, 0.4, 1]}
    for camera in open_cameras(Rig.load(tmp_path / "rig.yaml")):
        for number in (0, 1, 2, 2):
            frame = camera.read(tip)
            assert np.array_equal(frame.rgb, frames["rgb"][number])
            assert np.array_equal(frame.depth, frames["depth"][number])
            assert np.array_equal(frame.intrinsics, frames["intrinsics"])
            assert np.allclose(frame.camera_to_world[:3, 3], places[camera.name])
        camera.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rgb": None}, "no array 'rgb'"),
        ({"rgb": np.zeros((3, 6, 8, 3))}, "'rgb'"),
        ({"rgb": np.zeros((0, 6, 8, 3), np.uint8)}, "'rgb'"),
        ({"depth": np.ones((3, 6, 7))}, "'depth'"),
        ({"depth": np.full((3, 6, 8), 700.0)}, "'depth' .* not in metres"),
        ({"intrinsics": np.eye(4)}, "'intrinsics'"),
    ],
)
def test_bad_recordings_are_one_line_that_names_file_and_array(tmp_path, change, words):
    path = tmp_path / "frames.npz"
    np.savez(path, **{name: array for name, array in (_frames() | change).items() if array is not None})
    with pytest.raises(UserError, match=words) as error:
        RecordedCamera("front", CameraSettings("recorded", path=str(path), pose=UNIT))
    assert str(path) in str(error.value)


def test_missing_and_damaged_recordings_are_named(tmp_path):
    for content, words in ((None, "is missing"), (b"PK no archive", "is neither HDF5 nor NPZ")):
        path = tmp_path / "frames.npz"
        if content:
            path.write_bytes(content)
        with pytest.raises(UserError, match=f"frames.npz {words}"):
            RecordedCamera("front", CameraSettings("recorded", path=str(path), pose=UNIT))


@pytest.mark.parametrize("name", ["front", "wrist", "left"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_pose_is_written_and_all_else_of_the_file_kept(rig_file, name, newline):
    rig_file.write_bytes(LABORATORY.replace("\n", newline).encode())
    before = Rig.load(rig_file)
    placed = look_at(np.array([0.2, -0.1, 0.3]), np.array([0.1, 0.2, 0.05]))
    write_camera_pose(rig_file, name, placed)
    after = Rig.load(rig_file)
    assert np.allclose(after.cameras[name].camera_to_world(np.array([0, 0, 0, 0, 0, 0, 1.0])), placed, atol=1e-6)
    assert after.robot == before.robot
    assert all(after.cameras[other] == before.cameras[other] for other in before.cameras if other != name)
    text = rig_file.read_text()
    for comment in (
        "# the robot by the window",
        "}} # tripod",
        "# relative\n",
        "# on the flange\n",
        "h5   # relative, too",
    ):
        assert comment in text
    assert [*rig_file.parent.iterdir()] == [rig_file]


def test_a_file_that_cannot_be_changed_stays(rig_file):
    shared = LABORATORY.replace("  front: {", "  front: &shared {").replace("  left:", "  left: *shared\n  right:")
    rig_file.write_text(shared.replace('serial: "123"', "path: a.npz").replace("realsense", "recorded"))
    before = rig_file.read_text()
    with pytest.raises(UserError, match="cannot be changed.*pose: {position"):
        write_camera_pose(rig_file, "left", np.eye(4))
    assert rig_file.read_text() == before and [*rig_file.parent.iterdir()] == [rig_file]


class _Lens(SimpleNamespace):
    """Intrinsics as the package has them."""


class _RealSense:
    """As much of the package's surface as is used, which notes the calls.

    Nothing of it behaves like a camera: it is for the order of calls only.
    """

    def __init__(self, coefficients: tuple[float, ...] = (0.0,) * 5) -> None:
        self.calls: list[str] = []
        self.stream = SimpleNamespace(color="color", depth="depth")
        self.format = SimpleNamespace(rgb8="rgb8", z16="z16")
        self._lens = _Lens(fx=10.0, fy=11.0, ppx=3.5, ppy=2.5, width=8, height=6, coeffs=coefficients)
        self.colour = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
        self.raw = np.arange(6 * 8, dtype=np.uint16).reshape(6, 8) * 100

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any) -> Any:
            self.calls.append(f"{name}({', '.join(map(str, (g for g in given if g is not self)))})")
            return {
                "get_depth_scale": 0.0005,
                "get_intrinsics": self._lens,
                "get_color_frame": SimpleNamespace(get_data=lambda: self.colour),
                "get_depth_frame": SimpleNamespace(get_data=lambda: self.raw),
            }.get(name, self)

        return call

    def rs2_project_point_to_pixel(self, lens: _Lens, point: list[float]) -> list[float]:
        """A lens that shows everything one pixel further to the right."""
        return [point[0] / point[2] * lens.fx + lens.ppx + 1, point[1] / point[2] * lens.fy + lens.ppy]


def test_realsense_is_asked_in_the_order_that_its_package_wants(monkeypatch):
    package = _RealSense()
    monkeypatch.setitem(sys.modules, "pyrealsense2", package)
    settings = CameraSettings("realsense", serial="123", size=(8, 6), fps=15, pose=UNIT)
    (camera,) = open_cameras(Rig(Path("rig.yaml"), cameras={"front": settings}))
    assert package.calls[:6] == [
        "pipeline()",
        "config()",
        "enable_device(123)",
        "enable_stream(depth, 8, 6, z16, 15)",
        "enable_stream(color, 8, 6, rgb8, 15)",
        "start()",
    ]
    package.calls.clear()
    frame = camera.read(np.array([0, 0, 0, 0, 0, 0, 1.0]))
    assert package.calls == ["wait_for_frames(5000)", "wait_for_frames(5000)", "process()"] + [
        "get_color_frame()",
        "get_depth_frame()",
    ]
    assert np.array_equal(frame.rgb, package.colour) and frame.rgb is not package.colour
    assert frame.depth.dtype == np.float32 and np.allclose(frame.depth, package.raw * 0.0005)
    assert np.allclose(frame.intrinsics, [[10, 0, 4], [0, 11, 3], [0, 0, 1]])  # its pixel centres are integers
    assert np.allclose(frame.camera_to_world[:3, 3], [0, 0, 1])
    camera.close()
    assert package.calls[-1] == "stop()"


def test_what_a_lens_distorts_is_straightened(monkeypatch):
    package = _RealSense((0.1, 0.0, 0.0, 0.0, 0.0))
    monkeypatch.setitem(sys.modules, "pyrealsense2", package)
    settings = CameraSettings("realsense", serial="123", size=(8, 6), pose=UNIT)
    (camera,) = open_cameras(Rig(Path("rig.yaml"), cameras={"front": settings}))
    frame = camera.read(np.array([0, 0, 0, 0, 0, 0, 1.0]))
    assert np.array_equal(frame.rgb[:, :-1], package.colour[:, 1:]) and not frame.rgb[:, -1].any()
    assert np.allclose(frame.depth[:, :-1], package.raw[:, 1:] * 0.0005) and not frame.depth[:, -1].any()


def test_a_missing_realsense_package_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    settings = CameraSettings("realsense", serial="123", pose=UNIT)
    with pytest.raises(UserError, match=r"pyrealsense2.*pip install \"clap-policy\[realsense\]\""):
        open_cameras(Rig(Path("rig.yaml"), cameras={"front": settings}))
