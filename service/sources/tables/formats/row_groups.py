"""Parquet files whose rows are in the order of their time, read one row group at a time.

Eight bytes per row for the times and one group's rows are all that stays in memory. Up to MAX_OPEN files stay
open, so that a file that is replaced meanwhile is read as it was; of more files each is opened when it is
read, and refused where it has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pyarrow import parquet

from service.core.rows.batch import no_rows
from service.core.rows.concatenation import concatenated
from service.errors import SourceError
from service.sources.tables import arrow_labels, from_arrow
from service.sources.tables.formats.opening import expanded_limit, refuse_parquet_bomb
from service.sources.tables.formats.ordered_rows import OrderedRows
from service.sources.tables.formats.partitions import add_partitions
from service.sources.tables.parsed import check_names, composed_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.table_format import TableFormat
    from service.sources.tables.formats.paths import TableFile

    Explained = Callable[[Path], AbstractContextManager[None]]

MAX_OPEN = 64


class _Reading(NamedTuple):
    """What is read of every file, and how an error names the file."""

    schema: Schema
    timestamp: str
    form: TableFormat
    keep_open: bool
    explained: Explained


def by_row_group(
    files: Sequence[TableFile],
    schema: Schema,
    timestamp: str,
    form: TableFormat,
    *,
    fingerprint: str,
    explained: Explained,
) -> OrderedRows | None:
    """Return the files' rows, read as they are needed; None unless every row has a time, and in order."""
    reading = _Reading(schema, timestamp, form, len(files) <= MAX_OPEN, explained)
    parts: list[_Part] = []
    times: list[NDArray[np.int64]] = []

    def close() -> None:
        for part in parts:
            part.close()

    try:
        for file in files:
            with explained(file.path):
                part = _Part(file, reading)
                parts.append(part)
                found = part.times()
            if found is None:
                close()
                return None
            times.append(found)
    except BaseException:
        close()
        raise
    order = sorted(range(len(times)), key=lambda place: (int(times[place][0]), place))
    parts, whole = [parts[place] for place in order], np.concatenate([times[place] for place in order])
    if (np.diff(whole) < 0).any():
        close()
        return None
    return OrderedRows(
        whole, _Chain(parts, [len(times[place]) for place in order], schema).read, close, fingerprint
    )


class _Chain:
    """Files one behind the other."""

    def __init__(self, parts: Sequence[_Part], sizes: Sequence[int], schema: Schema) -> None:
        self._parts, self._schema = parts, schema
        self._starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))

    def read(self, first: int, stop: int) -> Batch:
        """Return the rows from `first` to `stop` (half-open); raises SourceError if they cannot be read."""
        if first >= stop:
            return no_rows()
        low = int(np.searchsorted(self._starts, first, side="right")) - 1
        high = int(np.searchsorted(self._starts, stop, side="left"))
        found = []
        for place in range(low, high):
            base = int(self._starts[place])
            until = min(stop, int(self._starts[place + 1]))
            found.append(self._parts[place].read(max(first, base) - base, until - base))
        return concatenated(found, self._schema)


class _Part:
    """Rows of one Parquet file; the row groups last read stay, since takes follow each other."""

    def __init__(self, file: TableFile, reading: _Reading) -> None:
        self._file, self._reading = file, reading
        schema, timestamp = reading.schema, reading.timestamp
        kinds = parquet.read_schema(file.path)
        self._names = composed_names(kinds.names)
        check_names(self._names, schema, timestamp)
        wanted = {*schema.names, schema.identity, timestamp}
        places = [place for place, name in enumerate(self._names) if name in wanted]
        self._columns = [kinds.names[place] for place in places]
        self._timestamp = kinds.names[self._names.index(timestamp)]
        # Text as codes into the distinct texts is framed much faster.
        self._texts = [
            name
            for name in self._columns
            if name != self._timestamp and arrow_labels.is_text(kinds.field(name).type)
        ]
        self._stamp = _stamp(file.path)
        self._held: tuple[int, int, Batch] = (0, 0, no_rows())
        self._open: parquet.ParquetFile | None = parquet.ParquetFile(file.path, read_dictionary=self._texts)
        refuse_parquet_bomb(self._open.metadata, expanded_limit(file.path.stat().st_size))
        sizes = [self._open.metadata.row_group(group).num_rows for group in range(self._open.num_row_groups)]
        self._starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))

    def times(self) -> NDArray[np.int64] | None:
        """Return the rows' times; None unless all are usable and in order."""
        timestamp, form = self._timestamp, self._reading.form.time
        file = self._opened()
        found = from_arrow.event_times(file.read([timestamp], use_threads=False)[timestamp], form)
        self._put_away(file)
        micros = found.micros
        in_order = len(micros) and found.usable.all() and (np.diff(micros) >= 0).all()
        return micros if in_order else None

    def read(self, first: int, stop: int) -> Batch:
        """Return the rows from `first` to `stop` (half-open)."""
        low = int(np.searchsorted(self._starts, first, side="right")) - 1
        high = int(np.searchsorted(self._starts, stop, side="left"))
        if self._held[:2] != (low, high):
            with self._reading.explained(self._file.path):
                self._held = (low, high, self._groups(low, high))
        base = int(self._starts[low])
        return self._held[2].take(slice(first - base, stop - base))

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _groups(self, low: int, high: int) -> Batch:
        reading, file = self._reading, self._opened()
        table = file.read_row_groups(list(range(low, high)), self._columns, use_threads=False)
        self._put_away(file)
        framed = from_arrow.to_batch(
            table, reading.schema, reading.timestamp, names=self._names, time=reading.form.time
        )
        if not self._file.partitions:
            return framed.batch
        added = {name: value for name, value in self._file.partitions.items() if name not in self._names}
        return add_partitions(framed.batch, added, reading.schema)

    def _opened(self) -> parquet.ParquetFile:
        if self._open is None:
            self._open = parquet.ParquetFile(self._file.path, read_dictionary=self._texts)
            if _stamp(self._file.path) != self._stamp:
                self.close()
                raise SourceError("it was changed while it is read; it is read again from the next cycle on")
        return self._open

    def _put_away(self, file: parquet.ParquetFile) -> None:
        if not self._reading.keep_open:
            file.close()
            self._open = None
            self._held = (0, 0, no_rows())


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
