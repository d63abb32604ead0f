"""The rows of a page: typed, each with its time; others are rejects with their keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.config.base import duration_text
from service.core.rows.batch import no_rows, steps_back
from service.core.rows.concatenation import concatenated
from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of
from service.core.rows.label_text import clean
from service.core.rows.take import Reject, cells_of
from service.core.time_units import to_datetime
from service.errors import SourceError, TidegaugeError
from service.sources.http.content import UNREADABLE, of_columns
from service.sources.kafka.json_format import JsonFormat
from service.sources.kafka.messages import limits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.sources.event_clock import EventClock
    from service.sources.http.content import Decoded, RowShape
    from service.sources.postgres_table.position import Key
    from service.sources.tables.event_time import EventTimes

KEPT_REJECTS = 100
DECODED_AT_ONCE = 20_000
FORM = JsonFormat()


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How rows are read.

    - `table`: what is read, for messages
    - `shape`: the rows' columns
    - `ahead_us`: how far a row's time may lie ahead of the moment at which it is read
    - `allowed_us`: how far behind the rows of earlier rounds (both microseconds)
    """

    table: str
    shape: RowShape
    ahead_us: int
    allowed_us: int


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the server gave it: a JSON object, and its keys."""

    content: bytes
    key: Key


@dataclass(frozen=True, slots=True)
class PageRows:
    """What some rows gave: those that can be used, which of the lines these are, and the others."""

    batch: Batch
    places: NDArray[np.int64]
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    rejected_ids: IdSums = NO_ROWS


def rows_of(lines: Sequence[Line], options: RowOptions, now: int) -> PageRows:
    """Return the rows of lines that were read at `now`, in their order; late ones are among them."""
    parts = [
        part
        for start in range(0, len(lines), DECODED_AT_ONCE)
        for part in _decoded(lines[start : start + DECODED_AT_ONCE], start, options, now)
    ]
    return _joined(parts, options)


def without_late(rows: PageRows, lines: Sequence[Line], clock: EventClock, options: RowOptions) -> PageRows:
    """Return rows without those that lie too far behind those of earlier rounds."""
    marks = clock.too_late(rows.batch.event_time, options.allowed_us)
    late = np.flatnonzero(marks)
    batch = rows.batch
    if len(late):
        newest = to_datetime(clock.watermark or 0)
        reason = (
            f"came, or was updated, more than {duration_text(options.allowed_us)} (allowed_lateness) after "
            f"the newest row that was measured before, which is of {newest:%Y-%m-%dT%H:%M:%SZ}"
        )
        rejects = tuple(
            Reject(cells_of(batch, row) | _place(options, lines[int(rows.places[row])]), reason)
            for row in late[: max(0, KEPT_REJECTS - len(rows.rejects))].tolist()
        )
        kept = np.flatnonzero(~marks)
        came, batch = sums_of(batch.arrival.identity, batch.rows), batch.take(kept)
        rows = PageRows(
            batch,
            rows.places[kept],
            (*rows.rejects, *rejects),
            rows.rejected + len(late),
            rows.rejected_ids + came - sums_of(batch.arrival.identity, batch.rows),
        )
    arrival = replace(batch.arrival, backwards=steps_back(batch.event_time))
    return replace(rows, batch=replace(batch, arrival=arrival))


def _joined(parts: Sequence[PageRows], options: RowOptions) -> PageRows:
    if not parts:
        return PageRows(no_rows(), np.zeros(0, dtype=np.int64))
    return PageRows(
        concatenated([part.batch for part in parts], options.shape.schema),
        np.concatenate([part.places for part in parts]),
        tuple(reject for part in parts for reject in part.rejects)[:KEPT_REJECTS],
        sum(part.rejected for part in parts),
        sum((part.rejected_ids for part in parts), NO_ROWS),
    )


def _decoded(lines: Sequence[Line], first: int, options: RowOptions, now: int) -> list[PageRows]:
    # The rows of lines, of which one that cannot be read is found by halving.
    values = [line.content for line in lines]
    limits = limits_of(options.shape.schema)
    try:
        try:
            records = FORM.parsed(values, limits)
        except (TidegaugeError, *UNREADABLE):
            records = FORM.parsed_each(values, limits)
        places = np.arange(len(lines)) if records.places is None else np.array(records.places, dtype=np.int64)
        faults = [
            Reject(_place(options, lines[place]), clean(fault))
            for place, fault in list(records.faults.items())[:KEPT_REJECTS]
        ]
        empty = np.zeros(0, dtype=np.int64)
        unread = PageRows(no_rows(), empty, tuple(faults), len(records.faults), IdSums(len(records.faults)))
        if not len(places):
            return [unread]
        decoded = of_columns(records.columns, len(places), options.shape)
        read = _Part(decoded, places + first, [lines[int(place)] for place in places])
    except (TidegaugeError, *UNREADABLE) as error:
        if len(lines) == 1:
            reason = clean(" ".join(str(error).split()) or type(error).__name__)
            reject = Reject(_place(options, lines[0]), reason)
            return [PageRows(no_rows(), np.zeros(0, dtype=np.int64), (reject,), 1, IdSums(1))]
        middle = len(lines) // 2
        return [
            *_decoded(lines[:middle], first, options, now),
            *_decoded(lines[middle:], first + middle, options, now),
        ]
    timed = _timed(read, options, now)
    return [unread, timed] if faults else [timed]


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines that could be read: their rows, their places in the page, and themselves."""

    decoded: Decoded
    places: NDArray[np.int64]
    lines: Sequence[Line]


