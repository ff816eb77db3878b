"""Checkpoints of a training: the old one or the new one is there, whatever happens."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write what `torch.load` reads, beside its place, and move it there.

    It is put together in memory, as torch ends a file on a full disk with an error that does not name the disk.

    Raises:
        OSError: the disk is full.
    """
    content = io.BytesIO()
    torch.save(state, content)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.partial")
    with beside.open("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
