"""Whether artifacts are what was written: asked for by `clap status --verify`, and when a command fails."""

from __future__ import annotations

from pathlib import Path

from stages.artifacts.digest import DIGEST, directory_digest
from stages.artifacts.files import OPENED, PRODUCERS, check_directory, content_digest, open_artifact
from stages.artifacts.header import DIRECTORY_HEADER, HEADER_DIGEST, UNREADABLE, header_digest, root_attributes
from stages.core.errors import UserError


def is_whole(path: Path, schema: str) -> bool:
    """Whether header and content of an artifact have the digests that were written with them; reads everything.

    Raises:
        UserError: it cannot be opened.
    """
    try:
        if path.is_dir():
            values = check_directory(path, schema)
            content = directory_digest(path, leave_out=frozenset({DIRECTORY_HEADER}))
        else:
            with open_artifact(path, schema) as file:
                values, content = root_attributes(file), content_digest(file)
        return values[DIGEST] == content and values.get(HEADER_DIGEST) in (None, header_digest(values))
    except UNREADABLE:
        return False


def damage() -> UserError | None:
    """What is wrong with an artifact that this process has opened; None if all are whole."""
    for path, schema in list(OPENED.items()):
        try:
            whole = is_whole(path, schema)
        except UserError as error:
            return error
        if not whole:
            again = f"Copy it again, or move it away and run `{PRODUCERS[schema]}`"
            return UserError(f"{path} is damaged: it is not what was written", again)
    return None
