"""`clap calibrate`: the printed board, and cameras found from images of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Outcome, clap_here
from PIL import Image

from stages.calibration.board import Board
from stages.calibration.live import HELP, take_samples
from stages.calibration.samples import Samples
from stages.core.errors import UserError
from stages.geometry.cameras import look_at
from stages.geometry.poses import exp_rotation, log_rotation, matrix_to_pose, pose_to_matrix, rotation_angle
from stages.robots.keys import END
from stages.robots.recorded_camera import RecordedCamera
from stages.robots.rig import CameraSettings, Pose, Rig
from tests.board_images import photographed, printed, views

SIZE = (640, 480)
INTRINSICS = np.array([[600, 0, 322.5], [0, 601, 238], [0, 0, 1.0]])
MIDDLE = np.array([0.105, 0.075, 0])
"""Of the board [m]."""

UPSIDE_DOWN = np.diag([1.0, -1, -1, 1])
"""The board's z axis goes into it, the world's up."""

RIG = "cameras:\n  eye: {{kind: recorded, path: none.npz, mount: {mount}}}  # new\n"


class Pressed:
    """Keys pressed one after another."""

    def __init__(self, *keys: str) -> None:
        self._keys = iter(keys)

    def next(self, seconds: float) -> str:
        """The next of them; see `Keys.next`."""
        return next(self._keys, END)


@dataclass(frozen=True)
class Laboratory:
    """A rig whose camera is somewhere, and samples taken there.

    Attributes:
        rig: its file, without the camera's pose.
        samples: the file of samples.
        truth: (4, 4) the camera's pose.
    """

    rig: Path
    samples: Path
    truth: np.ndarray

    def calibrate(self, *args: str | Path) -> Outcome:
        """Run the command on it."""
        return clap_here(
            *("calibrate", "hand-eye", "--rig", self.rig, "--camera", "eye", "--samples", self.samples, "--json", *args)
        )

    def change(self, **arrays: np.ndarray) -> None:
        """Replace arrays of the samples."""
        np.savez(self.samples, **({**np.load(self.samples)} | arrays))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board as the command prints it."""
    out = tmp_path_factory.mktemp("board") / "board.png"
    assert clap_here("calibrate", "board", "--out", out).code == 0
    return out


@pytest.fixture(scope="module")
def photographs(page: Path) -> tuple[np.ndarray, np.ndarray]:
    """Poses (K, 4, 4) of the board in a camera, and its images (K, H, W, 3)."""
    rng = np.random.default_rng(3)
    paper = printed(page, 254)
    seen = np.linalg.inv(views(UPSIDE_DOWN[:3, :3] @ MIDDLE, 12, 0.45, 0.6, rng)) @ UPSIDE_DOWN
    return seen, np.stack([photographed(paper, pose, INTRINSICS, SIZE, rng) for pose in seen])


@pytest.fixture(params=["hand", "world"])
def laboratory(
    request: pytest.FixtureRequest, tmp_path: Path, photographs: tuple[np.ndarray, np.ndarray]
) -> Laboratory:
    """Cameras on the hand and in the world; the hand says where it is with errors of 0.2 mm and 0.03 degrees."""
    seen, images = photographs
    rng = np.random.default_rng(5)
    board = np.eye(4)
    if request.param == "hand":
        board = pose_to_matrix(np.array([0.3, 0.1, 0.752, 0.6, -0.8, 0, 0]))
        truth = pose_to_matrix(np.array([0.05, -0.02, -0.07, 0.02, 0.1, np.sqrt(0.49), np.sqrt(0.4996)]))
        tips = board @ np.linalg.inv(seen) @ np.linalg.inv(truth)
    else:
        board = pose_to_matrix(np.array([-0.1, 0.03, 0.02, 0.1, 0.7, 0.1, 0.7]))
        truth = look_at(np.array([1.2, 0.3, 1.3]), np.array([0.3, 0, 0.9]))
        tips = truth @ seen @ np.linalg.inv(board)
    tips[:, :3, 3] += rng.normal(0, 2e-4, (len(tips), 3))
    tips[:, :3, :3] = tips[:, :3, :3] @ exp_rotation(rng.normal(0, np.radians(0.03), (len(tips), 3)))
    (tmp_path / "rig.yaml").write_text(RIG.format(mount=request.param))
    Samples(images, matrix_to_pose(tips), INTRINSICS).save(tmp_path / "samples.npz")
    return Laboratory(tmp_path / "rig.yaml", tmp_path / "samples.npz", truth)


def _refused(laboratory: Laboratory, outcome: Outcome) -> str:
    """The one line, of a command that left the rig as it was."""
    assert outcome.code == 2 and not outcome.out
    assert "pose" not in laboratory.rig.read_text()
    line = outcome.err.splitlines()[-1]
    assert line.startswith("error: ") and "Traceback" not in outcome.err
    return line


