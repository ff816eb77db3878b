"""A checksum of all bytes at the end of an HDF5 file, where HDF5 does not look.

The HDF5 library runs for ever, or asks for all memory, on some files with a few bytes overwritten, as it does not check
the lengths of texts. So a file's bytes are compared before it is opened. Other tools can change the file; it has no
checksum any more then, and none is asked for.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import zlib
from pathlib import Path

_MARK = b"\nCLAP-CRC32:"
_LENGTH = len(_MARK) + 8
_BLOCK = 1 << 20

_known: set[tuple[Path, int, int, bool]] = set()


def append_checksum(file: io.FileIO) -> None:
    """Add the checksum of a whole file, open for reading and writing, at its end."""
    found = _mark(file, file.seek(0, io.SEEK_END))
    file.seek(0, io.SEEK_END)
    if file.write(found) != _LENGTH:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def has_its_checksum(path: Path, *, required: bool = False) -> bool:
    """Whether a file's bytes have the checksum at its end, or it has none; each state of a file is read once.

    Args:
        required: whether a file must have one.

    Raises:
        BlockingIOError: another process is writing it.
    """
    state = path.stat()
    key = (path.absolute(), state.st_mtime_ns, state.st_size, required)
    if key not in _known:
        with path.open("rb") as file:
            length = max(state.st_size - _LENGTH, 0)
            file.seek(length)
            mark = file.read()
            if required and not mark.startswith(_MARK):
                return False
            if mark.startswith(_MARK) and mark != _mark(file, length):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # which HDF5 holds while it writes
                return False
        _known.add(key)
    return True


def _mark(file: io.FileIO | io.BufferedReader, length: int) -> bytes:
    """What stands at the end of a file of so many bytes before it."""
    file.seek(0)
    found, left = 0, length
    while left and (block := file.read(min(_BLOCK, left))):
        found, left = zlib.crc32(block, found), left - len(block)
    return _MARK + b"%08x" % found
