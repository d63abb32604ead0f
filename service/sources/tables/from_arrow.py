"""An Arrow table as typed arrays: plain columns directly, any other by way of a pandas frame.

Guarantee: both ways give the same bits. The direct way exists because importing pandas takes a service that
replays a Parquet file half a second and 60 MB.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from service.core.rows.batch import TEXT_TIMES, Arrival, Batch, Misfit, Numbers, Texts, steps_back
from service.core.rows.label_text import clean
from service.core.rows.schema import Kind
from service.sources.table_format import PLAIN_TIME
from service.sources.tables import arrow_labels, arrow_types
from service.sources.tables.arrow_labels import is_text, missing, values
from service.sources.tables.event_time import EventTimes, of_raw
from service.sources.tables.identity import NO_IDENTITIES
from service.sources.tables.parsed import Framed, check_names, composed_names, unwatched_names
from service.sources.tables.time_text import are_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from service.core.rows.batch import ColumnRows
    from service.core.rows.schema import Column, Schema
    from service.sources.table_format import TimeFormat
    from service.sources.tables.identity import Identities

FIRST_CELLS = 100  # that are looked at for what they are


def to_batch(
    table: pa.Table,
    schema: Schema,
    timestamp: str | None,
    *,
    keep_rejects: int = 100,
    names: Sequence[str] | None = None,
    time: TimeFormat = PLAIN_TIME,
) -> Framed:
    """Return the schema's columns of `table` as typed arrays; see `from_pandas.to_batch` for its promises."""
    table = arrow_types.usual(composed(table))
    held = table.schema.names
    check_names(held if names is None else names, schema, timestamp)
    if len(set(held)) < len(held):
        table = table.select([place for place, name in enumerate(held) if held.index(name) == place])
    times = None if timestamp is None else event_times(table[timestamp], time)
    micros = np.zeros(table.num_rows, dtype=np.int64) if times is None else times.micros
    columns, misfits = _columns(table, schema)
    ids = _identities(table, schema)
    arrival = Arrival(
        unwatched_names(held if names is None else names, schema, timestamp),
        ids.hashes,
        misfits=misfits,
        example_id=ids.example,
        check=ids.check,
    )
    batch = Batch(table.num_rows, micros, columns, arrival)
    if times is None or timestamp is None:
        return Framed(batch)
    if times.usable.all():
        return Framed(_in_order(batch))
    from service.sources.tables import from_pandas  # noqa: PLC0415 - pandas, for the rows that need it

    refused = np.flatnonzero(~times.usable)
    shown = refused[:keep_rejects]
    given = framed(arrow_types.rows_at(table, shown.tolist()))
    rejects = from_pandas.rejects_of(given, times.reasons[shown], timestamp, time)
    return Framed(_in_order(batch.take(np.flatnonzero(times.usable))), rejects, len(refused))


def _in_order(batch: Batch) -> Batch:
    # The rows, with the marks of those whose time lies before that of the row before them.
    return replace(batch, arrival=replace(batch.arrival, backwards=steps_back(batch.event_time)))


def event_times(column: pa.ChunkedArray, form: TimeFormat = PLAIN_TIME) -> EventTimes:
    """Return a timestamp column of any type as event times."""
    column = arrow_types.usual(pa.table({"time": column}))["time"]
    if pa.types.is_timestamp(column.type):
        raw, zone = values(column.cast(pa.int64()), np.int64), form.zone if column.type.tz is None else None
        return of_raw(raw, column.type.unit, missing(column), zone=zone)
    if pa.types.is_int64(column.type) and form.unit is not None and form.pattern is None:
        return of_raw(values(column, np.int64), form.unit, missing(column))
    from service.sources.tables import pandas_time  # noqa: PLC0415 - pandas, for the columns that need it

    return pandas_time.event_times(framed(pa.table({"time": column}))["time"], form)


def composed(table: pa.Table) -> pa.Table:
    """Return the table with its columns' names in Unicode's composed form."""
    names = table.schema.names
    return table if all(name.isascii() for name in names) else table.rename_columns(composed_names(names))


def framed(table: pa.Table) -> pd.DataFrame:
    """Return the table as a frame: integers stay integers, without the writer's notes on its index.

    Lists and structs are Python's own, as JSON gives them: NumPy writes long arrays without their middle.
    """
    import pandas as pd  # noqa: PLC0415 - half a second that most tables do not need

    table = arrow_types.usual(table)
    nested = [place for place, field in enumerate(table.schema) if arrow_types.is_nested(field.type)]
    blank = table
    for place in nested:
        blank = blank.set_column(place, table.schema.names[place], pa.nulls(table.num_rows))
    frame: pd.DataFrame = blank.to_pandas(ignore_metadata=True, use_threads=False, integer_object_nulls=True)
    for place in nested:
        cells = pd.Series(table[place].to_pylist(), index=frame.index, dtype=object)
        frame.isetitem(place, cells.to_numpy())
    return frame


def _text_times(table: pa.Table, schema: Schema) -> Iterator[Misfit]:
    for column in schema.columns:
        if column.kind is not Kind.CATEGORICAL or column.name not in table.schema.names:
            continue
        if is_text(table.schema.field(column.name).type) and column.name != schema.identity:
            texts = [text for text in table[column.name].slice(0, FIRST_CELLS).to_pylist() if text]
            if are_times(texts):
                yield Misfit(column.name, TEXT_TIMES, texts[0])


def _columns(table: pa.Table, schema: Schema) -> tuple[dict[str, ColumnRows], tuple[Misfit, ...]]:
    watched = [column for column in schema.columns if column.name in table.schema.names]
    direct = {column.name: _plain(table[column.name], column) for column in watched}
    misfits = tuple(_text_times(table, schema))
    others = [name for name, found in direct.items() if found is None]
    read: dict[str, ColumnRows] = {}
    if others:
        from service.sources.tables import from_pandas  # noqa: PLC0415 - pandas, for the columns that need it

        read, more = from_pandas.columns_of(framed(table.select(others)), schema)
        known = {misfit.column for misfit in more}
        misfits = (*more, *(misfit for misfit in misfits if misfit.column not in known))
    return {name: read[name] if found is None else found for name, found in direct.items()}, misfits


def _plain(held: pa.ChunkedArray, column: Column) -> ColumnRows | None:
    if column.kind is Kind.CATEGORICAL and arrow_labels.holds_labels(held.type):
        return arrow_labels.labels(held)
    if column.kind is Kind.NUMERICAL and _is_number(held.type):
        found = values(held.cast(pa.float64(), safe=False), np.float64)
        return Numbers(np.where(missing(held), np.nan, found))
    if column.kind is Kind.TEXT and (is_text(held.type) or _is_encoded_text(held.type)):
        written = [None if text is None else clean(text) for text in held.to_pylist()]
        return Texts(np.array(written, dtype=object))
    return None


def _identities(table: pa.Table, schema: Schema) -> Identities:
    if schema.identity is None or schema.identity not in table.schema.names:
        return NO_IDENTITIES
    held = table[schema.identity]
    if arrow_labels.holds_labels(held.type):
        return arrow_labels.identities(held, exact=schema.exact_ids)
    from service.sources.tables import pandas_labels  # noqa: PLC0415 - pandas, for the columns that need it

    return pandas_labels.identities(framed(pa.table({"id": held}))["id"], exact=schema.exact_ids)


def _is_encoded_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind)) and is_text(kind.value_type)


def _is_number(kind: pa.DataType) -> bool:
    numbers = (pa.types.is_integer, pa.types.is_float32, pa.types.is_float64)
    return any(is_one(kind) for is_one in numbers)
