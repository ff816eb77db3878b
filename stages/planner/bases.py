"""Base models in folders: named absolutely, and recognised again by their digest."""

from __future__ import annotations

from pathlib import Path

from stages.artifacts.digest import directory_digest
from stages.core.errors import UserError

PACKAGED = ("tiny", "smollm2")
"""Bases that are no folders, whatever lies in the working directory."""


def resolved(base: str) -> str:
    """The absolute path of a base that is a folder here, any other name as it is."""
    return str(Path(base).resolve()) if _is_folder(base) else base


def base_digest(base: str) -> str | None:
    """Digest of a base that is a folder here; None of others."""
    return directory_digest(Path(base)) if _is_folder(base) else None


def check_base(base: str, digest: str | None, trained: Path) -> None:
    """Refuse a base that is not the one that adapters were trained on.

    Args:
        base: its name or path.
        digest: what `base_digest` was at that time.
        trained: where the adapters are.

    Raises:
        UserError: the folder has changed.
    """
    if digest is not None and base_digest(base) not in (None, digest):
        hint = "Put the base that it was trained from back, or train it again"
        raise UserError(f"the base {base} of the planner {trained} has changed since", hint)


def _is_folder(base: str) -> bool:
    return base not in PACKAGED and Path(base).is_dir()
