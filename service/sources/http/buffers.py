"""NumPy's arrays as Arrow's and back, by their buffers: `pyarrow.array` and `to_numpy` import pandas.

That takes a service half a second and 60 MB, for an array that is there already.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DTYPES: dict[pa.DataType, type[np.generic]] = {
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.uint64(): np.uint64,
    pa.float64(): np.float64,
}
T = TypeVar("T", bound=np.generic)


def held(values: NDArray[Any], kind: pa.DataType, *, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return numbers as an array of `kind`, null where they are `missing`; both shape (n,)."""
    typed = np.ascontiguousarray(values, dtype=_DTYPES[kind])
    known = None if missing is None or not missing.any() else _bits(~missing)
    return pa.Array.from_buffers(kind, len(typed), [known, pa.py_buffer(typed)])


def truths(values: NDArray[np.bool_]) -> pa.Array:
    """Return truth values as an array; shape (n,)."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def contents(values: Sequence[bytes | None]) -> pa.Array:
    """Return bytes as an array of them, null where there are none."""
    ends = accumulate((0 if value is None else len(value) for value in values), initial=0)
    offsets = np.fromiter(ends, dtype=np.int32, count=len(values) + 1)
    missing = np.array([value is None for value in values], dtype=np.bool_)
    known = _bits(~missing) if missing.any() else None
    joined = pa.py_buffer(b"".join(value for value in values if value is not None))
    return pa.Array.from_buffers(pa.binary(), len(values), [known, pa.py_buffer(offsets), joined])


def numbers(array: pa.Array, dtype: type[T]) -> NDArray[T]:
    """Return an array's values, shape (n,); what lies where one is null means nothing."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(0, dtype=dtype)
    return np.frombuffer(
        buffer, dtype=dtype, count=len(array), offset=array.offset * np.dtype(dtype).itemsize
    )


def marked(array: pa.Array) -> NDArray[np.bool_]:
    """Return an array of truth values, shape (n,)."""
    return _unpacked(array.buffers()[1], array)


def missing(array: pa.Array) -> NDArray[np.bool_]:
    """Mark where an array is null, shape (n,)."""
    if not array.null_count:
        return np.zeros(len(array), dtype=np.bool_)
    return ~_unpacked(array.buffers()[0], array)


def _unpacked(buffer: pa.Buffer | None, array: pa.Array) -> NDArray[np.bool_]:
    if buffer is None:
        return np.zeros(0, dtype=np.bool_)
    bits = np.unpackbits(np.frombuffer(buffer, dtype=np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def _bits(values: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))