def _error(laboratory: Laboratory) -> tuple[float, float]:
    """Of the pose in the file [mm] and [degrees]."""
    found = pose_to_matrix(Rig.load(laboratory.rig).cameras["eye"].pose.vector)
    turned = rotation_angle(found[:3, :3], laboratory.truth[:3, :3])
    return 1000 * np.linalg.norm(found[:3, 3] - laboratory.truth[:3, 3]), np.degrees(turned)


def test_camera_is_found_within_two_millimetres(laboratory):
    outcome = laboratory.calibrate()
    assert outcome.code == 0, outcome.err
    millimetres, degrees = _error(laboratory)
    assert millimetres < 2 and degrees < 0.3
    summary = outcome.json
    assert summary["samples"] == 12 and not summary["left_out"]
    assert summary["residual_mm"] < 1.5 and summary["residual_degrees"] < 0.3
    assert summary["deviation_mm"] < 1.5 and summary["deviation_degrees"] < 0.3
    assert millimetres < 3 * summary["deviation_mm"] and degrees < 3 * summary["deviation_degrees"]
    assert laboratory.rig.read_text().startswith("cameras:\n  eye: {kind: recorded") and "}  # new" in (
        laboratory.rig.read_text()
    )


def test_samples_that_contradict_the_others_are_left_out_and_named(laboratory):
    poses = np.load(laboratory.samples)["tip_poses"]
    poses[4, :3] += 0.02, 0, 0.01
    laboratory.change(tip_poses=poses)
    outcome = laboratory.calibrate()
    assert outcome.code == 0, outcome.err
    millimetres, degrees = _error(laboratory)
    assert millimetres < 2 and degrees < 0.3
    assert list(outcome.json["left_out"]) == ["sample 5"] and "contradicts" in outcome.json["left_out"]["sample 5"]


def test_images_without_the_board_are_left_out_until_too_few_remain(laboratory):
    images = np.load(laboratory.samples)["rgb"]
    images[:4] = 110
    laboratory.change(rgb=images)
    outcome = laboratory.calibrate()
    assert outcome.code == 0 and list(outcome.json["left_out"]) == [f"sample {number}" for number in range(1, 5)]
    laboratory.rig.write_text(RIG.format(mount=outcome.json["mount"]))
    images[4] = 110
    laboratory.change(rgb=images)
    assert "7 of 12 samples can be used, 8 are needed; sample 1: 0 of the board's 24 corners" in _refused(
        laboratory, laboratory.calibrate()
    )


@pytest.mark.parametrize("laboratory", ["hand"], indirect=True)
def test_motions_without_a_second_axis_are_refused(laboratory):
    poses = np.load(laboratory.samples)["tip_poses"]
    tips = pose_to_matrix(poses)
    turns = log_rotation(tips[0, :3, :3].T @ tips[:, :3, :3])
    axis = np.array([0.6, 0, 0.8])
    tips[:, :3, :3] = tips[0, :3, :3] @ exp_rotation((turns @ axis)[:, None] * axis)
    laboratory.change(tip_poses=matrix_to_pose(tips))
    assert "too similar: about a second axis the hand turned by 0.0" in _refused(laboratory, laboratory.calibrate())


def test_samples_that_do_not_agree_are_refused(laboratory):
    mount = "world" if "hand" in laboratory.rig.read_text() else "hand"
    laboratory.rig.write_text(RIG.format(mount=mount))
    assert "do not agree: residuals are" in _refused(laboratory, laboratory.calibrate())


def test_a_board_printed_at_another_scale_is_refused(laboratory):
    line = _refused(laboratory, laboratory.calibrate("--square", "31", "--marker", "22.7"))
    assert "squares measure 30.0 mm, not 31" in line and "--square" in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tip_poses": np.zeros((12, 6))}, "'tip_poses' in .*samples.npz is \\(12, 6\\)"),
        ({"tip_poses": np.tile([300.0, 0, 700, 0, 0, 0, 1], (12, 1))}, "not in metres"),
        ({"tip_poses": np.tile([0.3, 0, 0.7, 0, 0, 1, 1], (12, 1))}, "not of unit length"),
        ({"rgb": np.zeros((12, 48, 64), np.uint8)}, "'rgb' in .*samples.npz"),
        ({"intrinsics": np.full((3, 3), np.nan)}, "'intrinsics' in .*samples.npz"),
    ],
)
@pytest.mark.parametrize("laboratory", ["hand"], indirect=True)
def test_bad_samples_are_one_line_that_names_the_file(laboratory, change, words):
    laboratory.change(**change)
    line = _refused(laboratory, laboratory.calibrate())
    with pytest.raises(UserError, match=words):
        Samples.load(laboratory.samples)
    assert str(laboratory.samples) in line


