"""Settings of every stage: typed defaults, a YAML file over them, single values over that. Unknown keys are refused."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from stages.core.errors import UserError
from stages.settings.annotate import AnnotateConfig
from stages.settings.collect import CollectConfig
from stages.settings.decompose import DecomposeConfig
from stages.settings.deploy import DeployConfig
from stages.settings.evaluate import EvaluateConfig
from stages.settings.fine import FineConfig
from stages.settings.import_data import ImportConfig
from stages.settings.policy import PolicyConfig
from stages.settings.ranges import Seed
from stages.settings.robot import RobotConfig
from stages.settings.vlm import VlmConfig

Settings = TypeVar("Settings")

INCIDENTAL = frozenset(
    {
        *("workers", "threads", "checkpoint_seconds", "accumulate", "gradient_checkpointing"),
        *("device", "host", "port", "max_request_mb"),
    }
)
"""Keys that decide how fast or where something is made, not what."""


@dataclass(frozen=True)
class Config:
    """Settings of a run, one section per stage.

    Attributes:
        seed: of everything random but the evaluation's scenes.
        refuse_test_variations: refuse to train on demonstrations of variations that GemBench keeps for testing, and to
            evaluate on held-out variations what was trained on them.
    """

    seed: Seed = 0
    refuse_test_variations: bool = True
    collect: CollectConfig = field(default_factory=CollectConfig)
    import_data: ImportConfig = field(default_factory=ImportConfig)
    annotate: AnnotateConfig = field(default_factory=AnnotateConfig)
    decompose: DecomposeConfig = field(default_factory=DecomposeConfig)
    vlm: VlmConfig = field(default_factory=VlmConfig)
    fine: FineConfig = field(default_factory=FineConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    deploy: DeployConfig = field(default_factory=DeployConfig)
    robot: RobotConfig = field(default_factory=RobotConfig)

    def as_dict(self) -> dict[str, Any]:
        """Plain nested values; tuples as lists."""
        return _plain(dataclasses.asdict(self))

    def settings(self, section: str) -> dict[str, Any]:
        """The values of a section that decide what a stage makes."""
        return {key: value for key, value in self.as_dict()[section].items() if key not in INCIDENTAL}

    def to_yaml(self) -> str:
        """Text that `load_config` reads back to the same settings."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False)


def load_config(path: Path | None = None, assignments: Iterable[str] = (), **values: Any) -> Config:
    """Defaults, then a YAML file, then assignments.

    Args:
        path: YAML file with any of the sections and keys.
        assignments: "section.key=value", the value in YAML's notation.
        values: further ones by "section__key" or top-level key; None means not given.

    Raises:
        UserError: an unreadable file, an unknown key or a value of the wrong type.
    """
    config = Config() if path is None else updated(Config(), read_yaml(path), "")
    config = assigned(config, assignments)
    for name, value in values.items():
        if value is not None:
            config = updated(config, _nested(name.split("__"), value), "")
    return config


def assigned(settings: Settings, assignments: Iterable[str]) -> Settings:
    """A copy of a settings object with "key=value" assignments carried out; see `load_config`."""
    for assignment in assignments:
        settings = updated(settings, _parse_assignment(assignment), "")
    return settings


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the closest of the known names, and all of them if they are few."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    valid = f"Valid: {', '.join(known)}" if len(known) <= 40 else f"There are {len(known)} valid names"
    return f"Did you mean '{close[0]}'? {valid}" if close else valid


class _Yaml(yaml.SafeLoader):
    """YAML in which 1e-4 is a number and no key comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for number, key in enumerate(keys) if key in keys[:number]]:
            raise yaml.constructor.ConstructorError(None, None, f"'{twice[0]}' is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """The mapping in a YAML file; empty for an empty file.

    Raises:
        UserError: it cannot be read, is not YAML, has a key twice, or is not a mapping.
    """
    try:
        values = yaml.load(Path(path).read_text(), _Yaml)
    except OSError as error:
        raise UserError(f"the configuration {path} cannot be read: {error.strerror}", "Name another file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise UserError(f"the configuration {path} is not YAML: {problem}", "Correct the file") from error
    if not isinstance(values, Mapping | None):
        raise UserError(f"the configuration {path} is not a mapping of sections", "Write 'section:' and indented keys")
    return values or {}


def _parse_assignment(assignment: str) -> Mapping[str, Any]:
    name, equals, text = assignment.partition("=")
    if not equals:
        raise UserError(f"'{assignment}' is not a setting", "Write section.key=value")
    try:
        value = yaml.load(text, _Yaml) if text.strip() else ""
    except yaml.YAMLError as error:
        raise UserError(f"the value of '{assignment}' is not YAML", "Quote it") from error
    return _nested(name.strip().split("."), value)


def _nested(names: list[str], value: Any) -> Mapping[str, Any]:
    for name in reversed(names):
        value = {name: value}
    return value


def updated(config: Settings, values: Mapping[str, Any], prefix: str) -> Settings:
    """A copy of a settings object with the given values, checked.

    Args:
        config: a dataclass of settings and sections of settings.
        values: by name; of a section, a mapping.
        prefix: of the names in error messages, "section." or "".

    Raises:
        UserError: an unknown key or a value of the wrong type.
    """
    hints = typing.get_type_hints(type(config), include_extras=True)
    changes = {}
    for name, value in values.items():
        if name not in hints:
            raise UserError(f"there is no setting '{prefix}{name}'", nearest(str(name), hints))
        current = getattr(config, name)
        if dataclasses.is_dataclass(current):
            if value is None:  # all keys of the section are commented out
                continue
            if not isinstance(value, Mapping):
                raise UserError(f"'{prefix}{name}' is a section, not a value", f"Set {prefix}{name}.key=value")
            changes[name] = updated(current, value, f"{prefix}{name}.")
        else:
            changes[name] = _converted(value, hints[name], f"{prefix}{name}")
    return dataclasses.replace(config, **changes)


def _converted(value: Any, kind: Any, name: str) -> Any:
    """The value as the declared type, without loss."""
    if typing.get_origin(kind) is typing.Annotated:
        kind, *checks = typing.get_args(kind)
        value = _converted(value, kind, name)
        if problem := next(filter(None, (check.problem(value) for check in checks)), ""):
            raise UserError(f"'{name}' must be {problem}, not {_plain(value)!r}", "Give another value")
        return value
    if isinstance(kind, types.UnionType):
        for option in typing.get_args(kind):
            if _fits(value, option):
                return _converted(value, option, name)
    elif typing.get_origin(kind) is tuple and isinstance(value, list | tuple):
        item = typing.get_args(kind)[0]
        return tuple(_converted(entry, item, f"{name}[{index}]") for index, entry in enumerate(value))
    elif _fits(value, kind):
        return kind(value) if isinstance(kind, type) and kind is not types.NoneType else value
    raise UserError(f"'{name}' must be {_type_name(kind)}, not {value!r}", f"Give {_type_name(kind)}")


def _fits(value: Any, kind: Any) -> bool:
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return isinstance(value, list | tuple)
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, int | float if kind is float else kind)


def _type_name(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(kind)))}"
    if typing.get_origin(kind) is tuple:
        return f"a list of {_type_name(typing.get_args(kind)[0]).split(' ', 1)[-1]}s"
    if isinstance(kind, types.UnionType):
        return " or ".join(map(_type_name, typing.get_args(kind)))
    names = {int: "an integer", float: "a number", str: "a text", bool: "a boolean", types.NoneType: "null"}
    return names.get(kind, str(kind))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
