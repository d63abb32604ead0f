"""The rows of a partition's messages: typed, each with its time; others are rejects with their place.

A row's time is that of its column. Without such a column, or in a row that has none, it is the message's own:
the sender's clock (CreateTime) or the broker's (LogAppendTime), as the topic says.
"""

from __future__ import annotations

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
from service.errors import TidegaugeError
from service.sources.http.content import UNREADABLE, Decoded, of_columns
from service.sources.kafka.messages import Messages, limits_of
from service.sources.kafka.watermark import late_rows
from service.sources.tables.event_time import LATEST, MISSING, USABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.sources.event_clock import EventClock
    from service.sources.http.content import RowShape
    from service.sources.kafka.messages import Format, Records

KEPT_REJECTS = 100  # of some messages, and of a take
SHOWN_CHARACTERS = 200  # of a message that cannot be read


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How the messages of a topic are read.

    - `topic`: its name
    - `form`: how the values are written
    - `shape`: what is read of rows
    - `ahead_us`: how far a row's time may lie ahead of the moment at which it is read
    - `allowed_us`: how far it may lie behind the rows before it in its partition (both microseconds)
    """

    topic: str
    form: Format
    shape: RowShape
    ahead_us: int
    allowed_us: int

    @property
    def hides_values(self) -> bool:
        """Whether a message that cannot be read may hold a sensitive value."""
        return any(column.mask for column in self.shape.schema.columns)


@dataclass(frozen=True, slots=True)
class PartitionRows:
    """What some messages of a partition gave.

    - `partition`: whose they are
    - `batch`: the rows that can be used
    - `clock`: the partition's event time after them
    - `rejects`: the first of the others
    - `rejected`: how many these are
    - `rejected_ids`: the sums of all of them, as far as they have ids
    """

    partition: int
    batch: Batch
    clock: EventClock
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    rejected_ids: IdSums = NO_ROWS


def rows_of(messages: Messages, options: RowOptions, clock: EventClock, now: int) -> PartitionRows:
    """Return the rows of messages that were read at `now`; `clock` is the partition's before them.

    Raises SourceError where no message can be read before something else is mended, such as a schema's file.
    """
    found = _decoded(messages, options)
    timed = [_timed(each, options, now) for each in found.parts]
    batch = concatenated([each.batch for each in timed], options.shape.schema) if timed else no_rows()
    offsets = np.concatenate([each.offsets for each in timed]) if timed else np.zeros(0, dtype=np.int64)
    late = np.flatnonzero(late_rows(batch.event_time, clock, now, options.allowed_us))
    rejects = [*found.rejects, *(reject for each in timed for reject in each.rejects)]
    lost = sum((each.rejected_ids for each in timed), NO_ROWS)
    if len(late):
        rejects += _too_late(batch, late[:KEPT_REJECTS], offsets, messages.partition, options)
        came = sums_of(batch.arrival.identity, batch.rows)
        batch = batch.take(np.setdiff1d(np.arange(batch.rows), late))
        lost += came - sums_of(batch.arrival.identity, batch.rows)
    batch = replace(batch, arrival=replace(batch.arrival, backwards=steps_back(batch.event_time)))
    unread = found.unread
    return PartitionRows(
        messages.partition,
        batch,
        clock.after(batch.event_time, now),
        tuple(rejects[:KEPT_REJECTS]),
        unread + lost.rows,
        lost + IdSums(unread),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Messages that could be read, and where they were: offsets and timestamps, shape (n,)."""

    decoded: Decoded
    offsets: NDArray[np.int64]
    stamps: NDArray[np.int64]
    partition: int


@dataclass(frozen=True, slots=True)
class _Found:
    """Messages that were read, and those that could not be: how many, and the first of them."""

    parts: tuple[_Part, ...] = ()
    unread: int = 0
    rejects: tuple[Reject, ...] = ()


def _decoded(messages: Messages, options: RowOptions) -> _Found:
    limits = limits_of(options.shape.schema)
    try:
        return _found(messages, options.form.parsed(messages.values, limits), options)
    except (TidegaugeError, *UNREADABLE):
        pass  # one of them is at fault: it has to be found
    records = options.form.parsed_each(messages.values, limits)
    try:
        return _found(messages, records, options)
    except (TidegaugeError, *UNREADABLE) as error:
        if len(messages.values) == 1:
            reason = " ".join(str(error).split()) or type(error).__name__
            return _Found((), 1, (_unreadable(messages, 0, reason, options),))
    return _joined(_decoded(half, options) for half in _halves(messages))


def _found(messages: Messages, records: Records, options: RowOptions) -> _Found:
    rejects = tuple(
        _unreadable(messages, place, fault, options)
        for place, fault in list(records.faults.items())[:KEPT_REJECTS]
    )
    if records.places is not None and not records.places:
        return _Found((), len(records.faults), rejects)
    places = slice(None) if records.places is None else np.array(records.places, dtype=np.intp)
    offsets = np.array(messages.offsets, dtype=np.int64)[places]
    stamps = np.array(messages.stamps, dtype=np.int64)[places]
    decoded = of_columns(records.columns, len(offsets), options.shape)
    part = _Part(decoded, offsets, stamps, messages.partition)
    return _Found((part,), len(records.faults), rejects)


