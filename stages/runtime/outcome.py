"""What became of a job in another process, in a form that can be sent back."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stages.core.errors import UserError


@dataclass(frozen=True)
class Outcome:
    """A result, or the error in its place.

    Attributes:
        value: the result, or the exception that was raised.
        trace: where it was raised; empty for a result and for a `UserError`.
    """

    value: Any
    failed: bool = False
    trace: str = ""

    def result(self) -> Any:
        """The result.

        Raises:
            Exception: what was raised instead; where, in the other process, is noted on it.
        """
        if not self.failed:
            return self.value
        if isinstance(self.value, tuple):
            raise UserError(*self.value)
        self.value.add_note(self.trace)
        raise self.value


def outcome_of(function: Callable[..., Any], *args: Any) -> Outcome:
    """Call a function and keep what it returns or raises, but for what ends a process."""
    try:
        return Outcome(function(*args))
    except UserError as error:
        return Outcome((error.what, error.hint), failed=True)
    except Exception as error:
        return Outcome(error, failed=True, trace=traceback.format_exc())
