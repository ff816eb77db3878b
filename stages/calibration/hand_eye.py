"""Hand-eye calibration: the camera's pose from several views of a board, with the hand's pose at each.

With the camera on the hand the board lies still in the world; with the camera in the world the hand holds the board.
Either way two poses are unknown: the camera's, X, in what it is fixed to, and the board's, Y. In view i the board's
pose in the camera is X^-1 M_i Y, where M_i is the tip's pose in the world, or its inverse for a camera on the hand. X
and Y are first found in closed form (Park and Martin 1994), then as those of greatest likelihood, where both the
corners in the images and the poses of the hand have errors. (OpenCV 5 offers no hand-eye calibration in Python.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from stages.calibration.detection import Sighting
from stages.geometry.poses import exp_rotation, log_rotation, rotation_angle

PIXEL_ERROR = 0.2
"""Standard deviation of a corner's place in an image [px]."""

TIP_ERROR = np.array([5e-4, 5e-4, 5e-4, 2e-3, 2e-3, 2e-3])
"""Standard deviations of the pose that the arm says its hand has, in the hand's axes [m] and [rad]."""

_LARGEST_TURN = np.radians(160)
"""Between two views for the closed form: near half a turn the sign of the axis is noise."""

_ROUNDS, _ITERATIONS = 3, 20
_STEP = 1e-6


@dataclass(frozen=True)
class HandEye:
    """A solution.

    Attributes:
        camera: (4, 4) camera to what it is fixed to: to the world, or to the tip.
        board: (4, 4) board to the other: to the tip, or to the world.
        pixels: (K,) root mean square reprojection error of each view [px].
        millimetres: (K,) how far the board's middle is from where that view alone puts it [mm].
        degrees: (K,) how much the board is turned against that.
        deviation: (2,) standard deviation of the camera's position [mm] and rotation [degrees].
        scale: (2,) how large the board is in terms of what it should be, by the hand's motion, and the standard
            deviation of that.
    """

    camera: np.ndarray
    board: np.ndarray
    pixels: np.ndarray
    millimetres: np.ndarray
    degrees: np.ndarray
    deviation: np.ndarray
    scale: np.ndarray


def turning(tips: np.ndarray) -> float:
    """How far the hand's poses (K, 4, 4) turn about a second axis: standard deviation [degrees].

    It is 0 if all rotations between them have one axis; then the camera's place along that axis does not follow.
    """
    vectors = log_rotation(np.swapaxes(tips[:1, :3, :3], 1, 2) @ tips[:, :3, :3])
    spread = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    return float(np.degrees(spread[1] / np.sqrt(len(tips))))


def solve(
    tips: np.ndarray, views: Sequence[Sighting], corners: np.ndarray, intrinsics: np.ndarray, *, on_hand: bool
) -> HandEye:
    """The camera's pose.

    Args:
        tips: (K, 4, 4) tip to world, K > 2, that turn about more than one axis.
        views: K sightings of the board.
        corners: (N, 3) of the board [m], by number.
        intrinsics: (3, 3) of the camera [px].
        on_hand: the camera is on the hand; otherwise the hand holds the board.
    """
    seen = np.stack([view.board_to_camera for view in views])
    problem = _Problem(tips, views, corners, intrinsics, on_hand)
    camera, board = _closed_form(problem.motions(tips), seen)
    for _ in range(_ROUNDS):
        problem.weigh(camera, board)
        camera, board = problem.refined(camera, board)
    squares = [np.mean(np.sum(error**2, axis=1)) for error in problem.errors(camera, board, tips)]
    expected = np.linalg.inv(camera) @ problem.motions(tips) @ board
    middle = np.append(corners.mean(axis=0), 1)
    apart = np.linalg.norm((expected @ middle - seen @ middle)[:, :3], axis=1)
    turned = np.degrees(rotation_angle(expected[:, :3, :3], seen[:, :3, :3]))
    certainty = problem.deviation(camera, board), problem.scale(camera, board)
    return HandEye(camera, board, np.sqrt(squares), 1000 * apart, turned, *certainty)


def _closed_form(motions: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """X and Y of X C_i = M_i Y, from the board's poses C_i (K, 4, 4) in the camera."""
    first, second = np.array([*combinations(range(len(motions)), 2)]).T
    hand, eye = motions[first] @ np.linalg.inv(motions[second]), seen[first] @ np.linalg.inv(seen[second])
    of_hand, of_eye = log_rotation(hand[:, :3, :3]), log_rotation(eye[:, :3, :3])
    clear = np.maximum(*(np.linalg.norm(turns, axis=1) for turns in (of_hand, of_eye))) < _LARGEST_TURN
    camera = np.eye(4)
    camera[:3, :3] = turn = _nearest_rotation(of_hand[clear].T @ of_eye[clear])
    system = (hand[:, :3, :3] - np.eye(3)).reshape(-1, 3)
    camera[:3, 3] = np.linalg.lstsq(system, (eye[:, :3, 3] @ turn.T - hand[:, :3, 3]).ravel(), rcond=None)[0]
    boards = np.linalg.inv(motions) @ camera @ seen
    board = np.eye(4)
    board[:3, :3] = _nearest_rotation(boards[:, :3, :3].sum(axis=0))
    board[:3, 3] = np.median(boards[:, :3, 3], axis=0)
    return camera, board


def _nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrix)
    return left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right


