"""A camera whose images were recorded: for tests, and to work without the laboratory."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CameraFrame
from stages.robots.rig import CameraSettings

ARRAYS = ("rgb", "depth", "intrinsics")

_FARTHEST_SEEN = 100.0
"""What half of the pixels that have a depth show is nearer than this [m]."""


class RecordedCamera:
    """Frames of a file, one at each read, the last of them again and again.

    The file is HDF5 or what `numpy.savez` writes, with `rgb` (N, H, W, 3) uint8, `depth` (N, H, W) [m], 0 where nothing
    was seen, and `intrinsics` (3, 3) or (N, 3, 3) [px], pixel centres at integer + 0.5.

    Raises:
        UserError: the file cannot be read, or lacks an array or has one of another form.
    """

    def __init__(self, name: str, settings: CameraSettings) -> None:
        self.name = name
        self._settings = settings
        self._rgb, self._depth, self._intrinsics = _checked(Path(settings.path))
        self._next = 0

    def read(self, tip_pose: np.ndarray) -> CameraFrame:
        """The next frame; see `Camera.read`."""
        number = min(self._next, len(self._rgb) - 1)
        self._next += 1
        place = self._settings.camera_to_world(tip_pose)
        return CameraFrame(self._rgb[number], self._depth[number], self._intrinsics[number], place)

    def close(self) -> None:
        """Nothing is held."""


def _checked(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arrays = _arrays(path)
    if missing := [name for name in ARRAYS if name not in arrays]:
        raise UserError(f"{path} has no array '{missing[0]}'", f"Record {', '.join(ARRAYS)}")
    rgb, depth, intrinsics = (arrays[name] for name in ARRAYS)
    if rgb.dtype != np.uint8 or rgb.ndim != 4 or rgb.shape[3] != 3 or not len(rgb):
        raise UserError(f"'rgb' in {path} is {_form(rgb)}", "Record it as (N, H, W, 3) uint8")
    if depth.dtype.kind != "f" or depth.shape != rgb.shape[:3]:
        wanted = f"{rgb.shape[:3]} of floats [m]"
        raise UserError(f"'depth' in {path} is {_form(depth)}", f"Record it as {wanted}")
    if intrinsics.dtype.kind != "f" or intrinsics.shape not in ((3, 3), (len(rgb), 3, 3)):
        raise UserError(f"'intrinsics' in {path} is {_form(intrinsics)}", "Record it as (3, 3) or (N, 3, 3) floats")
    seen = depth[np.isfinite(depth) & (depth > 0)]
    if len(seen) and np.median(seen) > _FARTHEST_SEEN:
        raise UserError(f"'depth' in {path} is not in metres", "Convert it")
    return rgb, depth.astype(np.float32), np.broadcast_to(intrinsics, (len(rgb), 3, 3))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """What a file has of the arrays."""
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                return {name: file[name][()] for name in ARRAYS if name in file}
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ARRAYS if name in file}
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing", "Name the file of recorded frames") from error
    except Exception as error:  # numpy and HDF5 raise whatever their parsers met in a damaged file
        raise UserError(f"{path} is neither HDF5 nor NPZ with frames", "Record it again") from error


def _form(array: np.ndarray) -> str:
    return f"{array.shape} {array.dtype}"
