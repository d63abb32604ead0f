"""Labels and ids of an Arrow table, by their canonical texts and without pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from service.core.rows.batch import Labels, LabelType
from service.core.rows.label_text import coded, text_of
from service.sources.tables.identity import Identities, identities_of, refuse_rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
_NARROW: dict[str, type[np.floating]] = {"halffloat": np.float16, "float": np.float32}


def holds_labels(kind: pa.DataType) -> bool:
    """Say whether a column of this type can be read here: texts, bytes, numbers, truth values, decimals."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    known = (
        is_text,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_null,
    )
    return any(is_one(kind) for is_one in known)


def is_text(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def labels(column: pa.ChunkedArray) -> Labels:
    """Return a column as codes into its sorted distinct canonical texts."""
    if pa.types.is_null(column.type) or not len(column):  # Arrow encodes no empty column of some types
        return coded(np.full(len(column), -1, dtype=np.int64), [])
    array = _encoded(column)
    texts = [text_of(value) for value in _cells(array.dictionary)]
    codes = values(array.indices.cast(pa.int64()), np.int64)
    return coded(np.where(missing(column), -1, codes), texts, _typed(array.dictionary.type))


def identities(column: pa.ChunkedArray, *, exact: bool = False) -> Identities:
    """Return a column of ids as hashes: 5, 5.0 and "5" are one id, 5 and "05" are two."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        return identities_of(column.cast(pa.string()).to_pylist(), LabelType.NUMBER, exact=exact)
    if pa.types.is_floating(column.type):
        found = values(column, _NARROW.get(str(column.type), np.float64))
        refuse_rounded(found[~missing(column)])
    texts = [text_of(value) for chunk in column.chunks for value in _cells(chunk)]
    return identities_of(texts, _typed(column.type), exact=exact)


def missing(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Mark the rows where a column is null, shape (n,)."""
    if not column.null_count:
        return np.zeros(len(column), dtype=np.bool_)
    return values(column.is_null().cast(pa.int8()), np.int8).astype(np.bool_)


def values(column: pa.ChunkedArray | pa.Array, dtype: type[T]) -> NDArray[T]:
    """Return a column's buffer, shape (n,); what lies where a value is null means nothing.

    Arrow's own `to_numpy` imports pandas.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(0, dtype=dtype)
    return np.frombuffer(buffer, dtype=dtype)[array.offset : array.offset + len(array)]


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return encoded.unify_dictionaries().combine_chunks()


def _cells(array: pa.Array) -> Iterator[Any]:
    # A narrow float keeps its width: as Python's own it would show digits that it does not have.
    narrow = _NARROW.get(str(array.type))
    if narrow is None:
        yield from array.to_pylist()
        return
    gaps = missing(pa.chunked_array([array]))
    for value, gap in zip(values(array, narrow), gaps.tolist(), strict=True):
        yield None if gap else value


def _typed(kind: pa.DataType) -> LabelType:
    if pa.types.is_boolean(kind):
        return LabelType.TRUTH
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return LabelType.NUMBER if is_number else LabelType.TEXT
