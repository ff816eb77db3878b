"""A board on a page, at true scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stages.calibration.board import Board
from stages.core.errors import UserError

PAPERS = {"a4": (0.297, 0.210), "a3": (0.420, 0.297), "letter": (0.2794, 0.2159)}
"""Width and height, landscape [m]."""

MARGIN = 0.005
"""Of the page around the board, where printers print nothing [m]."""

_INCH = 0.0254
_RULER = 0.1
_TEXT_HEIGHT = 0.003


def draw_page(board: Board, paper: str, dpi: int) -> Image.Image:
    """The board in the middle of a page, with its form and a line to measure below it.

    Args:
        board: what to print.
        paper: one of `PAPERS`.
        dpi: pixels per inch; 254, which is 10 per millimetre, makes the sides of squares exact.

    Raises:
        UserError: there is no such paper, the board does not fit it, or its squares are no whole number of pixels.
    """
    square = board.square / _INCH * dpi
    if abs(square - round(square)) > 1e-6 * square:
        what = f"squares of {1000 * board.square:g} mm are {square:.2f} pixels at {dpi} dpi, no whole number"
        raise UserError(what, "Use --dpi 254 and whole tenths of a millimetre")
    if paper not in PAPERS:
        raise UserError(f"there is no paper '{paper}'", f"Valid: {', '.join(PAPERS)}")
    width, height = PAPERS[paper]
    if board.size[0] > width - 2 * MARGIN or board.size[1] > height - 2 * MARGIN:
        size = " x ".join(f"{1000 * side:g}" for side in board.size)
        raise UserError(f"a board of {size} mm does not fit {paper}", "Use larger paper, or fewer or smaller squares")
    page = Image.new("L", (round(width / _INCH * dpi), round(height / _INCH * dpi)), 255)
    pixels = np.asarray(board.charuco.generateImage((board.columns * round(square), board.rows * round(square))))
    left, top = (page.width - pixels.shape[1]) // 2, (page.height - pixels.shape[0]) // 2
    page.paste(Image.fromarray(pixels), (left, top))
    _caption(page, f"{board}; print at 100 %; this line is 100 mm", left, top + pixels.shape[0], dpi)
    return page


def save_page(page: Image.Image, target: Path, dpi: int) -> None:
    """Write a page as PDF or PNG, by the target's ending; it appears only when complete.

    Raises:
        UserError: the ending is another.
    """
    kinds = {".pdf": "PDF", ".png": "PNG"}
    if target.suffix.lower() not in kinds:
        raise UserError(f"{target} ends in neither .pdf nor .png", "Name a file that does")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        page.save(temporary, kinds[target.suffix.lower()], resolution=float(dpi), dpi=(dpi, dpi))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _caption(page: Image.Image, text: str, left: int, below: int, dpi: int) -> None:
    """Text and a line of 100 mm under the board, where the page has room for them."""
    height = round(_TEXT_HEIGHT / _INCH * dpi)
    if page.height - below < 4 * height:
        return
    draw = ImageDraw.Draw(page)
    draw.text((left, below + height), text, fill=0, font=ImageFont.load_default(height))
    draw.line([(left, below + 3 * height), (left + round(_RULER / _INCH * dpi) - 1, below + 3 * height)], 0, 3)
