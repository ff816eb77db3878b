"""Finding the board in images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.calibration.board import Board
from stages.calibration.opencv import opencv
from stages.geometry.cameras import project

LEAST_CORNERS = 8
"""An image that shows fewer of the board's corners is not used."""

WORST_FIT = 1.5
"""Nor is one in which they lie further from where a flat board can have them [px, root mean square]."""


@dataclass(frozen=True)
class Sighting:
    """The board in one image.

    Attributes:
        numbers: (N,) which of the board's corners were seen.
        pixels: (N, 2) where, pixel centres at integer + 0.5.
        board_to_camera: (4, 4) pose of the board from this image alone, OpenCV axes.
    """

    numbers: np.ndarray
    pixels: np.ndarray
    board_to_camera: np.ndarray


class Detector:
    """Finds one board in one camera's images.

    Args:
        board: the board's form.
        intrinsics: (3, 3) of the camera [px], pixel centres at integer + 0.5.
    """

    def __init__(self, board: Board, intrinsics: np.ndarray) -> None:
        self._board, self._intrinsics = board, np.asarray(intrinsics, float)
        self._detector = opencv().aruco.CharucoDetector(board.charuco)

    def find(self, rgb: np.ndarray) -> Sighting | str:
        """The board in an image (H, W, 3), or why it cannot be used."""
        numbers, pixels = self._corners(rgb)
        if len(numbers) < LEAST_CORNERS:
            count = len(self._board.corners)
            return f"{len(numbers)} of the board's {count} corners are seen, {LEAST_CORNERS} are needed"
        points = self._board.corners[numbers]
        if np.linalg.matrix_rank(points[:, :2] - points[:1, :2]) < 2:
            return "the corners that are seen lie on one line"
        pose, error = self._pose(points, pixels)
        if error > WORST_FIT:
            return f"the board does not fit what is seen, by {error:.1f} pixels"
        return Sighting(numbers, pixels, pose)

    def _corners(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers (N,) of the corners seen and their pixels (N, 2)."""
        cv2 = opencv()
        pixels, numbers, _, _ = self._detector.detectBoard(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        if numbers is None:
            return np.empty(0, int), np.empty((0, 2))
        return np.ravel(numbers), np.reshape(pixels, (-1, 2)).astype(float) + 0.5

    def _pose(self, points: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, float]:
        """The pose (4, 4) of points (N, 3) seen at pixels (N, 2), and the root mean square error [px]."""
        cv2 = opencv()
        _, turn, shift = cv2.solvePnP(points, pixels, self._intrinsics, None, flags=cv2.SOLVEPNP_IPPE)
        turn, shift = cv2.solvePnPRefineLM(points, pixels, self._intrinsics, None, turn, shift)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(turn)[0], np.ravel(shift)
        errors = project(points, self._intrinsics, np.linalg.inv(pose))[0] - pixels
        return pose, float(np.sqrt(np.mean(np.sum(errors**2, axis=1))))
