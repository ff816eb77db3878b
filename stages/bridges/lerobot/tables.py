"""Reading a data set's parquet tables."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.bridges.lerobot.packages import need
from stages.core.errors import UserError

if TYPE_CHECKING:
    import pyarrow


def read_table(path: Path, columns: Sequence[str] | None = None, **options: Any) -> pyarrow.Table:
    """A table, or some of its columns.

    Raises:
        UserError: the file is missing or damaged, or lacks a column.
    """
    pa, parquet = need("pyarrow"), need("pyarrow.parquet")
    try:
        known = parquet.read_schema(path).names
        if lacking := [name for name in columns or () if name not in known]:
            raise UserError(f"{path} has no column {lacking[0]}", "Copy the data set again, or export it anew")
        return parquet.read_table(path, columns=columns, **options)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing", "Copy the data set again") from error
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path} cannot be read: {reason}", "Copy the data set again") from error


def array(table: pyarrow.Table, key: str, shape: Sequence[int], path: Path) -> np.ndarray:
    """A column of numbers as an array (N, *shape).

    Raises:
        UserError: it has not this shape.
    """
    column = table.column(key).combine_chunks()
    while hasattr(column, "flatten") and hasattr(column.type, "value_type"):
        column = column.flatten()
    values = column.to_numpy(zero_copy_only=False)
    wanted = (table.num_rows, *(() if tuple(shape) == (1,) else shape))
    if values.dtype == object or values.size != np.prod(wanted, dtype=int):
        raise UserError(f"the column {key} of {path} has not the shape {list(shape)} that info.json says", "Copy again")
    return values.reshape(wanted)


def images(table: pyarrow.Table, key: str, path: Path) -> list[np.ndarray]:
    """A column of encoded images, each (H, W, 3) uint8, or (H, W) of whole numbers for depth.

    Raises:
        UserError: one is missing or damaged.
    """
    from PIL import Image

    found = []
    for number, entry in enumerate(table.column(key).to_pylist()):
        try:
            with Image.open(io.BytesIO(entry["bytes"])) as image:
                found.append(np.asarray(image.convert("RGB") if image.mode in ("RGBA", "P") else image))
        except (OSError, TypeError, SyntaxError) as error:
            raise UserError(f"image {number} of {key} in {path} is damaged or missing", "Copy again") from error
    return found
