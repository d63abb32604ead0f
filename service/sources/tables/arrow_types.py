"""Arrow's rarer types as the common ones that hold the same values.

Arrow's own functions cannot sort, take or encode all of its types (views of texts, narrow decimals, runs),
and pandas refuses a dictionary that holds a null or a value twice. Writers choose them without being asked:
Polars writes texts as views.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_NESTED = (
    pa.types.is_struct,
    pa.types.is_map,
    pa.types.is_union,
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def usual(table: pa.Table) -> pa.Table:
    """Return the table with its columns in common types; one without rarer ones as it is."""
    for place, field in enumerate(table.schema):
        if _is_rare(field.type):
            table = table.set_column(place, field.name, _column(table[place]))
    return table


def is_nested(kind: pa.DataType) -> bool:
    """Say whether a cell holds several values: a list, a struct, a map; or values of several types."""
    return any(is_one(kind) for is_one in _NESTED)


def rows_at(table: pa.Table, places: list[int]) -> pa.Table:
    """Return some rows of a table, which may hold what Arrow's `take` does not know."""
    return pa.concat_tables([table.slice(place, 1) for place in places]) if places else table.slice(0, 0)


def _is_rare(kind: pa.DataType) -> bool:
    return (
        pa.types.is_dictionary(kind)
        or pa.types.is_run_end_encoded(kind)
        or kind in {pa.string_view(), pa.binary_view()}
        or pa.types.is_decimal32(kind)
        or pa.types.is_decimal64(kind)
    )


def _column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    chunks = [_usual(chunk) for chunk in column.chunks or [pa.nulls(0, column.type)]]
    if not all(_is_plain(chunk) for chunk in chunks):
        chunks = [chunk.dictionary_decode() for chunk in chunks]
    return pa.chunked_array(chunks)


def _usual(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_run_end_encoded(kind):
        return _usual(pc.run_end_decode(array))
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(array.indices, _usual(array.dictionary))
    if kind == pa.string_view():
        return array.cast(pa.large_string())
    if kind == pa.binary_view():
        return array.cast(pa.large_binary())
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return array.cast(pa.decimal128(kind.precision, kind.scale))
    return array


def _is_plain(array: pa.Array) -> bool:
    # Codes into distinct texts are read as such, without writing each of them out.
    if not pa.types.is_dictionary(array.type):
        return True
    texts = array.dictionary
    is_text = pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)
    return bool(is_text and not texts.null_count and len(texts.unique()) == len(texts))
