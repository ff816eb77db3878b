"""What several tests share: the command line in this process, and a tiny run made by it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY = ("--set", "collect.image_size=32", "--set", "collect.valid_fraction=0.5", "--workers", "1")
"""Options of a collection that takes a second or two."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object that it printed."""
        return json.loads(self.out)


def clap_process(*args: str | Path, **options: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own, in a group of its own."""
    code = "import sys; sys.argv[0] = 'clap'; from clap_cli.app import main; main()"
    command = [sys.executable, "-c", code, *map(str, args)]
    options = {"preexec_fn": _heed_interrupts} | options
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )


def _heed_interrupts() -> None:
    """A background shell has its children ignore Ctrl-C; the command line must not inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def clap_alone(*args: str | Path, **options: Any) -> Outcome:
    """The command line in a process of its own, to its end."""
    process = clap_process(*args, **options)
    out, err = process.communicate(timeout=200)
    return Outcome(process.returncode, out, err)


def clap_here(*args: str | Path) -> Outcome:
    """The command line in this process."""
    from clap_cli.app import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["clap", *map(str, args)]
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    return Outcome(ended.value.code or 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two demonstrations of each of two variations, annotated and decomposed. Read only."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    for args in (
        ("collect", "demos", "--task", "push_button+0", "--task", "pick_and_lift+0", "--episodes", "2", *TINY),
        ("annotate-keypoints", "--workers", "1"),
        ("decompose",),
    ):
        outcome = clap_here(*args, "--run", run)
        assert outcome.code == 0, outcome.err
    return run
