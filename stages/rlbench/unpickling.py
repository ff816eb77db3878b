"""Reading pickles of other projects without running anything in them: what is not on a list is refused."""

from __future__ import annotations

import _codecs
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import UserError


class Record:
    """Stands for an object of a class that is not installed: attributes, and nothing else."""


ARRAYS: Mapping[str, Callable[..., Any]] = {
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    "_codecs.encode": _codecs.encode,
    **{
        f"numpy.{core}.{name}": function
        for core in ("core", "_core")
        for name, function in {
            "multiarray._reconstruct": np._core.multiarray._reconstruct,
            "multiarray.scalar": np._core.multiarray.scalar,
            "numeric._frombuffer": np._core.numeric._frombuffer,
        }.items()
    },
}
"""What pickled arrays and numbers of numpy are made with, by the names that its versions write."""

_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, AttributeError, LookupError, TypeError, ValueError),
    *(ArithmeticError, MemoryError, RecursionError),
)


def read_pickle(path: Path, allowed: Mapping[str, Callable[..., Any]]) -> Any:
    """What a pickle holds.

    Args:
        allowed: classes and functions that it may name, by "module.name".

    Raises:
        UserError: the file is missing, damaged, or names anything else.
    """
    try:
        with path.open("rb") as file:
            return _Restricted(file, path, allowed).load()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Copy it again") from error
    except _DAMAGE as error:
        raise UserError(f"{path} is damaged: it is not a whole pickle", "Copy it again") from error


class _Restricted(pickle.Unpickler):
    def __init__(self, file: Any, path: Path, allowed: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(file)
        self._path, self._allowed = path, allowed

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a global name.

        Raises:
            UserError: it is not allowed.
        """
        if found := self._allowed.get(f"{module}.{name}"):
            return found
        hint = "Do not trust it: data has no use for that"
        raise UserError(f"{self._path} wants {module}.{name}, which is refused", hint)
