"""What HDF5 writes into."""

from __future__ import annotations

import io


class Sink(io.RawIOBase):
    """A file that keeps its first error for later and takes everything after it as written.

    HDF5 cannot close a file whose disk is full: it tries again when the process ends, and crashes. So every write
    succeeds, and who writes asks for the error afterwards.

    Attributes:
        error: the first error, or None.
    """

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self.error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        """Write everything, however many calls the system needs."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view) and self.error is None:
            try:
                written += self._raw.write(view[written:])
            except OSError as error:
                self.error = error
        return len(view)

    def readinto(self, buffer: memoryview) -> int:
        """Read; what could not be written reads as zeros."""
        view = memoryview(buffer).cast("B")
        count = self._raw.readinto(view) or 0
        view[count:] = bytes(len(view) - count)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the size."""
        try:
            return self._raw.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place."""
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """The present place."""
        return self._raw.tell()
