"""Replays files of past rows in the order of their event time; without times, in the files' own order.

A take gives the rows of one step of event time or a fixed number of rows. Steps lie on a grid; a gap in the
data gives empty takes, and a very long gap is skipped. The position is `until` (UTC microseconds, the start
of the next step), `row` (rows given so far) and `file` (a fingerprint). By steps the time alone decides what
follows, by rows the row number alone; where the file has changed since, the replay goes on by the same rule
and logs a warning.

The file is opened at the first take and read as it was then. Rows without a usable time are rejects of the
take that starts from the beginning. Late labels are read from a file of their own (`labels.py`); the position
also holds how far that has been read, and the source is exhausted when both files are.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import structlog

from service.core.rows.batch import no_rows
from service.core.rows.take import Take
from service.core.time_units import to_datetime
from service.errors import ConfigurationError, SourceError
from service.sources.replay.labels import MAX_GAP_STEPS, Pace, end_of_step, next_labels, open_labels
from service.sources.table_format import PLAIN
from service.sources.tables.file import OrderedRows, open_in_file_order, open_ordered

if TYPE_CHECKING:
    from pathlib import Path

    from service.core.rows.schema import Schema
    from service.sources.context import LabelFile
    from service.sources.table_format import TableFormat

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """Which file is replayed, and at which pace; times are UTC microseconds.

    - `path`: the file.
    - `timestamp`: its column of event times; None takes rows in the files' order.
    - `step_us`: the event time of a take; or
    - `rows`: the number of rows of a take.
    - `offset_us`: steps start at this plus whole steps from 1970.
    - `start`, `end`: only rows in between (half-open) are given.
    - `skip_rows`: how many of the first rows are left out.
    - `first_us`: the time of the first row where there is no `timestamp`.
    - `labels`: the file of late labels; None where all labels come with their rows.
    - `form`: how the file is written.

    Raises ConfigurationError unless exactly one pace is given.
    """

    path: Path
    timestamp: str | None
    step_us: int | None = None
    rows: int | None = None
    offset_us: int = 0
    start: int | None = None
    end: int | None = None
    labels: LabelFile | None = None
    form: TableFormat = PLAIN
    skip_rows: int = 0
    first_us: int | None = None

    def __post_init__(self) -> None:
        """Refuse a replay without a pace or with two."""
        pace = [value for value in (self.step_us, self.rows) if value is not None]
        if len(pace) != 1 or pace[0] <= 0:
            raise ConfigurationError(
                f"replay of {self.path}: step {self.step_us} and rows {self.rows}; "
                "expected exactly one of them, above 0"
            )


class _Opened(NamedTuple):
    """The open files: rows, and labels where they come late."""

    rows: OrderedRows
    labels: OrderedRows | None


class ReplaySource:
    """Gives a file's rows, take by take; it holds the open files, never a position."""

    def __init__(self, options: ReplayOptions, schema: Schema) -> None:
        self._options = options
        self._schema = schema
        self._files: _Opened | None = None
        # A single thread: takes never overlap, even after a cancelled one, and the memory that reading needs
        # is not multiplied by the threads of a pool.
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replay")

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return what follows `position`; raises SourceError where a file cannot be read (now)."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._take, position)

    async def position_at(self, instant: int) -> dict[str, Any]:
        """Return the position before the first row at or after `instant`; raises SourceError without one."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._position_at, instant)

    async def close(self) -> None:
        """Close the files and end the thread; no take may follow."""
        await asyncio.get_running_loop().run_in_executor(self._reader, self._close)
        self._reader.shutdown(wait=False)

    def _take(self, position: dict[str, Any] | None) -> Take:
        files = self._opened(position)
        try:
            take = _take(files.rows, self._options, position)
            return _with_labels(take, files, self._options, position)
        except SourceError:
            self._close()  # the next take opens the files again
            raise

    def _position_at(self, instant: int) -> dict[str, Any]:
        rows, options = self._opened(None).rows, self._options
        low, high = _bounds(rows, options)
        row = max(low, int(np.searchsorted(rows.times, instant, side="left")))
        if row >= high:
            raise SourceError(f"{options.path}: no row is from {to_datetime(instant)} or later")
        until = None if options.step_us is None else instant
        return {"row": row, "until": until, "file": rows.fingerprint}

    def _opened(self, position: dict[str, Any] | None) -> _Opened:
        if self._files is None:
            options = self._options
            rows = _open_rows(options, self._schema)
            try:
                labels = None if options.labels is None else open_labels(options.labels)
            except SourceError:
                rows.close()
                raise
            self._files = _Opened(rows, labels)
            _warn_of_changes(self._files, options, position)
            _warn_of_remarks(self._files, options)
        return self._files

    def _close(self) -> None:
        for file in self._files or ():
            if file is not None:
                file.close()
        self._files = None


def _open_rows(options: ReplayOptions, schema: Schema) -> OrderedRows:
    if options.timestamp is None:
        return open_in_file_order(options.path, schema, first_us=options.first_us or 0, form=options.form)
    return open_ordered(options.path, schema, options.timestamp, form=options.form)


def _warn_of_changes(files: _Opened, options: ReplayOptions, position: dict[str, Any] | None) -> None:
    if position is None:
        return
    if position.get("file") != files.rows.fingerprint:
        going_on = "the next step" if options.step_us else "the next row number"
        log.warning("replayed file changed", path=str(options.path), going_on_with=going_on)
    before = position.get("labels")
    if before is not None and files.labels is not None and before["file"] != files.labels.fingerprint:
        path = options.labels and str(options.labels.path)
        log.warning("file of labels changed", path=path, going_on_with="the next label number")


def _warn_of_remarks(files: _Opened, options: ReplayOptions) -> None:
    for remark in files.rows.remarks:
        log.warning("replayed file", path=str(options.path), hint=remark)
    for remark in files.labels.remarks if files.labels is not None else ():
        log.warning("file of labels", path=str(options.labels and options.labels.path), hint=remark)


def _take(rows: OrderedRows, options: ReplayOptions, position: dict[str, Any] | None) -> Take:
    low, high = _bounds(rows, options)
    if low == high and len(rows.times):
        raise _no_row(rows, options)
    if low == high:
        first = stop = low
        until = position.get("until") if position else None
        watermark = None
    elif options.step_us is not None:
        first, stop, until = _step(rows, options, options.step_us, position, (low, high))
        watermark = until
    else:
        first = min(max(int(position["row"]) if position else 0, low), high)
        stop = min(first + (options.rows or 0), high)
        watermark = int(rows.times[stop - 1]) + (stop == high)  # the last row: nothing of its instant follows
        until = None
    return Take(
        rows.read(first, stop) if first < stop else no_rows(),
        {"row": stop, "until": _resume(rows, until, stop, high), "file": rows.fingerprint},
        watermark=watermark,
        exhausted=stop == high,
        rejects=rows.rejects if position is None else (),
        rejected=rows.rejected if position is None else 0,
        refused=(rows.rejected, rows.rejected + len(rows.times)) if rows.rejected else None,
        progress=(stop - low) / (high - low) if high > low else 1.0,
    )


def _no_row(rows: OrderedRows, options: ReplayOptions) -> SourceError:
    if options.skip_rows >= len(rows.times):
        return SourceError(
            f"{options.path}: skip_rows is {options.skip_rows}, and there are {len(rows.times)} rows; "
            "expected fewer"
        )
    first, last = (to_datetime(int(time)) for time in (rows.times[0], rows.times[-1]))
    return SourceError(
        f"{options.path}: no row lies between start and end; its times go from {first} to {last}"
    )


def _with_labels(take: Take, files: _Opened, options: ReplayOptions, position: dict[str, Any] | None) -> Take:
    opened = files.labels
    if options.labels is None or opened is None:
        return take
    before = position.get("labels") if position else None
    given = next_labels(
        opened,
        options.labels,
        Pace(options.step_us, options.rows, options.offset_us, options.start, options.end),
        before,
        clock=take.watermark,
        rows_left=bool(take.batch.rows) or not take.exhausted,
    )
    low, high = _bounds(files.rows, options)
    done, everything = take.position["row"] - low + given.done, high - low + given.all
    return replace(
        take,
        position={**take.position, "labels": given.position},
        exhausted=take.exhausted and given.done == given.all,
        labels=given.labels,
        rejects=(*take.rejects, *(() if before else opened.rejects)),
        rejected=take.rejected + (0 if before else opened.rejected),
        progress=done / everything if everything else 1.0,
    )


def _resume(rows: OrderedRows, until: int | None, stop: int, high: int) -> int | None:
    # At the end of the file the rest of the step stays open: a file that grows continues after its last row.
    if until is None or stop < high or not high:
        return until
    return min(until, int(rows.times[high - 1]) + 1)


def _bounds(rows: OrderedRows, options: ReplayOptions) -> tuple[int, int]:
    low = 0 if options.start is None else int(np.searchsorted(rows.times, options.start, side="left"))
    high = len(rows.times)
    if options.end is not None:
        high = int(np.searchsorted(rows.times, options.end, side="left"))
    low += options.skip_rows
    return low, max(low, high)


def _step(
    rows: OrderedRows,
    options: ReplayOptions,
    step: int,
    position: dict[str, Any] | None,
    bounds: tuple[int, int],
) -> tuple[int, int, int]:
    """Return the next step's first and stop row and its end; at the end of the file they no longer move."""
    low, high = bounds
    since = position.get("until") if position else None
    if since is not None:
        first = min(max(int(np.searchsorted(rows.times, since, side="left")), low), high)
        if first == high:
            return high, high, since
    else:  # from the start, or from a position that was counted in rows
        first = min(max(int(position["row"]) if position else 0, low), high)
        since = int(rows.times[min(first, high - 1)])
    until = end_of_step(since, step, options.offset_us)
    ahead = int(rows.times[first]) if first < high else until
    if ahead >= until + MAX_GAP_STEPS * step:  # one stray time must not cost a take for every step up to it
        until = end_of_step(ahead, step, options.offset_us)
    stop = int(np.searchsorted(rows.times[:high], until, side="left"))
    return first, max(first, stop), until
