"""Beginning, leaving and taking up again: what `--resume` and `--overwrite` mean for every artifact."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from stages.artifacts.files import read_header
from stages.artifacts.header import DIRECTORY_HEADER, Header, damage_as_user_error
from stages.core.errors import UserError


def begin(target: Path, header: Header, *, resume: bool, overwrite: bool) -> dict[str, Any] | None:
    """Find out what is left to do for an artifact.

    Args:
        target: the artifact's path.
        header: what is asked for now.
        resume: keep what is complete, go on with what is not.
        overwrite: make it anew; a complete target stays until its successor is complete.

    Returns:
        The summary of the artifact if it is complete and what `header` asks for, else None.

    Raises:
        UserError: something exists and neither flag is given, or it was made with other settings.
    """
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other", "Give one of them")
    _sweep(target)
    if overwrite:
        shutil.rmtree(partial_of(target), ignore_errors=True)
        return None
    if target.exists():
        return _finished(target, header, resume)
    if _holds_work(partial_of(target)):
        _check_begun(target, header, resume)
    return None


def partial_of(target: Path) -> Path:
    """The directory beside `target` that holds what is complete of an unfinished artifact."""
    return target.with_name(f"{target.name}.partial")


def open_partial(target: Path, header: Header) -> Path:
    """The directory for the parts of an artifact, made or found again, with the header of what is asked for."""
    partial = partial_of(target)
    partial.mkdir(parents=True, exist_ok=True)
    temporary = partial / f".{DIRECTORY_HEADER}.tmp"
    temporary.write_text(json.dumps(header.to_json(target), indent=1))
    temporary.replace(partial / DIRECTORY_HEADER)
    return partial


def close_partial(target: Path) -> None:
    """Remove the parts once the artifact is complete."""
    shutil.rmtree(partial_of(target), ignore_errors=True)


def _holds_work(partial: Path) -> bool:
    """Whether anything is there beside the header and unfinished files: what failed at once was not begun."""
    return partial.is_dir() and any(path.name[0] != "." and path.name != DIRECTORY_HEADER for path in partial.iterdir())


def _finished(target: Path, header: Header, resume: bool) -> dict[str, Any]:
    if not resume:
        raise UserError(f"{target} exists", "Use --resume to keep it or --overwrite to make it again")
    found, summary = read_header(target, header.schema)
    _refuse_differences(target, "made", header.differences(found))
    return summary


def _check_begun(target: Path, header: Header, resume: bool) -> None:
    if not resume:
        raise UserError(f"{target} was begun and not finished", "Use --resume to go on or --overwrite to begin again")
    begun = partial_of(target) / DIRECTORY_HEADER
    if begun.exists():
        with damage_as_user_error(partial_of(target)):
            found = Header.from_json(json.loads(begun.read_text()), target)
        if found.version != header.version:
            raise UserError(f"{target} was begun by another version of this tool", "Use --overwrite to begin again")
        _refuse_differences(target, "begun", header.differences(found))


def _refuse_differences(target: Path, verb: str, differences: list[str]) -> None:
    if differences:
        hint = "Use --overwrite to make it again, or another --run"
        raise UserError(f"{target} was {verb} with other inputs or settings ({'; '.join(differences)})", hint)


def _sweep(target: Path) -> None:
    """Remove what killed writers of this target left."""
    for leftover in target.parent.glob(f".{target.name}.*"):
        if leftover.suffix == ".tmp":
            leftover.unlink(missing_ok=True)
        elif leftover.suffix == ".old":
            shutil.rmtree(leftover, ignore_errors=True)
