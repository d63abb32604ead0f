"""The tables that a caller hands over, as rows of a schema: pandas, Arrow and what exports it, files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from service.errors import ConfigurationError, ReferenceDataError, SourceError
from service.sources.tables import from_arrow, from_pandas
from service.sources.tables.file import read_rows, read_table
from service.sources.tables.parsed import composed_names, refuse_strange
from service.sources.tables.raw_frame import raw_frame

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.table_format import TableFormat
    from service.sources.tables.parsed import Framed


class ArrowExport(Protocol):
    """A table of another library, such as polars or DuckDB, by Arrow's PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as an Arrow stream."""
        ...


REFERENCE = "reference"  # what the table is that others are compared with
Table = pd.DataFrame | ArrowExport | str | PathLike[str]  # an Arrow table exports itself
Loaded = pd.DataFrame | ArrowExport | Path  # the second is an Arrow table by then


def loaded(table: Table, what: str) -> Loaded:
    """Return a table in one of the forms that can be read; raises ConfigurationError for anything else."""
    if isinstance(table, pd.DataFrame):
        return _with_index(table, what)
    if isinstance(table, str | PathLike):
        if not str(table):
            raise ConfigurationError(f"{what}: the path is empty; expected a file, a folder or a pattern")
        return Path(table)
    if not hasattr(table, "__arrow_c_stream__"):
        raise ConfigurationError(
            f"{what}: expected a pandas frame, an Arrow table or a file's path, got {type(table).__name__}"
        )
    exported: ArrowExport = pa.table(table)
    return exported


def _with_index(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    # The levels of the index that have a name are columns, and numbers as names are texts.
    if frame.columns.nlevels > 1:
        raise ConfigurationError(
            f"{what}: its columns have {frame.columns.nlevels} levels, such as {frame.columns[0]!r}; "
            "expected one: frame.columns = ['_'.join(name) for name in frame.columns]"
        )
    levels: list[Any] = [name for name in frame.index.names if name not in (None, *frame.columns)]
    if levels:
        frame = frame.reset_index(levels)
    names = [str(name) for name in frame.columns]
    return frame if names == list(frame.columns) else frame.set_axis(names, axis="columns")


def frame_of(table: Loaded, form: TableFormat) -> pd.DataFrame:
    """Return a table's columns as they are, to look at."""
    if isinstance(table, Path):
        return raw_frame(table, form)
    if isinstance(table, pd.DataFrame):
        return from_pandas.composed(table)
    return from_arrow.framed(from_arrow.composed(pa.table(table)))


def rows_of(table: Loaded, schema: Schema, what: str, *, timestamp: str | None, form: TableFormat) -> Batch:
    """Return a table's rows, by time where all have one in the column `timestamp`, else in its own order.

    Raises SourceError or ReferenceDataError where they cannot be read, or where there is none.
    """
    if isinstance(table, Path) and what == REFERENCE:
        batch = read_rows(table, schema, timestamp=timestamp, form=form)
    elif isinstance(table, Path):
        batch = read_table(table, schema, timestamp=timestamp, form=form)
    else:
        batch = _framed(table, schema, what, timestamp, form)
    if not batch.rows:
        raise SourceError(f"{what}: it has no rows")
    return batch


def _framed(
    table: pd.DataFrame | ArrowExport, schema: Schema, what: str, timestamp: str | None, form: TableFormat
) -> Batch:
    def framed(by: str | None) -> Framed:
        if isinstance(table, pd.DataFrame):
            return from_pandas.to_batch(table, schema, by, time=form.time)
        return from_arrow.to_batch(pa.table(table), schema, by, time=form.time)

    held: list[Any] = list(table.columns) if isinstance(table, pd.DataFrame) else pa.table(table).schema.names
    names = composed_names(held)
    try:
        refuse_strange(names, schema, timestamp)
    except SourceError as error:
        raise (ReferenceDataError if what == REFERENCE else SourceError)(f"{what}: {error}") from error
    timed = framed(timestamp) if timestamp in names else None
    if timed is None or timed.rejected:
        return framed(None).batch
    return timed.batch.take(np.argsort(timed.batch.event_time, kind="stable"))
