"""Which rows does a CSV or Parquet file hold? A reference's, and a replay's in the order of event time.

A file that begins with Parquet's mark is Parquet, every other is CSV with a header line (compressed where its
name ends in .gz, .bz2, .xz or .zip; tabs where it ends in .tsv).

A Parquet file whose times are all usable and in order is read one row group at a time: 8 bytes a row for the
times and one group's rows are all that stays in memory. Any other file is read once, ordered by event time
(rows of one instant keep the file's order) and held as typed arrays.
"""

from __future__ import annotations

import difflib
import hashlib
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from service.core.rows.batch import no_rows
from service.core.rows.missing_words import NULL_WORDS, words_of
from service.core.rows.schema import Kind
from service.errors import ReferenceDataError, SourceError
from service.sources.tables import arrow_labels, from_arrow
from service.sources.tables.parsed import Framed, missing_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.take import Reject

PARQUET_MARK = b"PAR1"
FINGERPRINT_BYTES = 65_536
FILE_ERRORS = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, pa.ArrowException)


@dataclass(frozen=True, slots=True)
class OrderedRows:
    """A file's usable rows by event time; the rest is in `rejects` (the first of `rejected`).

    `times` int64 UTC microseconds, ascending, shape (rows,); `read(first, stop)` gives those rows.
    """

    times: NDArray[np.int64]
    read: Callable[[int, int], Batch]
    close: Callable[[], None]
    fingerprint: str
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0


def open_ordered(path: Path, schema: Schema, timestamp: str, *, needed: Sequence[str] = ()) -> OrderedRows:
    """Open a file of rows; `read` keeps to what was opened even where the path is replaced meanwhile.

    Raises SourceError where the file cannot be read, holds no rows or has no column `timestamp`, or lacks one
    of the `needed` ones.
    """
    with _explained(path):
        mark = _fingerprint(path)
        if needed:
            _check_needed(needed, _names(path))
        if _is_parquet(path):
            lazy = _by_row_group(path, schema, timestamp, mark)
            if lazy is not None:
                return lazy
        framed = _read(path, schema, timestamp)
    batch = framed.batch
    if (np.diff(batch.event_time) < 0).any():
        batch = batch.take(np.argsort(batch.event_time, kind="stable"))
    return OrderedRows(
        batch.event_time,
        lambda first, stop: batch.take(slice(first, stop)),
        lambda: None,
        mark,
        framed.rejects,
        framed.rejected,
    )


def read_rows(
    path: Path,
    schema: Schema,
    *,
    timestamp: str | None = None,
    start: int | None = None,
    end: int | None = None,
) -> Batch:
    """Return a reference's rows: all of them, or those from `start` to `end` (UTC microseconds, half-open).

    They are in the order of their time where the file has the column `timestamp`, which only bounds need:
    without it, or where a time cannot be read, the file's order holds and every event time is 0.
    Raises ReferenceDataError where the file cannot be read, or where no row is left.
    """
    bounded = start is not None or end is not None
    if bounded and timestamp is None:
        raise ReferenceDataError(
            f"{path}: start and end need the name of the column that holds each row's time"
        )
    try:
        with _explained(path):
            timed = bounded or (timestamp is not None and timestamp in _names(path))
            framed = _read(path, schema, timestamp if timed else None)
            if framed.rejected and not bounded:
                framed = _read(path, schema, None)
            batch = framed.batch
    except SourceError as error:
        raise ReferenceDataError(f"the reference cannot be read: {error}") from error
    if bounded:
        since = batch.event_time >= (start if start is not None else np.iinfo(np.int64).min)
        until = batch.event_time < (end if end is not None else np.iinfo(np.int64).max)
        batch = batch.take(np.flatnonzero(since & until))
    if (np.diff(batch.event_time) < 0).any():
        batch = batch.take(np.argsort(batch.event_time, kind="stable"))
    if not batch.rows:
        raise ReferenceDataError(f"{path}: no row lies between start and end; expected the reference's rows")
    return batch


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise SourceError(
            f"{path}: there is no such file; create it or correct the path in the monitor file"
        ) from error
    except FILE_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"{path}: cannot be read: {reason}; expected a CSV file with a header line, or Parquet"
        ) from error


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        mark = file.read(len(PARQUET_MARK))
    if not mark:
        raise SourceError("the file is empty; expected a header line and rows")
    return mark == PARQUET_MARK


def _names(path: Path) -> list[str]:
    if _is_parquet(path):
        return list(parquet.read_schema(path).names)
    import pandas as pd  # noqa: PLC0415 - see _read_csv

    return list(pd.read_csv(path, sep="\t" if ".tsv" in path.suffixes else ",", nrows=0).columns)


def _check_needed(needed: Sequence[str], names: list[str]) -> None:
    for name in needed:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise SourceError(f"it has no column {name!r}{hint}; expected it beside {', '.join(names)}")