class _Problem:
    """Where corners of the board are seen, as a least-squares problem in both poses.

    The errors of the hand's poses are eliminated: to first order they make those of a view's corners correlated.
    """

    def __init__(
        self, tips: np.ndarray, views: Sequence[Sighting], corners: np.ndarray, intrinsics: np.ndarray, on_hand: bool
    ) -> None:
        self._tips, self._views, self._intrinsics, self._on_hand = tips, views, intrinsics, on_hand
        self._corners = [corners[view.numbers] for view in views]
        self._whiten: list[np.ndarray] = []

    def motions(self, tips: np.ndarray) -> np.ndarray:
        """M_i (K, 4, 4) of the module's text."""
        return np.linalg.inv(tips) if self._on_hand else tips

    def errors(self, camera: np.ndarray, board: np.ndarray, tips: np.ndarray, scale: float = 1.0) -> list[np.ndarray]:
        """(N, 2) of the corners in each view [px], were the board larger by a factor."""
        projections = self._intrinsics @ (np.linalg.inv(camera) @ self.motions(tips) @ board)[:, :3]
        errors = []
        for projection, points, view in zip(projections, self._corners, self._views, strict=True):
            image = scale * points @ projection[:, :3].T + projection[:, 3]
            errors.append(image[:, :2] / np.maximum(image[:, 2:], 1e-6) - view.pixels)
        return errors

    def weigh(self, camera: np.ndarray, board: np.ndarray) -> None:
        """Set how the errors of each view's corners go together, from both poses (nearly) as they are."""
        columns = []
        for change in np.diag(_STEP * TIP_ERROR):
            ahead, behind = (self.errors(camera, board, _displaced(self._tips, sign * change)) for sign in (1, -1))
            columns.append([np.ravel(a - b) / (2 * _STEP) for a, b in zip(ahead, behind, strict=True)])
        self._whiten = []
        for jacobian in (np.stack(view, axis=1) for view in zip(*columns, strict=True)):
            covariance = PIXEL_ERROR**2 * np.eye(len(jacobian)) + jacobian @ jacobian.T
            self._whiten.append(np.linalg.inv(np.linalg.cholesky(covariance)))

    def refined(self, camera: np.ndarray, board: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both poses after iterations by Levenberg and Marquardt."""
        damping, error = 1e-3, self._whitened(camera, board)
        for _ in range(_ITERATIONS):
            jacobian = self._jacobian(camera, board)
            normal = jacobian.T @ jacobian
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -jacobian.T @ error)
            moved = _displaced(camera, step[:6]), _displaced(board, step[6:])
            new = self._whitened(*moved)
            if new @ new < error @ error:
                done = new @ new > (1 - 1e-9) * (error @ error)
                (camera, board), error, damping = moved, new, damping / 10
                if done:
                    break
            else:
                damping *= 10
        return camera, board

    def deviation(self, camera: np.ndarray, board: np.ndarray) -> np.ndarray:
        """(2,) standard deviation of the camera's position [mm] and rotation [degrees]."""
        _, variance = _least_squares(self._jacobian(camera, board), self._whitened(camera, board))
        return np.array([1000 * np.sqrt(variance[:3].sum()), np.degrees(np.sqrt(variance[3:6].sum()))])

    def scale(self, camera: np.ndarray, board: np.ndarray) -> np.ndarray:
        """(2,) size of the board in terms of what it should be, to first order, and its standard deviation."""
        ahead, behind = (self._whitened(camera, board, 1 + sign * _STEP) for sign in (1, -1))
        jacobian = np.c_[self._jacobian(camera, board), (ahead - behind) / (2 * _STEP)]
        step, variance = _least_squares(jacobian, self._whitened(camera, board))
        return np.array([1 + step[-1], np.sqrt(variance[-1])])

    def _whitened(self, camera: np.ndarray, board: np.ndarray, scale: float = 1.0) -> np.ndarray:
        """(2 N,) errors of all corners of a board of another size, in terms of their standard deviation."""
        errors = self.errors(camera, board, self._tips, scale)
        return np.concatenate([whiten @ error.ravel() for whiten, error in zip(self._whiten, errors, strict=True)])

    def _jacobian(self, camera: np.ndarray, board: np.ndarray) -> np.ndarray:
        """(2 N, 12), by central differences."""
        columns = []
        for change in _STEP * np.eye(12):
            ahead = self._whitened(_displaced(camera, change[:6]), _displaced(board, change[6:]))
            behind = self._whitened(_displaced(camera, -change[:6]), _displaced(board, -change[6:]))
            columns.append((ahead - behind) / (2 * _STEP))
        return np.stack(columns, axis=1)


def _least_squares(jacobian: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The step (P,) that makes a whitened linear error smallest, and the variances (P,) of what it leads to, larger if
    more error is left than was expected."""
    inverse = np.linalg.pinv(jacobian.T @ jacobian)
    step = -inverse @ jacobian.T @ error
    left = error + jacobian @ step
    return step, max(1, left @ left / max(1, len(error) - len(step))) * np.diag(inverse)


def _displaced(poses: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Poses (..., 4, 4) moved by step[:3] [m] and turned by the rotation vector step[3:], in their own axes."""
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = exp_rotation(step[3:]), step[:3]
    return poses @ motion
