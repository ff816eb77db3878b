"""The packages of other projects' formats, which not every installation has."""

from __future__ import annotations

import importlib
from types import ModuleType

from stages.core.errors import UserError

INSTALL = 'pip install "clap-policy[lerobot]"'


def need(module: str) -> ModuleType:
    """An optional module.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        raise UserError(f"LeRobot's format needs the package {name}", f"Install it with `{INSTALL}`") from error
