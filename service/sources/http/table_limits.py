"""What the content of a request takes in memory once it is read, found before it is.

A few hundred bytes can say "this value a billion times": as a compressed buffer, a dictionary, a run, or a
list of nothing. What they stand for is counted, not what they take in the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.errors import RowsTooLargeError, UnreadableRowsError
from service.sources.http import buffers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Sizes = NDArray[np.int64]

MAX_BYTES = 64 << 20  # of a request's content, decompressed
MAX_ROWS = 100_000
MAX_COLUMNS = 2_000
MAX_OBJECTS = 2_000_000  # lists and objects of JSON, rows among them
MAX_DEPTH = 8  # of lists and objects inside a cell
_VALUE_BYTES = 8  # what a value takes at least once it is read
_MAX_ROOM = 2**62
_VIEWS_AT_ONCE = 1_024
_VIEWS = (pa.string_view(), pa.binary_view())
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


def check_bytes(size: int) -> None:
    """Raise RowsTooLargeError where content is larger than is taken at once."""
    if size > MAX_BYTES:
        raise RowsTooLargeError(
            f"the rows take more than {MAX_BYTES >> 20} MB of memory; send them in several requests"
        )


def check_shape(columns: int, rows: int) -> None:
    """Raise an IntakeError where rows are too many, or too wide."""
    if rows > MAX_ROWS:
        raise RowsTooLargeError(f"the request has more than {MAX_ROWS:,} rows; send them in several requests")
    if columns > MAX_COLUMNS:
        raise UnreadableRowsError(f"the rows have {columns:,} columns; expected {MAX_COLUMNS:,} at most")


def check_json(content: bytes) -> None:
    """Raise RowsTooLargeError where content has so many lists and objects that it would fill the memory.

    An empty one takes two bytes of JSON and thirty times as much once it is read.
    """
    if content.count(b"{") + content.count(b"[") > MAX_OBJECTS:
        raise RowsTooLargeError(
            f"the request has more than {MAX_OBJECTS:,} lists and objects; send the rows in several requests"
        )


def check_types(schema: pa.Schema) -> None:
    """Raise UnreadableRowsError where a column's cells are nested too deeply."""
    for field in schema:
        if _depth(field.type) > MAX_DEPTH:
            raise UnreadableRowsError(
                f"{field.name} holds lists or objects more than {MAX_DEPTH} deep; expected a number, a "
                "text or a truth value"
            )


def check_expanded(arrays: Iterable[pa.Array]) -> None:
    """Raise RowsTooLargeError where the cells of valid arrays stand for more than is taken at once."""
    size = 0
    for array in arrays:
        size += _expanded(array)
        check_bytes(size)


def texts_of(schema: pa.Schema) -> list[str]:
    """Return the columns of texts, which Parquet can hold as a dictionary and a run."""
    return [field.name for field in schema if any(is_kind(field.type) for is_kind in _TEXTS)]


def _depth(kind: pa.DataType) -> int:
    depth, level = 0, [kind]
    while level and depth <= MAX_DEPTH:
        level = [inner.type for outer in level for inner in _fields(outer)]
        depth += bool(level)
    return depth


def _fields(kind: pa.DataType) -> list[pa.Field]:
    if pa.types.is_dictionary(kind):
        return _fields(kind.value_type)
    return [kind.field(place) for place in range(kind.num_fields)] if pa.types.is_nested(kind) else []


def _expanded(array: pa.Array) -> int:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _chosen(array.dictionary, array.indices)
    if pa.types.is_run_end_encoded(kind):
        ends = np.minimum(array.run_ends.to_numpy(zero_copy_only=False), array.offset + len(array))
        lengths = np.diff(ends, prepend=0).clip(min=0)
        return _sum(_sizes(array.values), lengths)
    if isinstance(array, pa.ExtensionArray):
        return _expanded(array.storage)
    return int(_sizes(array).sum())


def _chosen(values: pa.Array, indices: pa.Array) -> int:
    sizes = _sizes(values)
    places = buffers.numbers(indices.drop_null().cast(pa.int64()), np.int64)
    return _sum(sizes, np.bincount(places, minlength=len(sizes)))


def _sum(sizes: Sizes, counts: Sizes) -> int:
    return int(min(float(np.dot(sizes.astype(np.float64), counts.astype(np.float64))), float(_MAX_ROOM)))


def _sizes(array: pa.Array) -> Sizes:
    """Return what each cell stands for, in bytes; of a nested array the mean of its cells."""
    kind = array.type
    if kind in _VIEWS:
        return np.fromiter(_view_sizes(array), dtype=np.int64, count=len(array))
    if any(is_kind(kind) for is_kind in _TEXTS):
        lengths = pc.binary_length(array).cast(pa.int64())
        return np.where(buffers.missing(lengths), 0, buffers.numbers(lengths, np.int64))
    each = _VALUE_BYTES
    if pa.types.is_nested(kind) and len(array):
        each += _inner(array) // len(array)
    return np.full(len(array), min(each, _MAX_ROOM), dtype=np.int64)


def _view_sizes(array: pa.Array) -> Iterator[int]:
    # Views of one text are one text in memory: as Python's own they would be as many.
    for start in range(0, len(array), _VIEWS_AT_ONCE):
        yield from (len(cell or "") for cell in array.slice(start, _VIEWS_AT_ONCE).to_pylist())


def _inner(array: pa.Array) -> int:
    """Return what a nested array's inner arrays stand for."""
    kind = array.type
    if pa.types.is_struct(kind) or pa.types.is_union(kind):
        return sum(_expanded(array.field(place)) for place in range(kind.num_fields))
    if pa.types.is_map(kind):
        return _expanded(array.keys) + _expanded(array.items)
    if pa.types.is_fixed_size_list(kind):
        size: int = len(array) * kind.list_size * _VALUE_BYTES  # of nothing, it takes no room in the request
        return size if size > MAX_BYTES else size + _expanded(array.flatten())
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        each = _VALUE_BYTES + _expanded(array.values) // max(len(array.values), 1)
        return min(each * int(pc.sum(array.sizes).as_py() or 0), _MAX_ROOM)
    return _expanded(array.flatten())
