"""Where models run."""

from __future__ import annotations

import torch

from stages.core.errors import UserError


def usable_device(name: str | torch.device) -> torch.device:
    """A device that this machine has.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps", ...

    Raises:
        UserError: there is no such device here.
    """
    here = ["cpu", *(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if torch.mps.is_available() else [])]
    hint = f"Here there is {' and '.join(here)}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"there is no device '{name}'", hint) from error
    if device.type not in here or device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"this machine has no device '{name}'", hint)
    return device
