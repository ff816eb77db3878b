"""Random damage to artifacts: bytes, HDF5 structure, JSON, YAML."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

Generator = np.random.Generator

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, 10**30, float("nan"), "", "x" * 5000, "\udcff", "..", "/dev/null"),
    *([], {}, [[]], [None], {"a": {"b": []}}, [1, "two"], "<|im_end|>", "nan", "1e400"),
)
"""Values that are put in place of others."""


def damage(path: Path, rng: Generator) -> str:
    """Damage a file as fits its kind, or any file's bytes, and say how."""
    kinds: dict[str, Callable[[Path, Generator], str]] = {
        ".h5": change_hdf5,
        ".json": change_json,
        ".yaml": change_yaml,
        ".safetensors": change_safetensors,
    }
    change = kinds.get(path.suffix, change_bytes)
    return f"{path.name}: {(change_bytes if rng.random() < 0.4 else change)(path, rng)}"


def change_bytes(path: Path, rng: Generator) -> str:
    """Flip, overwrite, cut, double or exchange some of a file's bytes."""
    data = bytearray(path.read_bytes())
    size = len(data)
    start = int(rng.integers(min(size, 4096) if rng.random() < 0.5 else size))  # the head has the structure
    length = int(min(2 ** rng.integers(0, 14), size - start))
    how = str(rng.choice(["flip", "random", "zero", "ones", "cut", "longer", "remove", "repeat", "empty"]))
    part = data[start : start + length]
    if how == "flip":
        for place in rng.integers(start, start + length, size=min(8, length)):
            data[place] ^= 1 << int(rng.integers(8))
    elif how in ("random", "zero", "ones"):
        fill = {"random": rng.bytes(length), "zero": bytes(length), "ones": b"\xff" * length}
        data[start : start + length] = fill[how]
    elif how == "cut":
        del data[start:]
    elif how == "longer":
        data += rng.bytes(length)
    elif how == "remove":
        del data[start : start + length]
    elif how == "repeat":
        data[start:start] = part
    else:
        data.clear()
    path.write_bytes(data)
    return f"bytes, {how} {length} at {start}"


def change_hdf5(path: Path, rng: Generator) -> str:
    """Change an attribute, a data set or a group."""
    with h5py.File(path, "r+") as file:
        nodes: list[str] = ["/"]
        file.visit(lambda name: nodes.append(name) if rng.random() < 0.3 or "/" not in name else None)
        node = file[nodes[int(rng.integers(len(nodes)))]]
        if len(node.attrs) and (rng.random() < 0.4 or node.name == "/"):
            return _change_attribute(node, rng)
        if node.name == "/":
            return "nothing"
        how = str(rng.choice(["remove", "group", "self", "nowhere", "elsewhere", "odd", "dtype", "shape", "values"]))
        if not isinstance(node, h5py.Dataset) and how in ("dtype", "shape", "values"):
            how = "remove"
        name = node.name
        _change_node(file, node, how, rng)
        return f"{how} {name}"


def _change_attribute(node: Any, rng: Generator) -> str:
    name = str(rng.choice(list(node.attrs)))
    if rng.random() < 0.2:
        del node.attrs[name]
        return f"attribute {name} of {node.name} removed"
    value = node.attrs[name]
    if isinstance(value, str) and value[:1] in "{[" and rng.random() < 0.7:
        new: Any = json.dumps(changed(json.loads(value), rng))
    else:
        new = ODD[int(rng.integers(len(ODD)))]
    try:
        node.attrs[name] = new
    except (TypeError, ValueError, OverflowError, OSError):
        node.attrs[name] = np.array([[1.5, np.nan]])
    return f"attribute {name} of {node.name}"


def _change_node(file: h5py.File, node: Any, how: str, rng: Generator) -> None:
    name, value = node.name, node[()] if isinstance(node, h5py.Dataset) else None
    if how == "values":
        array = np.asarray(value)
        if array.dtype.kind == "f":
            node[...] = np.where(rng.random(array.shape) < 0.5, rng.choice([np.nan, np.inf, 1e30, -5.0]), array)
        elif array.dtype.kind in "iu":
            node[...] = rng.integers(0, np.iinfo(array.dtype).max, array.shape, dtype=array.dtype)
        elif array.size:
            node[...] = np.full(array.shape, "the <|im_end|>", object)
        return
    del file[name]
    if how == "group":
        file.create_group(name)
    elif how in ("self", "nowhere", "elsewhere"):
        targets = {"self": name, "nowhere": "/nothing"}
        file[name] = h5py.ExternalLink("/dev/null", "/x") if how == "elsewhere" else h5py.SoftLink(targets[how])
    elif how == "odd":
        file[name] = [np.float64(np.nan), np.zeros(0), np.array([b"\xff\xfe"]), np.zeros((3, 0, 2)), 7][rng.integers(5)]
    elif how == "dtype":
        file[name] = np.zeros(np.shape(value), str(rng.choice(["u1", "f8", "i8", "S3", "c16"])))
    elif how == "shape":
        array = np.asarray(value)
        file[name] = np.zeros((*array.shape[:-1], 2) if array.ndim else (2, 2), "f4")


def change_json(path: Path, rng: Generator) -> str:
    """Exchange or remove a value."""
    path.write_text(json.dumps(changed(json.loads(path.read_text()), rng)))
    return "value changed"


def change_yaml(path: Path, rng: Generator) -> str:
    """Exchange or remove a value, or write what is hard to read."""
    text = path.read_text()
    hard = ("\t- x", "a: &a [*a]", "? [1]\n: 2", "!!python/object:os.system x", "x: 1\nx: 2", "%", "{", "'", "\x00")
    if rng.random() < 0.4:
        path.write_text(text + "\n" + hard[int(rng.integers(len(hard)))])
        return "hard text"
    values = changed(yaml.safe_load(text), rng)
    path.write_bytes(yaml.safe_dump(values).encode(errors="surrogateescape"))
    return "value changed"


def change_safetensors(path: Path, rng: Generator) -> str:
    """Exchange a value in the header, or say that the header has another length."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    if rng.random() < 0.2:
        path.write_bytes(struct.pack("<Q", int(rng.choice([0, length + 7, 2**40, 2**63]))) + data[8:])
        return "header's length"
    header = json.dumps(changed(json.loads(data[8 : 8 + length]), rng)).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length :])
    return "header changed"


def changed(value: Any, rng: Generator) -> Any:
    """A value with something in it exchanged or removed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = str(rng.choice(list(value)))
        if rng.random() < 0.2:
            return {name: one for name, one in value.items() if name != key}
        return value | {key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = int(rng.integers(len(value)))
        if rng.random() < 0.2:
            return value[:place] + value[place + 1 :]
        return [*value[:place], changed(value[place], rng), *value[place + 1 :]]
    return ODD[int(rng.integers(len(ODD)))]
