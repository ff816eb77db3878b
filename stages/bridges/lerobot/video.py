"""Videos of a data set: all episodes' images of a camera one after the other, at the data set's rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stages.bridges.lerobot.packages import need
from stages.core.errors import UserError

CODEC, PIXELS = "h264", "yuv420p"
_OPTIONS = {"g": "2", "crf": "18"}
"""A whole image at least every second frame, as frames are asked for in any order, and little loss."""


class VideoWriter:
    """A video that grows image by image.

    Args:
        path: of the new file.
        shape: height and width of the images, both even.
        fps: images a second.

    Raises:
        UserError: images of odd height or width, or no encoder.
    """

    def __init__(self, path: Path, shape: tuple[int, int], fps: int) -> None:
        av = need("av")
        if shape[0] % 2 or shape[1] % 2:
            what = f"a video cannot have images of {shape[0]} x {shape[1]} pixels, only even numbers of them"
            raise UserError(what, "Leave --video out")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._make_frame = av.open(str(path), "w"), av.VideoFrame.from_ndarray
        self._stream = self._file.add_stream(CODEC, fps, options=_OPTIONS)
        self._stream.height, self._stream.width = shape
        self._stream.pix_fmt, self._between = PIXELS, Fraction(1, fps)
        self.frames, self.size = 0, 0

    def write(self, images: np.ndarray) -> None:
        """Add images (N, H, W, 3) uint8."""
        for image in images:
            frame = self._make_frame(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = self.frames, self._between
            self._mux(frame)
            self.frames += 1

    def close(self) -> None:
        """Write what is still in the encoder, and the end."""
        self._mux(None)
        self._file.close()

    def _mux(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self.size += packet.size
            self._file.mux(packet)


def read_video(path: Path, start: float, count: int) -> np.ndarray:
    """Images (count, H, W, 3) uint8 from a time [s] on.

    Raises:
        UserError: the file is missing or damaged, or has fewer images.
    """
    av = need("av")
    try:
        with av.open(str(path)) as file:
            stream = file.streams.video[0]
            tolerance = 0.5 / float(stream.average_rate)
            file.seek(int(start / stream.time_base), stream=stream)
            images = []
            for frame in file.decode(stream):
                if frame.time is not None and frame.time > start - tolerance:
                    images.append(frame.to_ndarray(format="rgb24"))
                if len(images) == count:
                    return np.stack(images)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise UserError(f"the video {path} cannot be read: {error}", "Copy the data set again") from error
    raise UserError(f"the video {path} has no {count} images from {start:.3f} s on", "Copy the data set again")
