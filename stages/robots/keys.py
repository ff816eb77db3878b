"""Single keys that a person presses, or that come through a pipe."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from types import TracebackType
from typing import Protocol

END = "end"
"""In place of a key: no more keys can come."""


class Keys(Protocol):
    """Where keys come from."""

    def next(self, seconds: float) -> str:
        """The next key, a single character; "" if none is pressed in some time [s]; `END`."""


class StandardInput:
    """Keys of standard input: at a terminal, each as soon as it is pressed; else, every character is one."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self._before: list | None = None

    def __enter__(self) -> StandardInput:
        if os.isatty(self._input):
            self._before = termios.tcgetattr(self._input)
            tty.setcbreak(self._input)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)

    def next(self, seconds: float) -> str:
        """See `Keys.next`."""
        if not select.select([self._input], [], [], seconds)[0]:
            return ""
        return os.read(self._input, 1).decode("ascii", "replace") or END
