"""Calls that may hang, and Ctrl-C while something moves."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")

_LOOK = 0.05
"""Time between looks at a call that is waited for [s]."""


class TooLate(Exception):
    """A call has not returned in its time; it goes on, unheard."""


def in_time(call: Callable[[], Result], seconds: float) -> Result:
    """What a call returns or raises, Ctrl-C being heard meanwhile.

    Raises:
        TooLate: it has not returned; its thread ends with it, or with the process.
    """
    box: dict[str, Any] = {}

    def run() -> None:
        try:
            box["result"] = call()
        except BaseException as error:
            box["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    waited = 0.0
    while thread.is_alive() and waited < seconds:
        thread.join(min(_LOOK, seconds - waited))
        waited += _LOOK
    if thread.is_alive():
        raise TooLate
    if "error" in box:
        raise box["error"]
    return box["result"]


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is noted, not raised, as libraries would lose it: whoever asks whether there was one raises it.

    Python hears signals in the main thread alone; in another, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    noted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: noted.set())
    try:
        yield noted.is_set
    finally:
        signal.signal(signal.SIGINT, before)
    if noted.is_set():
        raise KeyboardInterrupt
