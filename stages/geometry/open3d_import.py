"""Open3D on a bare machine: its import needs libusb, which a package from the index carries."""

from __future__ import annotations

import ctypes
from functools import cache
from types import ModuleType


@cache
def import_open3d() -> ModuleType:
    """Import and return `open3d`, loading the packaged libusb first."""
    import libusb_package

    library = libusb_package.get_library_path()
    if library is not None:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    import open3d

    return open3d
