"""Rows of files: a reference's, and a replay's in the order of event time.

A path names a file, a folder or a pattern of files, which are one table. What a file is follows from its
first bytes, not from its name: Parquet, an Arrow file (Feather) or stream, JSON lines, else CSV with a header
line; each may be compressed by gzip, zstd, bzip2, xz, lz4 or ZIP.

Parquet files whose times are all usable and in order are read one row group at a time. Any other is read
once, ordered by event time (rows of one instant keep the files' order) and held as typed arrays.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import replace
from lzma import LZMAError
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from service.core.rows.concatenation import concatenated
from service.errors import ReferenceDataError, SourceError
from service.sources.table_format import PLAIN
from service.sources.tables.formats import arrow_file, csv_file, json_lines
from service.sources.tables.formats.content import Content, content_of
from service.sources.tables.formats.opening import open_regular, opened, refuse_special
from service.sources.tables.formats.ordered_rows import OrderedRows
from service.sources.tables.formats.partitions import with_partitions
from service.sources.tables.formats.paths import table_files
from service.sources.tables.formats.row_groups import by_row_group
from service.sources.tables.parsed import Framed, nearest, refuse_strange
from service.sources.tables.unusable import refuse_misfits, refuse_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.table_format import TableFormat
    from service.sources.tables.formats.loaded import Loaded
    from service.sources.tables.formats.paths import TableFile

__all__ = ["OrderedRows", "open_in_file_order", "open_ordered", "read_rows", "read_table"]

FINGERPRINT_BYTES = 65_536
ROW_US = 1_000_000  # from one row to the next where rows have no times
MAX_REJECTS = 100  # that are kept of a table
FILE_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    pa.ArrowException,
)


def open_ordered(
    path: Path, schema: Schema, timestamp: str, *, needed: Sequence[str] = (), form: TableFormat = PLAIN
) -> OrderedRows:
    """Open a table of rows; `read` keeps to what was opened even where a file is replaced meanwhile.

    Raises SourceError where a file cannot be read, where there is no row, or fewer than half of them have a
    usable time, or where the column `timestamp` or one of the `needed` ones is not there.
    """
    with explained(path):
        files = table_files(path)
        fingerprint = _fingerprint(files)
        kinds = [content_kind(file, form, may_be_empty=len(files) > 1) for file in files]
        if all(kind is Content.PARQUET for kind in kinds) and not any(
            timestamp in f.partitions for f in files
        ):
            lazy = by_row_group(files, schema, timestamp, form, fingerprint=fingerprint, explained=explained)
            if lazy is not None:
                _check_needed(needed, lazy)
                return lazy
        loaded = _loaded(files, kinds, schema, timestamp, form)
        for name in needed:
            _check_column(name, loaded)
        framed = _framed(loaded, schema, timestamp)
        refuse_times(framed, timestamp, form.time)
    framed = _with_malformed(framed, loaded)
    batch = _by_time(framed.batch)
    return OrderedRows(
        batch.event_time,
        lambda first, stop: batch.take(slice(first, stop)),
        lambda: None,
        fingerprint,
        framed.rejects,
        framed.rejected,
        batch.arrival.remarks,
    )


def open_in_file_order(
    path: Path, schema: Schema, *, first_us: int, form: TableFormat = PLAIN
) -> OrderedRows:
    """Open a table whose rows have no times: in the files' order, each ROW_US after the one before it.

    The first row's time is `first_us` (UTC microseconds). Raises SourceError as `open_ordered` does.
    """
    with explained(path):
        files = table_files(path)
        fingerprint = _fingerprint(files)
        kinds = [content_kind(file, form, may_be_empty=len(files) > 1) for file in files]
        loaded = _loaded(files, kinds, schema, None, form)
        _refuse_strange(files, kinds, loaded, schema, None)
        framed = _with_malformed(_framed(loaded, schema, None), loaded)
    times = first_us + np.arange(framed.batch.rows, dtype=np.int64) * ROW_US
    batch = replace(framed.batch, event_time=times)
    return OrderedRows(
        times,
        lambda first, stop: batch.take(slice(first, stop)),
        lambda: None,
        fingerprint,
        framed.rejects,
        framed.rejected,
        batch.arrival.remarks,
    )


def read_rows(
    path: Path,
    schema: Schema,
    *,
    timestamp: str | None = None,
    start: int | None = None,
    end: int | None = None,
    first_rows: int | None = None,
    form: TableFormat = PLAIN,
) -> Batch:
    """Return a reference's rows: all of them, or those from `start` to `end` (UTC microseconds, half-open).

    With `first_rows` it is that many of the first, by time where a `timestamp` is named.
    They are in the order of their time where the table has the column `timestamp`, which only bounds need:
    without it, or where a time cannot be read, the files' order holds and every event time is 0.
    Raises ReferenceDataError where a file cannot be read, where no row is left, or where a column holds
    something else than its kind and no value at all.
    """
    bounded = start is not None or end is not None
    if bounded and timestamp is None:
        raise ReferenceDataError(
            f"{path}: start and end need the name of the column that holds each row's time"
        )
    try:
        with explained(path):
            needs_times = bounded or (first_rows is not None and timestamp is not None)
            batch = _reference(path, schema, timestamp, form, bounded=needs_times)
    except SourceError as error:
        raise ReferenceDataError(f"the reference cannot be read: {error}") from error
    if bounded:
        since = batch.event_time >= (start if start is not None else np.iinfo(np.int64).min)
        until = batch.event_time < (end if end is not None else np.iinfo(np.int64).max)
        batch = batch.take(np.flatnonzero(since & until))
    batch = _by_time(batch)
    if not batch.rows:
        raise ReferenceDataError(f"{path}: no row lies between start and end; expected the reference's rows")
    if first_rows is not None and first_rows > batch.rows:
        raise ReferenceDataError(
            f"{path}: first_rows is {first_rows}, and there are {batch.rows} rows; expected at most as many"
        )
    return batch if first_rows is None else batch.take(slice(0, first_rows))


def read_table(
    path: Path, schema: Schema, *, timestamp: str | None = None, form: TableFormat = PLAIN
) -> Batch:
    """Return a table's rows, whatever its columns hold, in the order of `read_rows`. Raises SourceError."""
    with explained(path):
        return _by_time(_timed_where_possible(path, schema, timestamp, form, bounded=False))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into a SourceError that names it, once."""
    try:
        yield
    except SourceError as error:
        if str(error).startswith(str(path)):
            raise
        raise SourceError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise SourceError(
            f"{path}: there is no such file; create it or correct the path in the monitor file"
        ) from error
    except PermissionError as error:
        raise SourceError(
            f"{path}: may not be read: {error.strerror}; let the service's user read it"
        ) from error
    except FILE_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"{path}: cannot be read: {reason}; expected a CSV file with a header line, or Parquet"
        ) from error


def _reference(
    path: Path, schema: Schema, timestamp: str | None, form: TableFormat, *, bounded: bool
) -> Batch:
    batch = _timed_where_possible(path, schema, timestamp, form, bounded=bounded)
    refuse_misfits(batch, schema)
    return batch


def _timed_where_possible(
    path: Path, schema: Schema, timestamp: str | None, form: TableFormat, *, bounded: bool
) -> Batch:
    files = table_files(path)
    kinds = [content_kind(file, form, may_be_empty=len(files) > 1) for file in files]
    loaded = _loaded(files, kinds, schema, timestamp, form)
    _refuse_strange(files, kinds, loaded, schema, timestamp)
    timed = bounded or all(timestamp in part.names for part in loaded)
    framed = _framed(loaded, schema, timestamp if timed else None)
    if bounded and timestamp is not None:
        refuse_times(framed, timestamp, form.time)
    elif framed.rejected:
        framed = _framed(loaded, schema, None)
    batch, rejected = framed.batch, sum(part.rejected for part in loaded)
    if not rejected:
        return batch
    first = next(part.rejects[0].reason for part in loaded if part.rejects)
    remark = f"{rejected} of {batch.rows + rejected} rows are left out: {first}"
    return replace(batch, arrival=replace(batch.arrival, remarks=(remark, *batch.arrival.remarks)))


def _with_malformed(framed: Framed, loaded: Sequence[Loaded]) -> Framed:
    # Also the rows that could not even be asked for their time.
    rejects = [*(reject for part in loaded for reject in part.rejects), *framed.rejects]
    return Framed(
        framed.batch,
        tuple(rejects[:MAX_REJECTS]),
        framed.rejected + sum(part.rejected for part in loaded),
    )


def _by_time(batch: Batch) -> Batch:
    if (np.diff(batch.event_time) < 0).any():
        return batch.take(np.argsort(batch.event_time, kind="stable"))
    return batch


def content_kind(file: TableFile, form: TableFormat, *, may_be_empty: bool) -> Content | None:
    """Return what a file is by its first bytes; None for an empty one, where that may be."""
    with explained(file.path):
        status = file.path.stat()
        refuse_special(status.st_mode)
        if may_be_empty and not status.st_size:
            return None
        with opened(file.path) as bytes_of:
            content = content_of(bytes_of.head, form.csv.encoding)
            if bytes_of.compressed and content is Content.PARQUET:
                return Content.PACKED_PARQUET
            return content


def _loaded(
    files: Sequence[TableFile],
    kinds: Sequence[Content | None],
    schema: Schema,
    timestamp: str | None,
    form: TableFormat,
) -> list[Loaded]:
    found = []
    for file, kind in zip(files, kinds, strict=True):
        if kind is None:
            continue
        with explained(file.path):
            if kind is Content.CSV:
                loaded = csv_file.load(file.path, schema, timestamp, form)
            elif kind is Content.JSON_LINES:
                loaded = json_lines.load(file.path, schema, timestamp, form)
            else:
                loaded = arrow_file.load(file.path, kind, schema, timestamp, form)
            found.append(with_partitions(loaded, file.partitions, schema))
    if not sum(part.rows for part in found):
        raise SourceError("the file holds no rows" if len(files) == 1 else "the files hold no rows")
    return found


def _refuse_strange(
    files: Sequence[TableFile],
    kinds: Sequence[Content | None],
    loaded: Sequence[Loaded],
    schema: Schema,
    timestamp: str | None,
) -> None:
    # Where a time is needed its column has to be there; without one a strange file would be rows of nothing.
    held = (file for file, kind in zip(files, kinds, strict=True) if kind is not None)
    for file, part in zip(held, loaded, strict=True):
        with explained(file.path):
            refuse_strange(part.names, schema, timestamp)


def _framed(loaded: Sequence[Loaded], schema: Schema, timestamp: str | None) -> Framed:
    parts = [_remarked(part.framed(timestamp), part.remarks) for part in loaded]
    if len(parts) == 1:
        return parts[0]
    rejects = [reject for part in parts for reject in part.rejects]
    return Framed(
        concatenated([part.batch for part in parts], schema),
        tuple(rejects[:MAX_REJECTS]),
        sum(part.rejected for part in parts),
    )


def _remarked(framed: Framed, remarks: tuple[str, ...]) -> Framed:
    arrival = replace(framed.batch.arrival, remarks=remarks)
    return replace(framed, batch=replace(framed.batch, arrival=arrival)) if remarks else framed


def _check_column(name: str, loaded: Sequence[Loaded]) -> None:
    for part in loaded:
        if name not in part.names:
            raise _absent(name, part.names)


def _check_needed(needed: Sequence[str], lazy: OrderedRows) -> None:
    if not needed:
        return
    first = lazy.read(0, 1)
    held = [*first.columns, *(first.arrival.unwatched or ())]
    for name in needed:
        if name not in first.columns:
            lazy.close()
            raise _absent(name, held)


def _absent(name: str, names: Sequence[str]) -> SourceError:
    return SourceError(
        f"it has no column {name!r}{nearest(name, names)}; expected it beside {', '.join(names)}"
    )


def _fingerprint(files: Sequence[TableFile]) -> str:
    marks = []
    for file in files:
        with explained(file.path):
            marks.append(_fingerprint_of(file.path))
    return marks[0] if len(marks) == 1 else hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16]


def _fingerprint_of(path: Path) -> str:
    # Size, head and tail (Parquet's footer with every group's statistics): a copy or a touch changes nothing.
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        content = file.read(FINGERPRINT_BYTES)
        file.seek(max(0, size - FINGERPRINT_BYTES))
        content += file.read()
    return hashlib.sha256(f"{size}:".encode() + content).hexdigest()[:16]
