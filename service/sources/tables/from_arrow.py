"""An Arrow table as typed arrays: plain columns directly, any other by way of a pandas frame.

Guarantee: both ways give the same bits. The direct way exists because importing pandas takes a service that
replays a Parquet file half a second and 60 MB.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from service.core.rows.batch import Arrival, Batch, Numbers, Texts, steps_back
from service.core.rows.label_text import clean
from service.core.rows.schema import Kind
from service.sources.tables import arrow_labels
from service.sources.tables.arrow_labels import is_text, missing, values
from service.sources.tables.event_time import EventTimes, of_raw
from service.sources.tables.identity import NO_IDENTITIES
from service.sources.tables.parsed import Framed, missing_timestamp, unwatched_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from service.core.rows.batch import ColumnRows
    from service.core.rows.schema import Column, Schema
    from service.sources.tables.identity import Identities


def to_batch(
    table: pa.Table,
    schema: Schema,
    timestamp: str | None,
    *,
    keep_rejects: int = 100,
    names: Sequence[str] | None = None,
) -> Framed:
    """Return the schema's columns of `table` as typed arrays; see `frame.to_batch` for what it promises."""
    held = table.schema.names
    if timestamp is not None and timestamp not in held:
        raise missing_timestamp(timestamp, held)
    if len(set(held)) < len(held):
        from service.sources.tables import from_pandas  # noqa: PLC0415 - it says which column is there twice

        return from_pandas.to_batch(framed(table), schema, timestamp, keep_rejects=keep_rejects, names=names)
    times = None if timestamp is None else event_times(table[timestamp])
    micros = np.zeros(table.num_rows, dtype=np.int64) if times is None else times.micros
    watched = [column for column in schema.columns if column.name in held]
    columns = {column.name: _column(table[column.name], column) for column in watched}
    ids = _identities(table, schema)
    arrival = Arrival(
        unwatched_names(held if names is None else names, schema, timestamp),
        ids.hashes,
        example_id=ids.example,
    )
    batch = Batch(table.num_rows, micros, columns, arrival)
    if times is None:
        return Framed(batch)
    if times.usable.all():
        return Framed(_ordered(batch))
    from service.sources.tables import from_pandas  # noqa: PLC0415 - pandas, for the rows that need it

    refused = np.flatnonzero(~times.usable)
    shown = refused[:keep_rejects]
    rejects = from_pandas.rejects_of(framed(table.take(shown)), times.reasons[shown], timestamp or "")
    return Framed(_ordered(batch.take(np.flatnonzero(times.usable))), rejects, len(refused))


def _ordered(batch: Batch) -> Batch:
    # The rows that are left, with the marks of those whose time lies before that of the row before them.
    return replace(batch, arrival=replace(batch.arrival, backwards=steps_back(batch.event_time)))


def event_times(column: pa.ChunkedArray) -> EventTimes:
    """Return a timestamp column of any type as event times."""
    if pa.types.is_timestamp(column.type):
        return of_raw(values(column.cast(pa.int64()), np.int64), column.type.unit, missing(column))
    from service.sources.tables import pandas_time  # noqa: PLC0415 - pandas, for the columns that need it

    return pandas_time.event_times(framed(pa.table({"time": column}))["time"])


def framed(table: pa.Table) -> pd.DataFrame:
    """Return the table as a frame: integers stay integers, without the writer's notes on its index."""
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, use_threads=False, integer_object_nulls=True)
    return frame


def _column(held: pa.ChunkedArray, column: Column) -> ColumnRows:
    if column.kind is Kind.CATEGORICAL and arrow_labels.holds_labels(held.type):
        return arrow_labels.labels(held)
    if column.kind is Kind.NUMERICAL and _is_number(held.type):
        found = values(held.cast(pa.float64(), safe=False), np.float64)
        return Numbers(np.where(missing(held), np.nan, found))
    if column.kind is Kind.TEXT and (is_text(held.type) or _is_encoded_text(held.type)):
        written = [None if text is None else clean(text) for text in held.to_pylist()]
        return Texts(np.array(written, dtype=object))
    from service.sources.tables import from_pandas  # noqa: PLC0415 - pandas, for the columns that need it

    return from_pandas.column_of(framed(pa.table({column.name: held}))[column.name], column)


def _identities(table: pa.Table, schema: Schema) -> Identities:
    if schema.identity is None or schema.identity not in table.schema.names:
        return NO_IDENTITIES
    held = table[schema.identity]
    if arrow_labels.holds_labels(held.type):
        return arrow_labels.identities(held)
    from service.sources.tables import pandas_labels  # noqa: PLC0415 - pandas, for the columns that need it

    return pandas_labels.identities(framed(pa.table({"id": held}))["id"])


def _is_encoded_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind)) and is_text(kind.value_type)


def _is_number(kind: pa.DataType) -> bool:
    numbers = (pa.types.is_integer, pa.types.is_float32, pa.types.is_float64)
    return any(is_one(kind) for is_one in numbers)
