"""The rows of a request's content, by the code that reads the same formats from files.

So a label, an id, a time or a missing value means the same however a row came. What is not measured of a row
is dropped; content that would take too much memory is refused before it does.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from service.core.rows.schema import Kind
from service.errors import SourceError, UnreadableRowsError
from service.sources.http import json_rows, json_table
from service.sources.http.arrow_messages import check_compressed
from service.sources.http.content_types import RowFormat
from service.sources.http.parquet_pages import check_pages
from service.sources.http.table_limits import (
    MAX_ROWS,
    check_bytes,
    check_expanded,
    check_json,
    check_shape,
    check_types,
    texts_of,
)
from service.sources.tables import arrow_labels, arrow_types, from_arrow
from service.sources.tables.formats import csv_file
from service.sources.tables.parsed import check_names, composed_names, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.table_format import TableFormat
    from service.sources.tables.event_time import EventTimes

MAX_LABEL = 500  # characters of a category or an id
MAX_TEXT = 65_536
UNREADABLE = (
    OSError, ValueError, EOFError, LookupError, RuntimeError, MemoryError, pa.ArrowException,
)  # fmt: skip


_ARROW_TYPES = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    dt.datetime: pa.timestamp("us", tz="UTC"),  # of Avro
    type(None): pa.null(),
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """All rows of a request.

    - `batch`: the watched columns; event times are 0
    - `times`: each row's time; None where the rows came without the column of times
    - `frame`: gives rows as they came
    """

    batch: Batch
    times: EventTimes | None
    frame: Callable[[NDArray[np.intp]], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class RowShape:
    """What is read of rows: their columns, that of their times, and how cells are written."""

    schema: Schema
    timestamp: str | None
    form: TableFormat


def decoded(content: bytes, content_format: RowFormat, shape: RowShape) -> Decoded:
    """Return the rows of a request's content.

    Raises UnreadableRowsError where it is not what its type says or has none of the watched columns,
    RowsTooLargeError where it is beyond a limit.
    """
    try:
        if content_format is RowFormat.JSON:
            return of_columns(*json_rows.parsed_array(content), shape)
        if content_format is RowFormat.JSON_LINES:
            return _of_lines(content, shape)
        if content_format is RowFormat.CSV:
            return _of_csv(content, shape)
        read = _read_parquet if content_format is RowFormat.PARQUET else _read_stream
        return _of_table(*read(content, shape), shape)
    except SourceError as error:
        raise UnreadableRowsError(str(error)) from error
    except UNREADABLE as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableRowsError(
            f"the content cannot be read as {content_format}: {said}; is the Content-Type right?"
        ) from error


def of_columns(columns: dict[str, list[Any]], rows: int, shape: RowShape) -> Decoded:
    """Return rows that came as columns of JSON's own values, or of times; raises as `decoded` does."""
    _check_size(list(columns), rows, shape)
    wanted = {*shape.schema.names, shape.schema.identity, shape.timestamp}
    held = {name: cells for name, cells in columns.items() if name in wanted}
    table = typed_table(held)
    if table is not None:
        return _of_table(table, list(columns), shape)
    return _of_frame(object_frame(held, rows), list(columns), shape)


def _of_lines(content: bytes, shape: RowShape) -> Decoded:
    check_json(content)
    lines = json_table.line_count(content)
    if lines is not None and json_table.MIN_LINES <= lines <= MAX_ROWS:
        table = json_table.read(content, lines, shape.schema, shape.timestamp)
        if table is not None:
            names = table.schema.names
            _check_size(names, lines, shape)
            return _of_table(_watched(table, shape), names, shape)
    return of_columns(*json_rows.parsed_lines(content), shape)


def typed_table(columns: Mapping[str, list[Any]]) -> pa.Table | None:
    """Return columns of JSON's values as an Arrow table, which is read in half the time.

    None where a column has values of several types, or such as Arrow cannot hold.
    """
    arrays = {}
    for name, cells in columns.items():
        kinds = {type(cell) for cell in cells if cell is not None}
        kind = _ARROW_TYPES.get(next(iter(kinds), type(None))) if len(kinds) <= 1 else None
        if kind is None:
            return None
        try:
            arrays[name] = pa.array(cells, kind, from_pandas=False)
        except (OverflowError, UnicodeError, pa.ArrowException):  # beyond 64 bits; half of a surrogate pair
            return None
    return pa.table(arrays) if arrays else None


def object_frame(columns: Mapping[str, list[Any]], rows: int) -> pd.DataFrame:
    """Return columns of JSON's values as a frame of objects, of any types."""
    import pandas as pd  # noqa: PLC0415 - half a second that a service without such rows does not need

    held = {name: pd.Series(cells, dtype=object) for name, cells in columns.items()}
    return pd.DataFrame(held, index=pd.RangeIndex(rows))


def _of_csv(content: bytes, shape: RowShape) -> Decoded:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        names, frame, noticed = csv_file.read(Path(file.name), shape.schema, shape.timestamp, shape.form)
    _check_size(names, len(frame), shape)
    if noticed.rejected:  # its sender can still mend the request, which nothing after it can
        more = f", and {noticed.rejected - 1} more such lines" if noticed.rejected > 1 else ""
        raise UnreadableRowsError(f"{noticed.rejects[0].reason}{more}; expected as many in every line")
    found = _of_frame(frame, names, shape, by_csv=True)
    remarks = csv_file.long_cell_remarks(noticed, shape.schema)
    arrival = replace(found.batch.arrival, remarks=remarks)
    return replace(found, batch=replace(found.batch, arrival=arrival))


