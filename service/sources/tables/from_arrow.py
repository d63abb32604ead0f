"""An Arrow table as typed arrays: plain columns directly, any other by way of a pandas frame.

Guarantee: both ways give the same bits. The direct way exists because importing pandas takes a service that
replays a Parquet file half a second and 60 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from service.core.rows import row_hash
from service.core.rows.batch import (
    TEXT_TIMES,
    Arrival,
    Batch,
    Labels,
    Misfit,
    Numbers,
    Texts,
    steps_back,
)
from service.core.rows.schema import Kind
from service.sources.table_format import PLAIN_TIME
from service.sources.tables.event_time import EventTimes, of_raw
from service.sources.tables.label_text import clean, coded, storable
from service.sources.tables.parsed import Framed, check_names, unwatched_names
from service.sources.tables.time_text import are_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows
    from service.core.rows.schema import Column, Schema
    from service.sources.table_format import TimeFormat

FIRST_CELLS = 100  # that are looked at for what they are
T = TypeVar("T", bound=np.generic)


def to_batch(
    table: pa.Table,
    schema: Schema,
    timestamp: str | None,
    *,
    keep_rejects: int = 100,
    names: Sequence[str] | None = None,
    time: TimeFormat = PLAIN_TIME,
) -> Framed:
    """Return the schema's columns of `table` as typed arrays; see `frame.to_batch` for what it promises."""
    held = table.schema.names
    check_names(held if names is None else names, schema, timestamp)
    wanted = [column for column in schema.columns if column.name in held]
    if (
        len(set(held)) == len(held)
        and _has_plain_id(table, schema)
        and all(_is_plain(table, column) for column in wanted)
    ):
        times = None if timestamp is None else event_times(table[timestamp], time)
        if times is None or times.usable.all():
            micros = np.zeros(table.num_rows, dtype=np.int64) if times is None else times.micros
            columns = {column.name: _column(_of(table, column, schema), column.kind) for column in wanted}
            arrival = Arrival(
                unwatched_names(held if names is None else names, schema, timestamp),
                _identity(table, schema),
                None if times is None else steps_back(micros),
                misfits=tuple(_text_times(table, schema)),
            )
            return Framed(Batch(table.num_rows, micros, columns, arrival))
    from service.sources.tables import from_pandas as frame  # noqa: PLC0415 - pandas, for the tables that need it

    return frame.to_batch(
        framed(table), schema, timestamp, keep_rejects=keep_rejects, names=names or held, time=time
    )


def event_times(column: pa.ChunkedArray, form: TimeFormat = PLAIN_TIME) -> EventTimes:
    """Return a timestamp column of any type as event times."""
    if pa.types.is_timestamp(column.type):
        raw, zone = _values(column.cast(pa.int64()), np.int64), form.zone if column.type.tz is None else None
        return of_raw(raw, column.type.unit, _missing(column), zone=zone)
    if pa.types.is_int64(column.type) and form.unit is not None and form.pattern is None:
        return of_raw(_values(column, np.int64), form.unit, _missing(column))
    from service.sources.tables import pandas_time  # noqa: PLC0415 - pandas, for the columns that need it

    return pandas_time.event_times(framed(pa.table({"time": column}))["time"], form)


def framed(table: pa.Table) -> pd.DataFrame:
    """Return the table as a frame, without the writer's notes on which columns were its index."""
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, use_threads=False)
    return frame


def _text_times(table: pa.Table, schema: Schema) -> Iterator[Misfit]:
    for column in schema.columns:
        if column.kind is not Kind.CATEGORICAL or column.name not in table.schema.names:
            continue
        if is_text(table.schema.field(column.name).type) and column.name != schema.identity:
            texts = [text for text in table[column.name].slice(0, FIRST_CELLS).to_pylist() if text]
            if are_times(texts):
                yield Misfit(column.name, TEXT_TIMES, texts[0])


def _of(table: pa.Table, column: Column, schema: Schema) -> pa.ChunkedArray:
    # An id is no number: beyond 2**53 a double would show another one.
    found = table[column.name]
    return found.cast(pa.string()) if column.name == schema.identity else found


def _is_plain(table: pa.Table, column: Column) -> bool:
    kind = table.schema.field(column.name).type
    if _is_number(kind):
        return column.kind is not Kind.TEXT
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return column.kind is not Kind.NUMERICAL and is_text(kind)


def is_text(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _has_plain_id(table: pa.Table, schema: Schema) -> bool:
    if schema.identity is None or schema.identity not in table.schema.names:
        return True
    kind = table.schema.field(schema.identity).type
    return bool(pa.types.is_integer(kind)) or is_text(kind)


def _identity(table: pa.Table, schema: Schema) -> NDArray[np.uint64] | None:
    if schema.identity is None or schema.identity not in table.schema.names:
        return None
    texts = table[schema.identity].cast(pa.string()).to_pylist()
    kept = ["" if not text or text.isspace() else storable(text) for text in texts]
    return row_hash.of_texts(np.array(kept, dtype=np.str_))


def _is_number(kind: pa.DataType) -> bool:
    numbers = (pa.types.is_integer, pa.types.is_float32, pa.types.is_float64)
    return any(is_one(kind) for is_one in numbers)


def _column(column: pa.ChunkedArray, kind: Kind) -> ColumnRows:
    if kind is Kind.TEXT:
        written = [None if text is None else clean(text) for text in column.to_pylist()]
        return Texts(np.array(written, dtype=object))
    missing = _missing(column)
    if _is_number(column.type):
        values = _values(column.cast(pa.float64(), safe=False), np.float64)
        values = np.where(missing, np.nan, values)
        return Numbers(values) if kind is Kind.NUMERICAL else _number_labels(values + 0.0)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    array = encoded.unify_dictionaries().combine_chunks()
    texts = [None if not text or text.isspace() else storable(text) for text in array.dictionary.to_pylist()]
    codes = _values(array.indices.cast(pa.int64()), np.int64)
    return coded(np.where(missing, -1, codes), texts)


def _number_labels(values: NDArray[np.float64]) -> Labels:
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) and np.isnan(distinct[-1]):  # NaN sorts last, once
        distinct = distinct[:-1]
        codes[codes == len(distinct)] = -1
    return Labels(codes, distinct)


def _missing(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    if not column.null_count:
        return np.zeros(len(column), dtype=np.bool_)
    return _values(column.is_null().cast(pa.int8()), np.int8).astype(np.bool_)


def _values(column: pa.ChunkedArray | pa.Array, dtype: type[T]) -> NDArray[T]:
    # From the buffer: Arrow's own `to_numpy` imports pandas. What lies where a value is null means nothing.
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(0, dtype=dtype)
    return np.frombuffer(buffer, dtype=dtype)[array.offset : array.offset + len(array)]
