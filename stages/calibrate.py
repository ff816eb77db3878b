"""Where a rig's cameras are: prints the board, and finds the pose of a camera from images of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.calibration.board import Board
from stages.calibration.detection import Detector, Sighting
from stages.calibration.hand_eye import HandEye, solve, turning
from stages.calibration.printing import draw_page, save_page
from stages.calibration.samples import Samples
from stages.core.errors import UserError
from stages.core.progress import Progress, silent
from stages.geometry.poses import matrix_to_pose
from stages.robots.rig import Rig
from stages.robots.rig_file import write_camera_pose

MOST_LEFT_OUT = 0.2
"""Share of the samples that may contradict the others."""

_CONTRADICTS = 3.0
"""A sample contradicts the others if its residual is above the limit and so many times their median."""

_SIGNIFICANT = 3.0
"""The board has another size than it should if that differs by so many standard deviations."""


@dataclass(frozen=True)
class Limits:
    """What a calibration must have to be written.

    Attributes:
        samples: that many at least.
        turning: of the hand about a second axis, standard deviation [degrees].
        millimetres: of the residuals, root mean square, and of the position's standard deviation.
        degrees: of those of the rotation.
        scale: what the board's size may be off 1, by the hand's motion.
    """

    samples: int = 8
    turning: float = 6.0
    millimetres: float = 5.0
    degrees: float = 1.0
    scale: float = 0.01


def print_board(board: Board, target: Path, paper: str = "a4", dpi: int = 254) -> dict[str, Any]:
    """Write a board's page as PDF or PNG; see `draw_page` and `save_page` for errors."""
    save_page(draw_page(board, paper, dpi), target, dpi)
    return {"board": str(board), "corners": len(board.corners), "paper": paper, "written": str(target)}


def calibrate_hand_eye(
    rig: Rig,
    name: str,
    samples: Samples,
    board: Board,
    limits: Limits | None = None,
    *,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Find a camera's pose and write it into the rig's file.

    Args:
        rig: as read; how the camera is mounted decides whether it or the board is on the hand.
        name: of the camera.
        samples: images of the board and poses of the hand.
        board: the board's form.
        limits: what makes it refuse.
        progress: called while images are looked at.

    Raises:
        UserError: no such camera, too few usable or too similar samples, or residuals above the limits; nothing is
            written then.
    """
    limits = limits or Limits()
    on_hand = rig.camera(name).mount == "hand"
    views, left_out = _views(samples, board, progress)
    _check_samples(samples.tips[list(views)], left_out, limits)
    found = _solved(samples, views, board, limits, left_out, on_hand)
    _check_solution(found, board, limits)
    write_camera_pose(rig.path, name, found.camera)
    return _summary(rig, name, found, left_out)


def _views(samples: Samples, board: Board, progress: Progress) -> tuple[dict[int, Sighting], dict[str, str]]:
    """The usable samples by number, and why the others are not."""
    detector, views, left_out = Detector(board, samples.intrinsics), {}, {}
    for number, rgb in enumerate(samples.rgb):
        view = detector.find(rgb)
        if isinstance(view, Sighting):
            views[number] = view
        else:
            left_out[_label(number)] = view
        progress(number + 1, len(samples), "images")
    return views, left_out


def _check_samples(tips: np.ndarray, left_out: dict[str, str], limits: Limits) -> None:
    if len(tips) < limits.samples:
        why = "".join(f"; {name}: {reason}" for name, reason in [*left_out.items()][:1])
        what = f"{len(tips)} of {len(tips) + len(left_out)} samples can be used, {limits.samples} are needed{why}"
        raise UserError(what, "Take more samples with the whole board in view, sharp and evenly lit")
    if (turned := turning(tips)) < limits.turning:
        what = f"the poses are too similar: about a second axis the hand turned by {turned:.1f} degrees"
        hint = f"Tilt it to all sides, until there are {limits.turning:g} degrees (standard deviation)"
        raise UserError(what, hint)


def _solved(
    samples: Samples,
    views: dict[int, Sighting],
    board: Board,
    limits: Limits,
    left_out: dict[str, str],
    on_hand: bool,
) -> HandEye:
    """The solution without samples that contradict the others, which are noted in `left_out`."""
    may_go = int(MOST_LEFT_OUT * len(views))
    while True:
        numbers = [*views]
        tips, intrinsics = samples.tips[numbers], samples.intrinsics
        found = solve(tips, [*views.values()], board.corners, intrinsics, on_hand=on_hand)
        worst = _worst(found, limits)
        if worst is None or not may_go or len(views) <= limits.samples:
            return found
        may_go -= 1
        del views[numbers[worst]]
        off = f"{found.millimetres[worst]:.1f} mm and {found.degrees[worst]:.2f} degrees off"
        left_out[_label(numbers[worst])] = f"contradicts the others, {off}"


def _worst(found: HandEye, limits: Limits) -> int | None:
    """Which sample contradicts the others most, if one does."""
    shares = np.maximum(found.millimetres / limits.millimetres, found.degrees / limits.degrees)
    worst = int(np.argmax(shares))
    return worst if shares[worst] > max(1, _CONTRADICTS * np.median(shares)) else None


def _check_solution(found: HandEye, board: Board, limits: Limits) -> None:
    millimetres, degrees = _rms(found.millimetres), _rms(found.degrees)
    if millimetres > limits.millimetres or degrees > limits.degrees:
        what = f"the samples do not agree: residuals are {millimetres:.1f} mm and {degrees:.2f} degrees"
        hint = "Check mount in the rig, the board's form, and that board and camera sit tight"
        raise UserError(what, hint)
    scale, scale_deviation = found.scale
    if abs(scale - 1) > max(limits.scale, _SIGNIFICANT * scale_deviation):
        what = f"the hand's motion says that squares measure {1000 * scale * board.square:.1f} mm"
        hint = "Measure them: if they do, give --square and --marker so; if not, the camera's intrinsics are wrong"
        raise UserError(f"{what}, not {1000 * board.square:g}", hint)
    if found.deviation[0] > limits.millimetres or found.deviation[1] > limits.degrees:
        uncertain = f"{found.deviation[0]:.1f} mm and {found.deviation[1]:.2f} degrees"
        raise UserError(f"the camera's pose is known to {uncertain} only", "Take more samples that differ more")


def _summary(rig: Rig, name: str, found: HandEye, left_out: dict[str, str]) -> dict[str, Any]:
    pose = matrix_to_pose(found.camera)
    return {
        "camera": name,
        "mount": rig.camera(name).mount,
        "samples": len(found.pixels),
        "left_out": left_out,
        "residual_mm": _rms(found.millimetres),
        "residual_degrees": _rms(found.degrees),
        "residual_pixels": _rms(found.pixels),
        "board_scale": float(found.scale[0]),
        "deviation_mm": float(found.deviation[0]),
        "deviation_degrees": float(found.deviation[1]),
        "position": pose[:3].round(6).tolist(),
        "quaternion": pose[3:].round(8).tolist(),
        "written": str(rig.path),
    }


def _label(number: int) -> str:
    return f"sample {number + 1}"


def _rms(values: Sequence[float] | np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
