"""Images of data sets on disk."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from stages.core.errors import UserError


def read_png(path: Path) -> np.ndarray:
    """The pixels (H, W, 3) uint8 of an image file.

    Raises:
        UserError: it is missing, truncated, or no colour image.
    """
    try:
        return decode_png(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing", "Copy the data set again") from error
    except OSError as error:
        raise UserError(f"{path} is truncated or damaged", "Copy it again") from error


def decode_png(data: bytes) -> np.ndarray:
    """The pixels (H, W, 3) uint8 of an encoded image.

    Raises:
        OSError: it is not a whole colour image.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(image)
    except (UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise OSError("no image") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise OSError("no colour image")
    return pixels
