"""One writer for a run directory at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.core.errors import UserError
from stages.runtime.distributed import is_main

LOCK = ".lock"


@contextmanager
def exclusive(run: Path) -> Iterator[None]:
    """Keep a run directory to this process, or to those that train with it; the lock ends with the process, however
    that ends.

    Raises:
        UserError: another process has it.
    """
    if not is_main():
        yield
        return
    run.mkdir(parents=True, exist_ok=True)
    with (run / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another one"
            hint = "Wait until it ends, or give another --run"
            raise UserError(f"{run} is in use by process {holder}", hint) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
