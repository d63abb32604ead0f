"""The tables that a caller hands over, as rows of a schema: pandas, Arrow, anything that exports Arrow, files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from service.errors import ConfigurationError, SourceError
from service.sources.tables import from_arrow, from_pandas
from service.sources.tables.file import read_rows
from service.sources.tables.raw_frame import raw_frame

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.table_format import TableFormat


class ArrowExport(Protocol):
    """A table of another library, such as polars or DuckDB, by Arrow's PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as an Arrow stream."""
        ...


Table = pd.DataFrame | pa.Table | ArrowExport | str | PathLike[str]
Loaded = pd.DataFrame | pa.Table | Path


def loaded(table: Table, what: str) -> Loaded:
    """Return a table in one of the forms that can be read; raises ConfigurationError for anything else."""
    if isinstance(table, pd.DataFrame | pa.Table):
        return cast("pd.DataFrame | pa.Table", table)
    if isinstance(table, str | PathLike):
        return Path(table)
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise ConfigurationError(
        f"{what}: expected a pandas frame, an Arrow table or the path of a file, got {type(table).__name__}"
    )


def frame_of(table: Loaded, form: TableFormat) -> pd.DataFrame:
    """Return a table's columns as they are, to look at."""
    if isinstance(table, Path):
        return raw_frame(table, form)
    return table if isinstance(table, pd.DataFrame) else from_arrow.framed(table)


def rows_of(
    table: Loaded, schema: Schema, what: str, *, timestamp: str | None, form: TableFormat
) -> Batch:
    """Return a table's rows, by time where all have one in the column `timestamp`, else in its own order.

    Raises SourceError or ReferenceDataError where they cannot be read, or where there is none.
    """
    if isinstance(table, Path):
        batch = read_rows(table, schema, timestamp=timestamp, form=form)
    else:
        batch = _framed(table, schema, timestamp, form)
    if not batch.rows:
        raise SourceError(f"{what}: it has no rows")
    return batch


def _framed(
    table: pd.DataFrame | pa.Table, schema: Schema, timestamp: str | None, form: TableFormat
) -> Batch:
    names: list[Any] = list(table.columns) if isinstance(table, pd.DataFrame) else table.schema.names
    to_batch = from_pandas.to_batch if isinstance(table, pd.DataFrame) else from_arrow.to_batch
    if timestamp not in names:
        return to_batch(table, schema, None, time=form.time).batch
    framed = to_batch(table, schema, timestamp, time=form.time)
    if framed.rejected:
        return to_batch(table, schema, None, time=form.time).batch
    batch = framed.batch
    return batch.take(np.argsort(batch.event_time, kind="stable"))