@pytest.mark.parametrize("laboratory", ["hand"], indirect=True)
def test_wrong_names_are_one_line(laboratory):
    outcome = clap_here("calibrate", "hand-eye", "--rig", laboratory.rig, "--camera", "nose", "--samples", "x.npz")
    assert "there is no camera 'nose'" in _refused(laboratory, outcome)
    outcome = clap_here("calibrate", "hand-eye", "--rig", laboratory.rig, "--camera", "eye", "--samples", "x.npz")
    assert "x.npz is missing" in _refused(laboratory, outcome)


def test_missing_opencv_is_one_line_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", None)
    outcome = clap_here("calibrate", "board", "--out", tmp_path / "board.pdf")
    assert outcome.code == 2 and 'pip install "clap-policy[calibrate]"' in outcome.err
    assert not [*tmp_path.iterdir()]


def test_printed_board_is_read_again_at_true_scale(page):
    image = Image.open(page)
    assert image.info["dpi"] == (254, 254)
    assert image.size == (2970, 2100)
    board = Board()
    pixels, numbers, _, _ = cv2.aruco.CharucoDetector(board.charuco).detectBoard(np.asarray(image))
    assert sorted(numbers.ravel()) == list(range(24))
    placed = board.corners[numbers.ravel(), :2] * 10_000
    offset = pixels.reshape(-1, 2) + 0.5 - placed
    assert np.ptp(offset, axis=0).max() < 0.02
    assert np.allclose(offset.mean(axis=0), [(2970 - 2100) / 2, (2100 - 1500) / 2], atol=0.02)


@pytest.mark.parametrize(
    ("paper", "points"), [("a4", (841.89, 595.276)), ("a3", (1190.55, 841.89)), ("letter", (792, 612))]
)
def test_pdf_has_the_size_of_the_paper(tmp_path, paper, points):
    out = tmp_path / "board.pdf"
    assert clap_here("calibrate", "board", "--out", out, "--paper", paper).code == 0
    box = out.read_bytes().partition(b"/MediaBox [")[2].partition(b"]")[0].split()
    assert np.allclose([float(side) for side in box[2:]], points, atol=0.1)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--columns", "12"), "360 x 150 mm does not fit a4"),
        (("--dpi", "300"), "354.33 pixels at 300 dpi"),
        (("--marker", "30"), "do not fit squares"),
        (("--dictionary", "9x9"), "no markers '9x9'"),
        (("--paper", "a5"), "no paper 'a5'"),
        (("--rows", "1"), "too small"),
        (("--out", "board.jpg"), "neither .pdf nor .png"),
    ],
)
def test_boards_that_cannot_be_printed_are_one_line(tmp_path, monkeypatch, args, words):
    monkeypatch.chdir(tmp_path)
    outcome = clap_here("calibrate", "board", *args)
    assert outcome.code == 2 and words in outcome.err and not [*tmp_path.iterdir()]


def test_samples_are_taken_when_the_person_asks(tmp_path, photographs):
    _, images = photographs
    blank = np.full_like(images[0], 110)
    recording = np.stack([images[0], blank, images[1], images[2], images[3]])
    depth = np.ones(recording.shape[:3], np.float32)
    np.savez(tmp_path / "frames.npz", rgb=recording, depth=depth, intrinsics=INTRINSICS)
    pose = Pose((0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0))
    camera = RecordedCamera("eye", CameraSettings("recorded", path=str(tmp_path / "frames.npz"), pose=pose))
    places = iter([0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.402, 0.5, 0.5])  # before and after each image [m]
    said: list[str] = []
    keys = Pressed("\n", "", " ", "\r", "u", "?", "\n", "\n", "d")
    taken = take_samples(lambda: np.array([next(places), 0, 1, 0, 0, 0, 1]), camera, Board(), keys, said.append)
    assert np.array_equal(taken.rgb, recording[[0, 4]]) and np.allclose(taken.tip_poses[:, 0], [0.1, 0.5])
    assert np.array_equal(taken.intrinsics, INTRINSICS)
    assert "0 of the board's 24 corners" in said[2] and "Dropped; 1 are left" in said[4] and "moved" in said[6]
    assert said[0] == said[5] == HELP
    taken.save(tmp_path / "samples.npz")
    assert np.array_equal(Samples.load(tmp_path / "samples.npz").rgb, taken.rgb)


def test_taking_none_is_an_error():
    with pytest.raises(UserError, match="no sample was taken"):
        take_samples(lambda: np.zeros(7), None, Board(), Pressed("d"), print)