def _timed(part: _Part, options: RowOptions, now: int) -> PageRows:
    found, times = part.decoded, part.decoded.times
    if times is None:
        raise SourceError(f"{options.table}: its rows came without their times")  # they are always selected
    too_far = times.usable & (times.micros > now + options.ahead_us)
    refused = np.flatnonzero(~times.usable | too_far)
    batch = replace(found.batch, event_time=times.micros)
    if not len(refused):
        return PageRows(batch, part.places)
    kept = np.setdiff1d(np.arange(len(part.places)), refused)
    rejects = _rejects(part, times, refused[:KEPT_REJECTS], too_far, options)
    came, chosen = sums_of(batch.arrival.identity, batch.rows), batch.take(kept)
    lost = came - sums_of(chosen.arrival.identity, chosen.rows)
    return PageRows(chosen, part.places[kept], rejects, len(refused), lost)


def _rejects(
    part: _Part, times: EventTimes, rows: NDArray[np.intp], too_far: NDArray[np.bool_], options: RowOptions
) -> tuple[Reject, ...]:
    from service.sources.tables.from_pandas import rejects_of  # noqa: PLC0415 - pandas, for rows that need it

    shape = options.shape
    made = rejects_of(part.decoded.frame(rows), times.reasons[rows], shape.timestamp or "", shape.form.time)
    ahead = (
        f"more than {duration_text(options.ahead_us)} (max_ahead) ahead of the moment at which it was read"
    )
    return tuple(
        Reject(
            reject.row | _place(options, part.lines[row]),
            f"its time, {to_datetime(int(times.micros[row])):%Y-%m-%dT%H:%M:%SZ}, is {ahead}"
            if too_far[row]
            else reject.reason,
        )
        for reject, row in zip(made, rows.tolist(), strict=True)
    )


def _place(options: RowOptions, line: Line) -> dict[str, Any]:
    # A key may be one of the columns whose values nobody may see.
    hidden = any(column.mask for column in options.shape.schema.columns)
    return {"table": options.table, "table_key": None if hidden else list(line.key)}


def id_of(line: Line, name: str) -> str | None:
    """Return a row's id as it is shown."""
    cell = json.loads(line.content).get(name)
    return None if cell is None else str(cell)
