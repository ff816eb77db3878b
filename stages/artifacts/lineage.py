"""What a run holds, what each artifact was made from, and what is stale."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stages.artifacts.digest import DIGEST, directory_digest, listing_digest
from stages.artifacts.files import check_directory, open_artifact, read_header
from stages.artifacts.header import DATA_SET, VERSIONS, Header, Parent, damage_as_user_error
from stages.artifacts.integrity import is_whole
from stages.artifacts.resume import partial_of
from stages.artifacts.run import RunDirectory
from stages.core.errors import UserError

State = Literal["missing", "unfinished", "complete", "stale", "damaged"]


@dataclass(frozen=True)
class Node:
    """One artifact of a run.

    Attributes:
        name: its name in the run directory.
        path: where it is or would be.
        schema: its schema.
        state: of it.
        reason: why it is stale or damaged, or empty.
        parents: what it was made from: names in the run, or paths elsewhere.
        created: when, ISO 8601 in UTC, or empty.
        command: that made it, or empty.
    """

    name: str
    path: Path
    schema: str
    state: State
    reason: str = ""
    parents: tuple[str, ...] = ()
    created: str = ""
    command: str = ""


def lineage(run: RunDirectory, *, verify_content: bool = False) -> list[Node]:
    """Every artifact that a run has or lacks, in the order of the stages.

    An artifact is stale if something that it was made from has changed, is gone, or is stale itself.

    Args:
        verify_content: read everything again, base models too, and compare it with the digests.
    """
    nodes: dict[Path, Node] = {}
    for name, (path, schema) in run.stages().items():
        path = path.absolute()
        nodes[path] = _node(name, path, schema, nodes, verify_content)
    return list(nodes.values())


def _node(name: str, path: Path, schema: str, known: dict[Path, Node], verify_content: bool) -> Node:
    if not path.exists():
        return Node(name, path, schema, "unfinished" if partial_of(path).exists() else "missing")
    try:
        header, _ = read_header(path, schema)
        damaged = _damage(path, schema) if verify_content else ""
    except UserError as error:
        return Node(name, path, schema, "damaged", error.what)
    reason = damaged or _staleness(header, known, verify_content)
    state: State = "damaged" if damaged else "stale" if reason else "complete"
    parents = tuple(known[Path(p.path)].name if Path(p.path) in known else p.path for p in header.parents)
    return Node(name, path, schema, state, reason, parents, header.created, header.command)


def _damage(path: Path, schema: str) -> str:
    """What is not as it was written of an artifact or, beside a model's directory, of its curves; "" if all is."""
    curves = path.with_name(f"{path.name}.h5")
    for file in (path, curves) if path.is_dir() and curves.exists() else (path,):
        if not is_whole(file, schema):
            return f"{'it' if file == path else file.name} is not what was written"
    return ""


def _staleness(header: Header, known: dict[Path, Node], verify_content: bool) -> str:
    for parent in header.parents:
        path = Path(parent.path)
        name = known[path].name if path in known else parent.path
        if not path.exists():
            return f"{name} is gone"
        try:
            current = _digest(path, parent, verify_content)
        except UserError:
            return f"{name} cannot be read"
        if current != parent.sha256:
            return f"{name} has changed"
        if path in known and known[path].state == "stale":
            return f"{name} is stale"
    return ""


def _digest(path: Path, parent: Parent, verify_content: bool) -> str:
    if parent.schema == DATA_SET:
        return listing_digest(path)
    if parent.schema not in VERSIONS:
        return directory_digest(path) if verify_content else parent.sha256
    with damage_as_user_error(path):
        if path.is_dir():
            return check_directory(path, parent.schema)[DIGEST]
    with open_artifact(path, parent.schema) as file, damage_as_user_error(path):
        return file.attrs[DIGEST]