def _halves(messages: Messages) -> tuple[Messages, Messages]:
    middle = len(messages.values) // 2
    cut = (slice(0, middle), slice(middle, None))
    first, second = (
        Messages(messages.partition, messages.offsets[each], messages.stamps[each], messages.values[each])
        for each in cut
    )
    return first, second


def _joined(found: Iterable[_Found]) -> _Found:
    every = tuple(found)
    return _Found(
        tuple(part for each in every for part in each.parts),
        sum(each.unread for each in every),
        tuple(reject for each in every for reject in each.rejects)[:KEPT_REJECTS],
    )


@dataclass(frozen=True, slots=True)
class _Timed:
    """Rows with their times, their offsets, and those whose time cannot be used."""

    batch: Batch
    offsets: NDArray[np.int64]
    rejects: tuple[Reject, ...] = ()
    rejected_ids: IdSums = NO_ROWS


def _timed(part: _Part, options: RowOptions, now: int) -> _Timed:
    found, times = part.decoded, part.decoded.times
    micros = np.minimum(part.stamps, LATEST // 1_000) * 1_000
    micros = np.where(part.stamps < 0, now, micros)
    unreadable = np.zeros(len(micros), dtype=np.bool_)
    if times is not None:
        known = times.reasons == USABLE
        micros = np.where(known, times.micros, micros)
        unreadable = ~(known | (times.reasons == MISSING))
    too_far = micros > now + options.ahead_us
    refused = too_far | unreadable
    batch = replace(found.batch, event_time=micros)
    if not refused.any():
        return _Timed(batch, part.offsets)
    kept = np.flatnonzero(~refused)
    rejects = _rejects(part, np.flatnonzero(refused)[:KEPT_REJECTS], unreadable, micros, options)
    came, chosen = sums_of(batch.arrival.identity, batch.rows), batch.take(kept)
    return _Timed(chosen, part.offsets[kept], rejects, came - sums_of(chosen.arrival.identity, chosen.rows))


def _rejects(
    part: _Part,
    rows: NDArray[np.intp],
    unreadable: NDArray[np.bool_],
    micros: NDArray[np.int64],
    options: RowOptions,
) -> tuple[Reject, ...]:
    from service.sources.tables.from_pandas import rejects_of  # noqa: PLC0415 - pandas, for rows that need it

    found, shape = part.decoded, options.shape
    reasons = np.zeros(len(rows), dtype=np.int8) if found.times is None else found.times.reasons[rows]
    made = rejects_of(found.frame(rows), reasons, shape.timestamp or "the message's time", shape.form.time)
    return tuple(
        Reject(
            reject.row | _place(options, part.partition, int(part.offsets[row])),
            reject.reason if unreadable[row] else _ahead(int(micros[row]), options),
        )
        for reject, row in zip(made, rows.tolist(), strict=True)
    )


def _ahead(micros: int, options: RowOptions) -> str:
    return (
        f"its time, {to_datetime(micros):%Y-%m-%dT%H:%M:%SZ}, is more than {duration_text(options.ahead_us)} "
        "(max_ahead) ahead of the moment at which it was read"
    )


def _too_late(
    batch: Batch, late: NDArray[np.intp], offsets: NDArray[np.int64], partition: int, options: RowOptions
) -> list[Reject]:
    reason = (
        f"came more than {duration_text(options.allowed_us)} (allowed_lateness) after a newer row of its "
        "partition"
    )
    return [
        Reject(cells_of(batch, row) | _place(options, partition, int(offsets[row])), reason)
        for row in late.tolist()
    ]


def _unreadable(messages: Messages, place: int, fault: str, options: RowOptions) -> Reject:
    row: dict[str, Any] = {}
    value = messages.values[place]
    if value is not None and not options.hides_values:
        row["value"] = clean(value[: SHOWN_CHARACTERS * 4].decode(errors="replace"))[:SHOWN_CHARACTERS]
    return Reject(row | _place(options, messages.partition, messages.offsets[place]), clean(fault))


def _place(options: RowOptions, partition: int, offset: int) -> dict[str, Any]:
    return {"kafka_topic": options.topic, "kafka_partition": partition, "kafka_offset": offset}


def joined(
    rows: Sequence[PartitionRows],
) -> tuple[tuple[Reject, ...], int, IdSums]:
    """Return the rejects of several partitions: the first of them, how many there are, and their sums."""
    rejects = tuple(reject for each in rows for reject in each.rejects)[:KEPT_REJECTS]
    return rejects, sum(each.rejected for each in rows), sum((each.rejected_ids for each in rows), NO_ROWS)
