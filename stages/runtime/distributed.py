"""Several processes that train one model together, as `accelerate launch` and `torchrun` start them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from accelerate import PartialState

Result = TypeVar("Result")


def is_main() -> bool:
    """Whether this is the process that writes and speaks; a single one is."""
    return os.environ.get("RANK", "0") == "0"


def distributed_state() -> PartialState:
    """The processes, joined: their number, whose turn it is, and the device of this one."""
    from accelerate import PartialState

    return PartialState(cpu=without_gpu())


def without_gpu() -> bool:
    """Whether to compute on the CPU, because there is nothing else or accelerate is set so."""
    import torch
    from accelerate.utils import parse_flag_from_env

    return parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available()


def in_main(action: Callable[[], Result]) -> Result:
    """Do something in the main process alone while the others wait; all of them get its (picklable) result."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return action()
    from accelerate.utils import broadcast_object_list

    distributed_state()
    return broadcast_object_list([action() if is_main() else None])[0]
