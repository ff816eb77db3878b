"""Where an artifact comes from: schema, tool, settings, seed, parents. Root attributes of a file, `clap.json` of a
directory."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import h5py

from stages.core.errors import UserError

VERSIONS = {
    "clap.demos": 3,
    "clap.rollouts": 2,
    "clap.recordings": 2,
    "clap.keypoints": 1,
    "clap.plans": 2,
    "clap.vlm": 2,
    "clap.fine": 2,
    "clap.planner_evaluation": 3,
    "clap.bundle": 2,
}
"""Schemas and the version of each that this tool writes and reads."""

OLDER = {"clap.demos": (2,), "clap.rollouts": (1,), "clap.recordings": (1,)}
"""Versions that are still read. Episodes of these have no `next_obs`, and both fingers' positions are positive."""

EPISODES = ("clap.demos", "clap.rollouts", "clap.recordings")
"""Schemas of episodes in one layout: whatever was executed can be trained on."""

DATA_SET = "data set"
"""As a parent's schema: a folder of another project's data, known by the names and sizes of its files."""

DIRECTORY_HEADER = "clap.json"

UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What reading a damaged artifact can raise."""

HEADER_DIGEST = "header_sha256"
"""Attribute with the digest of all others."""


@dataclass(frozen=True)
class Parent:
    """An artifact that another was made from.

    Attributes:
        path: where it was; written relative to the child, read back absolute.
        schema: its schema name; of a folder that no stage made, such as a base model's, what it is in words.
        sha256: digest of its content at that time.
    """

    path: str
    schema: str
    sha256: str


@dataclass(frozen=True)
class Header:
    """Provenance of an artifact.

    Attributes:
        schema: a key of `VERSIONS`.
        version: of the schema.
        seed: of the run.
        settings: the values that decide the content; another value makes another artifact.
        config: the whole resolved configuration.
        parents: what it was made from.
        tool_version, git_commit, command, created: of the making; they do not decide the content.
    """

    schema: str
    version: int
    seed: int
    settings: dict[str, Any]
    config: dict[str, Any]
    parents: tuple[Parent, ...]
    tool_version: str
    git_commit: str
    command: str
    created: str

    @classmethod
    def create(
        cls,
        schema: str,
        *,
        config: Mapping[str, Any],
        settings: Mapping[str, Any],
        seed: int,
        parents: Iterable[Parent] = (),
    ) -> Header:
        """The header of an artifact that is made now; see `Config.as_dict` and `Config.settings`."""
        return cls(
            schema=schema,
            version=VERSIONS[schema],
            seed=seed,
            settings=json.loads(json.dumps(settings)),
            config=json.loads(json.dumps(config)),
            parents=tuple(parents),
            tool_version=tool_version(),
            git_commit=git_commit(),
            command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def differences(self, other: Header) -> list[str]:
        """What decides the content and differs in another header, in words."""
        found = [f"seed: {other.seed} instead of {self.seed}"] if self.seed != other.seed else []
        for key in sorted(self.settings.keys() | other.settings.keys()):
            mine, theirs = self.settings.get(key), other.settings.get(key)
            if mine != theirs:
                found.append(f"{key}: {theirs} instead of {mine}")
        theirs = {parent.schema: parent.sha256 for parent in other.parents}
        found += [f"another {p.schema}" for p in self.parents if theirs.get(p.schema) != p.sha256]
        return found

    def to_json(self, target: Path) -> dict[str, Any]:
        """Plain values, with the parents' paths relative to the folder of `target`."""
        folder = target.absolute().parent
        parents = tuple(replace(p, path=os.path.relpath(p.path, folder)) for p in self.parents)
        return asdict(replace(self, parents=parents))

    @classmethod
    def from_json(cls, values: Mapping[str, Any], target: Path) -> Header:
        """The header of `target` back from `to_json`."""
        folder = target.absolute().parent
        parents = tuple(Parent(**p | {"path": os.path.normpath(folder / p["path"])}) for p in values["parents"])
        return cls(**{name: values[name] for name in cls.__dataclass_fields__} | {"parents": parents})


def put_header(file: h5py.File, header: Header, target: Path) -> None:
    """Write a header to the root attributes of a file that will be called `target`; mappings as JSON."""
    for name, value in header.to_json(target).items():
        file.attrs[name] = json.dumps(value) if isinstance(value, dict | list | tuple) else value


def get_header(file: h5py.File, path: Path) -> Header:
    """The header in the root attributes of an open file at `path`."""
    with damage_as_user_error(path):
        values = root_attributes(file)
        for name in ("settings", "config", "parents"):
            values[name] = json.loads(values[name])
        return Header.from_json(values, path)


def root_attributes(file: h5py.File) -> dict[str, Any]:
    """The attributes of an open file, as plain values."""
    return {name: _plain(value) for name, value in file.attrs.items()}


def header_digest(values: Mapping[str, Any]) -> str:
    """Digest of the attributes of a file, or of a directory's `clap.json`, but for itself and `complete`."""
    kept = {name: value for name, value in values.items() if name not in (HEADER_DIGEST, "complete")}
    return hashlib.sha256(json.dumps(json.loads(json.dumps(kept)), sort_keys=True).encode()).hexdigest()


@contextmanager
def damage_as_user_error(path: Path) -> Iterator[None]:
    """Say of what cannot be read in a header that the artifact at `path` is damaged."""
    try:
        yield
    except UNREADABLE as error:
        raise UserError(f"{path} is damaged: its header cannot be read", "Copy it again, or make it anew") from error


def tool_version() -> str:
    """Version of the installed package."""
    try:
        return version("clap-policy")
    except PackageNotFoundError:
        return "unknown"


@cache
def git_commit() -> str:
    """Commit of the checkout that this code runs from; empty where it runs from an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        result = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True)
    except OSError:
        return ""
    return result.stdout.strip()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
