"""The printed board: a chessboard with a marker in each white square (ChArUco), so that a part of it is enough."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stages.calibration.opencv import opencv
from stages.core.errors import UserError

DICTIONARIES = ("4x4", "5x5", "6x6")
"""Cells of a marker."""

MARKERS = 100
"""Markers that a dictionary has."""


@dataclass(frozen=True)
class Board:
    """A board's form.

    Attributes:
        columns: squares across.
        rows: squares down.
        square: side of a square [m].
        marker: side of a marker [m].
        dictionary: which markers.

    Raises:
        UserError: there is no such board.
    """

    columns: int = 7
    rows: int = 5
    square: float = 0.03
    marker: float = 0.022
    dictionary: str = "5x5"

    def __post_init__(self) -> None:
        if self.dictionary not in DICTIONARIES:
            raise UserError(f"there are no markers '{self.dictionary}'", f"Valid: {', '.join(DICTIONARIES)}")
        if min(self.columns, self.rows) < 3 or self.columns * self.rows // 2 > MARKERS:
            what = f"a board of {self.columns} x {self.rows} squares is too small or needs over {MARKERS} markers"
            raise UserError(what, "Choose from 3 x 3 to about 14 x 14")
        if not 0 < self.marker < self.square:
            what = f"markers of {1000 * self.marker:g} mm do not fit squares of {1000 * self.square:g} mm"
            raise UserError(what, "Make them about three quarters of a square")

    @property
    def size(self) -> tuple[float, float]:
        """Width and height [m]."""
        return self.columns * self.square, self.rows * self.square

    @cached_property
    def corners(self) -> np.ndarray:
        """(N, 3) corners between squares [m], by number: x to the right, y down, z into the board."""
        return np.array(self.charuco.getChessboardCorners(), float)

    @cached_property
    def charuco(self) -> Any:
        """OpenCV's board."""
        aruco = opencv().aruco
        markers = aruco.getPredefinedDictionary(getattr(aruco, f"DICT_{self.dictionary.upper()}_{MARKERS}"))
        return aruco.CharucoBoard((self.columns, self.rows), self.square, self.marker, markers)

    def __str__(self) -> str:
        sides = f"squares {1000 * self.square:g} mm, markers {1000 * self.marker:g} mm {self.dictionary}"
        return f"{self.columns} x {self.rows}, {sides}"
