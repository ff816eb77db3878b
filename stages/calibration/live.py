"""Taking samples with a robot that a person guides by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stages.calibration.board import Board
from stages.calibration.detection import Detector, Sighting
from stages.calibration.hand_eye import turning
from stages.calibration.opencv import opencv
from stages.calibration.samples import Samples
from stages.core.errors import UserError
from stages.core.observation import CameraFrame
from stages.geometry.poses import pose_to_matrix, rotation_angle
from stages.robots.cameras import Camera
from stages.robots.keys import END, Keys

STILL = 0.001, np.radians(0.2)
"""What the hand may move while an image is taken [m] and [rad]."""

HELP = "Guide the hand, let go, then Enter or space: take a sample; u: drop the last one; d: done"

_TAKE, _DROP, _DONE = ("\n", "\r", " "), "u", "d"
_WAIT = 0.1


def take_samples(
    tip_pose: Callable[[], np.ndarray],
    camera: Camera,
    board: Board,
    keys: Keys,
    say: Callable[[str], None],
) -> Samples:
    """Samples, one for each time that the person asks for it.

    Args:
        tip_pose: (7,) of the hand now, world frame.
        camera: the camera to calibrate.
        board: the board that it sees.
        keys: that the person presses; when they end, it is done.
        say: called with what the person is to know.

    Raises:
        UserError: none was taken, or OpenCV is not installed.
    """
    opencv()  # before anybody guides a hand for nothing
    frames: list[CameraFrame] = []
    poses: list[np.ndarray] = []
    say(HELP)
    while (key := keys.next(_WAIT)) not in (_DONE, END):
        if key == _DROP and frames:
            del frames[-1], poses[-1]
            say(f"Dropped; {len(frames)} are left")
        elif key in _TAKE:
            try:
                frame, pose = _sample(tip_pose, camera, board)
            except UserError as error:  # the samples taken so far must not be lost
                say(f"Not kept: {error}")
                continue
            frames.append(frame)
            poses.append(pose)
            say(_progress(poses))
        elif key:
            say(HELP)
    if not frames:
        raise UserError("no sample was taken", "Press Enter for each, d at the end")
    return Samples(np.stack([frame.rgb for frame in frames]), np.stack(poses), np.array(frames[0].intrinsics))


def _sample(tip_pose: Callable[[], np.ndarray], camera: Camera, board: Board) -> tuple[CameraFrame, np.ndarray]:
    """An image and the pose (7,) of the hand.

    Raises:
        UserError: the hand moved, the board cannot be seen, or robot or camera gave nothing.
    """
    before = np.array(tip_pose(), float)
    frame = camera.read(before)
    moved = np.linalg.inv(pose_to_matrix(before)) @ pose_to_matrix(np.array(tip_pose(), float))
    if np.linalg.norm(moved[:3, 3]) > STILL[0] or rotation_angle(moved[:3, :3], np.eye(3)) > STILL[1]:
        raise UserError("the hand moved meanwhile", "Let go of it before you press Enter")
    found = Detector(board, frame.intrinsics).find(frame.rgb)
    if not isinstance(found, Sighting):
        raise UserError(found)
    return frame, before


def _progress(poses: list[np.ndarray]) -> str:
    tips = pose_to_matrix(np.stack(poses))
    turned = f", turned by {turning(tips):.0f} degrees about a second axis" if len(tips) > 2 else ""
    return f"Sample {len(poses)} is taken{turned}"
