"""Opening and finishing artifacts: written beside the target, renamed when complete, checked when opened."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from stages.artifacts.checksum import append_checksum, has_its_checksum
from stages.artifacts.digest import DIGEST, directory_digest, group_digest
from stages.artifacts.header import (
    DIRECTORY_HEADER,
    HEADER_DIGEST,
    OLDER,
    VERSIONS,
    Header,
    Parent,
    damage_as_user_error,
    get_header,
    header_digest,
    put_header,
    root_attributes,
)
from stages.artifacts.sink import Sink
from stages.artifacts.unreadable import unreadable
from stages.core.errors import UserError

PRODUCERS = {
    "clap.demos": "clap collect demos",
    "clap.rollouts": "clap evaluate",
    "clap.recordings": "clap deploy drive",
    "clap.keypoints": "clap annotate-keypoints",
    "clap.plans": "clap decompose",
    "clap.vlm": "clap finetune-vlm",
    "clap.fine": "clap train-fine",
    "clap.planner_evaluation": "clap evaluate --planner-only",
    "clap.bundle": "clap deploy",
}
"""The command that makes an artifact of each schema."""

MEMORY_BLOCK = 2**20
"""By how much a file in memory grows [bytes]."""

OPENED: dict[Path, str] = {}
"""Artifacts that this process has opened, with their schemas."""


@contextmanager
def writing(target: Path, header: Header, summary: dict[str, Any]) -> Iterator[h5py.File]:
    """A new HDF5 artifact; `target` appears, or is replaced, only when the block ends well.

    Args:
        target: the artifact's path.
        header: where it comes from.
        summary: kept with it, as filled by the end of the block.
    """
    with _writing_file(target) as file:
        put_header(file, header, target)
        yield file
        file.attrs["summary"] = json.dumps(summary)
        file.attrs[DIGEST] = content_digest(file, trust=True)
        file.attrs[HEADER_DIGEST] = header_digest(root_attributes(file))
        file.attrs["complete"] = True


@contextmanager
def writing_part(target: Path) -> Iterator[h5py.File]:
    """A new HDF5 file without a header, a part of an unfinished artifact; complete or absent.

    It is put together in memory, where HDF5 is much faster than in a file that Python writes.
    """
    with h5py.File(target.name, "w", driver="core", backing_store=False, block_size=MEMORY_BLOCK) as file:
        yield file
        file.flush()
        content = file.id.get_file_image()
    with _beside(target) as temporary, temporary.open("w+b", buffering=0) as raw:
        _write_all(raw, content)
        append_checksum(raw)
        os.fsync(raw.fileno())


@contextmanager
def _writing_file(target: Path) -> Iterator[h5py.File]:
    """A new HDF5 file, complete or absent."""
    with _beside(target) as temporary, temporary.open("w+b", buffering=0) as raw:
        sink = Sink(raw)
        try:
            with h5py.File(sink, "w") as file:
                yield file
        except Exception as error:
            if sink.error:
                raise sink.error from error
            raise
        if sink.error:
            raise sink.error
        append_checksum(raw)
        os.fsync(raw.fileno())


def publish_directory(source: Path, target: Path, header: Header, summary: dict[str, Any]) -> None:
    """Make a finished directory the artifact `target`, in place of an older one."""
    values = header.to_json(target) | {"summary": summary, DIGEST: _files_digest(source)}
    values[HEADER_DIGEST] = header_digest(values)
    (source / DIRECTORY_HEADER).write_text(json.dumps(values, indent=1))
    old = target.with_name(f".{target.name}.{uuid.uuid4().hex}.old")
    if target.exists():
        target.rename(old)
    source.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def open_artifact(path: Path, *schemas: str) -> h5py.File:
    """Open an HDF5 artifact of one of some schemas for reading.

    Raises:
        UserError: it is missing, forbidden, in use, truncated, damaged, incomplete, or of another schema or version.
    """
    path = Path(path)
    command = PRODUCERS[schemas[0]]
    if not path.exists():
        raise UserError(f"{path} does not exist", f"Make it with `{command}`, or name another file")
    file = open_hdf5(path, command)
    try:
        with damage_as_user_error(path):
            values = root_attributes(file)
            schema = _check_schema(path, values.get("schema"), values.get("version"), schemas)
            if not values.get("complete", False):
                raise UserError(f"{path} is incomplete", f"Finish it with `{command} --resume`")
    except UserError:
        file.close()
        raise
    OPENED[path.absolute()] = schema
    return file


def open_hdf5(path: Path, command: str) -> h5py.File:
    """Open any HDF5 file for reading.

    Args:
        command: which makes such a file.

    Raises:
        UserError: it is forbidden, in use, truncated or damaged.
    """
    try:
        if has_its_checksum(path):
            return h5py.File(path, "r")
    except OSError as error:
        raise unreadable(path, error, command) from error
    hint = f"Copy it again, or move it away and run `{command}`"
    raise UserError(f"{path} is damaged: it is not what was written", hint)


def check_directory(path: Path, schema: str) -> dict[str, Any]:
    """The header values of a directory artifact.

    Raises:
        UserError: it is missing or of another schema or version.
    """
    path = Path(path)
    command = PRODUCERS[schema]
    if not path.is_dir():
        what = f"{path} is not a directory" if path.exists() else f"{path} does not exist"
        raise UserError(what, f"Make it with `{command}`, or name another directory")
    try:
        values = json.loads((path / DIRECTORY_HEADER).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} has no readable {DIRECTORY_HEADER}", f"Make it again with `{command}`") from error
    with damage_as_user_error(path):
        _check_schema(path, values.get("schema"), values.get("version"), (schema,))
    OPENED[path.absolute()] = schema
    return values


def read_header(path: Path, schema: str) -> tuple[Header, dict[str, Any]]:
    """Header and summary of a complete artifact, file or directory."""
    path = Path(path)
    if path.is_dir() or schema in ("clap.vlm", "clap.fine", "clap.bundle") and path.suffix != ".h5":
        values = check_directory(path, schema)
        with damage_as_user_error(path):
            return Header.from_json(values, path), values["summary"]
    with open_artifact(path, schema) as file, damage_as_user_error(path):
        return get_header(file, path), json.loads(file.attrs["summary"])


def parent(path: Path, *schemas: str) -> Parent:
    """An existing artifact of one of some schemas as a parent, checked, with the digest that it carries."""
    path = Path(path)
    if path.is_dir():
        values = check_directory(path, schemas[0])
        with damage_as_user_error(path):
            schema, sha256 = schemas[0], values[DIGEST]
    else:
        with open_artifact(path, *schemas) as file, damage_as_user_error(path):
            schema, sha256 = str(file.attrs["schema"]), file.attrs[DIGEST]
    return Parent(str(path.absolute()), schema, sha256)


def check_parent(child: Path, child_schema: str, path: Path, *schemas: str) -> None:
    """Refuse a child that was made from another artifact than the one at `path`.

    Raises:
        UserError: the digests differ, or the child has no parent of that schema.
    """
    header, _ = read_header(child, child_schema)
    given = parent(path, *schemas)
    if given.sha256 not in {p.sha256 for p in header.parents if p.schema == given.schema}:
        command = PRODUCERS[child_schema]
        raise UserError(
            f"{child} was made from another {given.schema} than {path}",
            f"Make it again with `{command} --overwrite`, or name the file that belongs to it",
        )


def content_digest(file: h5py.File | Path, *, trust: bool = False) -> str:
    """Digest of what an HDF5 artifact holds below its root, whatever its provenance; see `group_digest`."""
    if isinstance(file, Path):
        with h5py.File(file, "r") as opened:
            return content_digest(opened, trust=trust)
    parts = {name: group_digest(file[name], trust=trust) for name in sorted(file)}
    content = f"{file.attrs['schema']} {file.attrs['version']} {json.dumps(parts)}"
    return hashlib.sha256(content.encode()).hexdigest()


def _write_all(file: io.FileIO, content: bytes) -> None:
    """Write everything, however many calls the system needs."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _files_digest(path: Path) -> str:
    return directory_digest(path, leave_out=frozenset({DIRECTORY_HEADER}))


def _check_schema(path: Path, found: Any, version: Any, schemas: tuple[str, ...]) -> str:
    wanted = " or ".join(schemas)
    if found is None:
        raise UserError(f"{path} is not an artifact of this tool: it names no schema", f"Give a {wanted} artifact")
    if found not in schemas:
        makers = " or ".join(f"`{PRODUCERS[schema]}`" for schema in schemas)
        raise UserError(f"{path} is a {found} artifact, not {wanted}", f"Give what {makers} wrote")
    readable = (*OLDER.get(found, ()), VERSIONS[found])
    if version not in readable:
        hint = f"Make it again with `{PRODUCERS[found]} --overwrite`"
        known = " and ".join(map(str, readable))
        raise UserError(f"{path} has version {version} of {found}, this tool reads {known}", hint)
    return found


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A temporary path in the folder of `target`, renamed to it when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