def _fingerprint(path: Path) -> str:
    # Size, head and tail (Parquet's footer with every group's statistics): a copy or a touch changes nothing.
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        content = file.read(FINGERPRINT_BYTES)
        file.seek(max(0, size - FINGERPRINT_BYTES))
        content += file.read()
    return hashlib.sha256(f"{size}:".encode() + content).hexdigest()[:16]


def _read(path: Path, schema: Schema, timestamp: str | None) -> Framed:
    if _is_parquet(path):
        wanted = {*schema.names, schema.identity, timestamp}
        with parquet.ParquetFile(path) as file:
            names = _checked(file.schema_arrow.names, timestamp)
            table = file.read([name for name in names if name in wanted], use_threads=False)
            # The count is the file's own: a table without columns has lost it.
            framed, rows = from_arrow.to_batch(table, schema, timestamp, names=names), file.metadata.num_rows
    else:
        framed, rows = _read_csv(path, schema, timestamp)
    if not rows:
        raise SourceError("the file holds no rows")
    return framed


def _read_csv(path: Path, schema: Schema, timestamp: str | None) -> tuple[Framed, int]:
    import pandas as pd  # noqa: PLC0415 - half a second and 60 MB that a Parquet file does not need

    from service.sources.tables.from_pandas import to_batch  # noqa: PLC0415 - as above

    # A label, a text, an id is what is written: 01234 keeps its zero, whatever the column's other values are.
    written = {column.name for column in schema.columns if column.kind is not Kind.NUMERICAL}
    if schema.identity is not None:
        written.add(schema.identity)
    no_value = {name: [""] for name in written}
    no_value |= {c.name: ["", *words_of(c)] for c in schema.columns if c.name not in written}
    if timestamp is not None:
        no_value[timestamp] = ["", *NULL_WORDS]
    # All columns: told to read some, pandas cuts a line that is too long instead of refusing it.
    frame = pd.read_csv(
        path,
        sep="\t" if ".tsv" in path.suffixes else ",",
        low_memory=False,  # a column's type is decided once, not per part
        dtype=dict.fromkeys(written, str),
        keep_default_na=False,
        na_values=no_value,
        float_precision="round_trip",
        encoding_errors="replace",  # a byte that is no UTF-8 spoils its cell, not the file
    )
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the surplus for an index
        raise SourceError("its lines hold more cells than its header has names; expected as many")
    return to_batch(frame, schema, timestamp), len(frame)


def _checked(names: list[str], timestamp: str | None) -> list[str]:
    if timestamp is not None and timestamp not in names:
        raise missing_timestamp(timestamp, names)
    return names


def _by_row_group(path: Path, schema: Schema, timestamp: str, mark: str) -> OrderedRows | None:
    """Return a Parquet file's rows read as they are needed; None unless every row has a time, in order."""
    kinds = parquet.read_schema(path)
    names = _checked(kinds.names, timestamp)
    columns = [name for name in names if name in {*schema.names, schema.identity, timestamp}]
    # Text as codes into the distinct texts is framed much faster.
    texts = [name for name in columns if name != timestamp and arrow_labels.is_text(kinds.field(name).type)]
    file = parquet.ParquetFile(path, read_dictionary=texts)
    lazy = None
    try:
        found = from_arrow.event_times(file.read([timestamp], use_threads=False)[timestamp])
        if len(found.micros) and found.usable.all() and (np.diff(found.micros) >= 0).all():
            groups = _RowGroups(file, path, schema, timestamp, (columns, names))
            lazy = OrderedRows(found.micros, groups.read, groups.close, mark)
    finally:
        if lazy is None:
            file.close()
    return lazy


class _RowGroups:
    """Rows of an open Parquet file; the row groups last read stay, since takes follow each other."""

    def __init__(
        self,
        file: parquet.ParquetFile,
        path: Path,
        schema: Schema,
        timestamp: str,
        columns: tuple[list[str], list[str]],
    ) -> None:
        self._file, self._path = file, path
        self._columns, self._names = columns  # the ones that are read, and all that there are
        self._schema, self._timestamp = schema, timestamp
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        self._starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
        self._held: tuple[int, int, Batch] = (0, 0, no_rows())

    def read(self, first: int, stop: int) -> Batch:
        """Return the rows from `first` to `stop` (half-open); raises SourceError if they cannot be read."""
        if first >= stop:
            return no_rows()
        low = int(np.searchsorted(self._starts, first, side="right")) - 1
        high = int(np.searchsorted(self._starts, stop, side="left"))
        if self._held[:2] != (low, high):
            with _explained(self._path):
                table = self._file.read_row_groups(list(range(low, high)), self._columns, use_threads=False)
                framed = from_arrow.to_batch(table, self._schema, self._timestamp, names=self._names)
                self._held = (low, high, framed.batch)
        base = int(self._starts[low])
        return self._held[2].take(slice(first - base, stop - base))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
