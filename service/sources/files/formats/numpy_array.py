"""Rows of an array in NumPy's file format, which predictors of SageMaker send by default."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from service.errors import SourceError

MAX_DIMENSIONS = 2


def rows_of(content: bytes, what: str) -> list[Any]:
    """Return an array's rows as lists, or its cells where it has one dimension.

    Raises SourceError where it is none, holds Python objects, or has more dimensions.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, is_columns, kind = read(stream)
    except ValueError as error:
        raise SourceError(f"{what} is no array of NumPy: {error}") from error
    cells = content[stream.tell() :]
    if kind.hasobject or kind.kind not in "biufUS":
        raise SourceError(f"{what} is an array of {kind}; expected numbers, truth values or texts")
    if not 0 < len(shape) <= MAX_DIMENSIONS:
        raise SourceError(f"{what} is an array of {len(shape)} dimensions; expected a row each, at most 2")
    if len(cells) != kind.itemsize * int(np.prod(shape, dtype=object)):
        raise SourceError(f"{what} is an array of {shape} whose content is of another size")
    array = np.frombuffer(cells, kind).reshape(shape, order="F" if is_columns else "C")
    return list(array.astype(str).tolist() if kind.kind == "S" else array.tolist())