def _of_frame(frame: pd.DataFrame, names: Sequence[str], shape: RowShape, *, by_csv: bool = False) -> Decoded:
    from service.sources.tables import from_pandas, pandas_time  # noqa: PLC0415 - as above

    schema, timestamp = shape.schema, shape.timestamp
    for name, limit in text_limits(schema).items():
        if name in frame.columns:
            longest = max((len(cell) for cell in frame[name].tolist() if isinstance(cell, str)), default=0)
            _check_text(name, longest, limit)
    number = shape.form.csv.number if by_csv else None
    found = from_pandas.to_batch(frame, schema, None, names=names, number=number)
    times = None
    if timestamp is not None and timestamp in frame.columns:
        times = pandas_time.event_times(frame[timestamp], shape.form.time)
    return Decoded(_without_time(found.batch, timestamp), times, lambda rows: frame.iloc[rows])


def _of_table(table: pa.Table, names: Sequence[str], shape: RowShape) -> Decoded:
    schema, timestamp = shape.schema, shape.timestamp
    table = arrow_types.usual(table)
    for name, limit in text_limits(schema).items():
        if name in table.schema.names:
            _check_text(name, _longest(table[name]), limit)
    found = from_arrow.to_batch(table, schema, None, names=names)
    times = None
    if timestamp is not None and timestamp in table.schema.names:
        times = from_arrow.event_times(table[timestamp], shape.form.time)
    batch = _without_time(found.batch, timestamp)
    return Decoded(batch, times, lambda rows: from_arrow.framed(arrow_types.rows_at(table, rows.tolist())))


def _read_stream(content: bytes, shape: RowShape) -> tuple[pa.Table, list[str]]:
    batches, rows, size = [], 0, 0
    check_compressed(content)
    with pa.ipc.open_stream(pa.BufferReader(content)) as reader:
        names = composed_names(reader.schema.names)
        _check_size(names, 0, shape)
        check_types(reader.schema)
        for batch in reader:
            # Before anything looks at its cells: offsets that lead out of their buffer would end the process.
            batch.validate(full=True)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            _check_size(names, rows, shape)
            check_bytes(size)
            check_expanded(batch.columns)
            batches.append(batch)
        table = from_arrow.composed(pa.Table.from_batches(batches, reader.schema))
    return _watched(table, shape), names


def _read_parquet(content: bytes, shape: RowShape) -> tuple[pa.Table, list[str]]:
    with parquet.ParquetFile(pa.BufferReader(content)) as file:
        written = file.schema_arrow.names
        names = composed_names(written)
        _check_size(names, file.metadata.num_rows, shape)
        check_types(file.schema_arrow)
        wanted = {*shape.schema.names, shape.schema.identity, shape.timestamp}
        chosen = [as_written for name, as_written in zip(names, written, strict=True) if name in wanted]
        check_pages(content, chosen)
        texts = [name for name in texts_of(file.schema_arrow) if name in chosen]
        plain = file.schema_arrow
    # Texts as a dictionary and its codes: a short run of a long text is measured before it is made.
    with parquet.ParquetFile(pa.BufferReader(content), read_dictionary=texts) as file:
        found = file.read(chosen, use_threads=False)
    found.validate(full=True)
    check_expanded(chunk for column in found.columns for chunk in column.chunks)
    table = from_arrow.composed(found.cast(pa.schema([plain.field(name) for name in found.schema.names])))
    return table.replace_schema_metadata(None), names


def _watched(table: pa.Table, shape: RowShape) -> pa.Table:
    wanted = {*shape.schema.names, shape.schema.identity, shape.timestamp}
    return table.select([name for name in table.schema.names if name in wanted]).replace_schema_metadata(None)


def _check_size(names: Sequence[str], rows: int, shape: RowShape) -> None:
    check_shape(len(names), rows)
    check_columns(names, shape)


def check_columns(names: Sequence[str], shape: RowShape) -> None:
    """Raise UnreadableRowsError or SourceError where rows with these columns cannot be read."""
    check_shape(len(names), 0)
    check_names(names, shape.schema, shape.timestamp if shape.timestamp in names else None)
    watched = (*shape.schema.names, shape.schema.identity)
    if names and not any(name in names for name in watched):
        first = shape.schema.names[0]
        raise UnreadableRowsError(
            f"none of the rows' columns is watched: they have {listed(names)}; the monitor watches "
            f"{listed(shape.schema.names)}{nearest(first, names)}"
        )


def text_limits(schema: Schema) -> dict[str, int]:
    """Return how many characters a cell may have, by column."""
    limits = {c.name: MAX_TEXT if c.kind is Kind.TEXT else MAX_LABEL for c in schema.columns}
    if schema.identity is not None:
        limits[schema.identity] = MAX_LABEL
    return limits


def _check_text(name: str, longest: int, limit: int) -> None:
    if longest > limit:
        raise UnreadableRowsError(f"{name} {too_long(longest, limit)}")


def too_long(length: int, limit: int) -> str:
    """Return what is wrong with a text that is longer than its column takes."""
    hint = "; long texts are columns of the kind text" if limit == MAX_LABEL else ""
    return f"has a text of {length:,} characters; expected {limit:,} at most{hint}"


def _longest(column: pa.ChunkedArray) -> int:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not arrow_labels.is_text(kind):
        return 0
    chunks = (chunk.dictionary if pa.types.is_dictionary(column.type) else chunk for chunk in column.chunks)
    return max((pc.max(pc.utf8_length(chunk)).as_py() or 0 for chunk in chunks), default=0)


def _without_time(batch: Batch, timestamp: str | None) -> Batch:
    names = tuple(name for name in batch.arrival.unwatched or () if name != timestamp)
    return replace(batch, arrival=replace(batch.arrival, unwatched=names))
