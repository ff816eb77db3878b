"""Messages with arrays: the msgpack-numpy wire format, and arrays in JSON.

In msgpack-numpy an array is the map {nd: true, type: dtype string, kind: "", shape, data}, a scalar {nd: false, type,
data}, a complex number {complex: true, data: text}; the keys are byte strings. Structured and object arrays, which
would need pickles, are refused.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgpack
import numpy as np

from stages.core.errors import UserError

MSGPACK = "application/msgpack"

_PLAIN_KINDS = "biufcSU"

_MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    msgpack.UnpackException,
)
"""What decoding of bytes that are no message can raise."""


def pack(value: Any) -> bytes:
    """Encode numbers, text, lists, maps, NumPy arrays and scalars."""
    return msgpack.packb(value, default=_encode, use_bin_type=True)


def unpack(data: bytes) -> Any:
    """Decode what `pack` or msgpack-numpy wrote; arrays are read-only, tuples come back as lists.

    Raises:
        UserError: the bytes are not such a message.
    """
    try:
        return msgpack.unpackb(data, object_hook=_decode, raw=False, strict_map_key=False)
    except _MALFORMED as error:
        what = f"the request body is not a msgpack-numpy message ({_said(error)})"
        raise UserError(what, "Encode it with msgpack_numpy.packb") from error


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        _check_dtype(value.dtype)
        return {b"nd": True, b"type": value.dtype.str, b"kind": b"", b"shape": value.shape, b"data": value.tobytes()}
    if isinstance(value, np.bool_ | np.number):
        return {b"nd": False, b"type": value.dtype.str, b"data": value.tobytes()}
    if isinstance(value, complex):
        return {b"complex": True, b"data": repr(value)}
    raise TypeError(f"cannot encode {type(value).__name__}")


def _decode(message: dict) -> Any:
    fields = {key.decode() if isinstance(key, bytes) else key: item for key, item in message.items()}
    if "nd" in fields and "data" in fields:
        if fields.get("kind") not in (None, b"", ""):
            raise ValueError("structured and object arrays are not accepted")
        array = np.frombuffer(fields["data"], _dtype(fields["type"]))
        return array.reshape(fields["shape"]) if fields["nd"] else array[0]
    if "complex" in fields and "data" in fields:
        return complex(fields["data"])
    return message


def array_from_json(value: Any, dtype: type | str, name: str) -> np.ndarray:
    """An array from nested lists or from {"shape", "dtype", "base64"} (C order, little endian).

    Nothing is lost: numbers become floats, whole numbers from 0 to 255 bytes, and floats in [0, 1] bytes by times 255.

    Raises:
        UserError: neither, or not such numbers.
    """
    try:
        if isinstance(value, dict):
            encoded = np.frombuffer(base64.b64decode(value["base64"], validate=True), _dtype(value["dtype"]))
            value = encoded.reshape(value["shape"])
        array = np.asarray(value)
    except (*_MALFORMED, binascii.Error) as error:
        hint = 'Send nested lists or {"shape", "dtype", "base64"}'
        raise UserError(f"'{name}' is not an array ({_said(error)})", hint) from error
    numbers = _bytes(array, name) if np.dtype(dtype) == np.uint8 else _floats(array, name)
    with np.errstate(over="ignore"):  # infinite where a number is too large
        return np.ascontiguousarray(numbers, dtype)


def _bytes(array: np.ndarray, name: str) -> np.ndarray:
    """Numbers that are bytes, or colours in [0, 1]."""
    low, high = (float(array.min()), float(array.max())) if array.size and array.dtype.kind in "iuf" else (0.0, 0.0)
    if array.dtype.kind in "iu" and low >= 0 and high <= 255 or not array.size:
        return array
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.rint(array * 255)
    found = f"from {low:g} to {high:g}" if array.dtype.kind in "iuf" else f"of type {array.dtype}"
    raise UserError(f"'{name}' has values {found}", "Send whole numbers from 0 to 255, or floats from 0 to 1")


def _floats(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype.kind not in "iuf":
        raise UserError(f"'{name}' is not an array of numbers (it has {array.dtype})", "Send numbers")
    return array


def array_to_json(array: np.ndarray) -> dict:
    """The compact JSON form that `array_from_json` reads."""
    array = np.asarray(array)
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    encoded = base64.b64encode(little.tobytes()).decode()
    return {"shape": list(array.shape), "dtype": little.dtype.str, "base64": encoded}


def _dtype(text: Any) -> np.dtype:
    try:
        return _check_dtype(np.dtype(text.decode() if isinstance(text, bytes) else str(text)))
    except SyntaxError as error:  # NumPy reads lists of types as Python
        raise ValueError(f"there is no array type {text!r}") from error


def _said(error: BaseException) -> str:
    """An error's own words, or its name, on one short line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _check_dtype(dtype: np.dtype) -> np.dtype:
    if dtype.kind not in _PLAIN_KINDS:
        raise ValueError(f"arrays of type {dtype} are not accepted")
    return dtype
