"""One writer for a run directory at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.core.errors import UserError
from stages.runtime.distributed import is_main


@contextmanager
def exclusive(run: Path) -> Iterator[None]:
    """Keep a run directory to this process, or to those that train with it, among all of this user on this machine; the
    lock ends with the process, however that ends.

    Raises:
        UserError: another process has it.
    """
    if not is_main():
        yield
        return
    with _lock_file(run).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            hint = "Wait until it ends, or give another --run"
            raise UserError(f"{run} is in use by process {file.read().strip() or 'unknown'}", hint) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock_file(run: Path) -> Path:
    """Outside of the run, as a refused command leaves nothing there."""
    folder = Path(tempfile.gettempdir()) / f"clap-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:32]}.lock"
