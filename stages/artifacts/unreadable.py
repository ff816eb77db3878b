"""Why a file cannot be opened, in words; no advice that would destroy it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from stages.core.errors import UserError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def unreadable(path: Path, error: OSError, command: str) -> UserError:
    """The error to be raised for an HDF5 file that h5py could not open.

    Args:
        error: h5py's.
        command: which makes such a file.
    """
    again = f"Name another file, or move this one away and run `{command}`"
    if path.is_dir():
        return UserError(f"{path} is a directory, not a file", "Name a file")
    if not os.access(path, os.R_OK):
        return UserError(f"{path} may not be read by this user", "Change its permissions, or ask its owner")
    if error.errno in (errno.EAGAIN, errno.EACCES) or "unable to lock file" in str(error):
        return UserError(f"{path} is being written by another process", "Wait until it ends, and run the command again")
    if path.stat().st_size == 0:
        return UserError(f"{path} is empty", again)
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return UserError(f"{path} is not an HDF5 file", again)
    reason = "is truncated: it was not copied or written to its end" if "truncated" in str(error) else "is damaged"
    return UserError(f"{path} {reason}", again)
