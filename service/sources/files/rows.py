"""The rows of a part of a file: each with its time, those that come too late or too early as rejects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from service.config.base import duration_text
from service.core.rows.batch import no_rows, steps_back
from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of
from service.core.rows.take import Reject, cells_of
from service.core.time_units import to_datetime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.sources.event_clock import EventClock
    from service.sources.files.folder import Found
    from service.sources.tables.parsed import Framed

KEPT_REJECTS = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """Which times rows may have, in microseconds.

    - `has_times`: whether rows have times of their own; else each has its file's
    - `ahead_us`: how far a time may lie ahead of the moment at which it is read
    - `allowed_us`: how far it may lie behind the rows of earlier files
    """

    has_times: bool
    ahead_us: int
    allowed_us: int


@dataclass(frozen=True, slots=True)
class FileRows:
    """What a part of a file gave.

    - `batch`: the rows that can be used
    - `clock`: the event time after them
    - `rejects`: the first of the others
    - `rejected`: how many these are
    - `rejected_ids`: the sums of them, as far as they have ids
    """

    batch: Batch
    clock: EventClock
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    rejected_ids: IdSums = NO_ROWS


def rows_of(framed: Framed | None, found: Found, limits: Limits, clock: EventClock, now: int) -> FileRows:
    """Return the rows of a part that was read at `now`; `clock` is the event time before them."""
    if framed is None:
        return FileRows(no_rows(), clock)
    batch = framed.batch
    if not limits.has_times:
        batch = replace(batch, event_time=np.full(batch.rows, found.changed, dtype=np.int64))
    ahead = batch.event_time > now + limits.ahead_us
    late = clock.too_late(batch.event_time, limits.allowed_us)
    rejects = list(framed.rejects)
    rejects += _refused(
        batch,
        ahead,
        found,
        f"is more than {duration_text(limits.ahead_us)} (max_ahead) ahead of the moment at which it was read",
    )
    rejects += _refused(
        batch,
        late,
        found,
        f"lies more than {duration_text(limits.allowed_us)} "
        f"(allowed_lateness) behind the newest row, which is of "
        f"{to_datetime(clock.watermark or 0):%Y-%m-%dT%H:%M:%SZ}",
    )
    lost = IdSums(framed.rejected)
    refused = ahead | late
    if refused.any():
        came = sums_of(batch.arrival.identity, batch.rows)
        batch = batch.take(np.flatnonzero(~refused))
        lost += came - sums_of(batch.arrival.identity, batch.rows)
    batch = replace(batch, arrival=replace(batch.arrival, backwards=steps_back(batch.event_time)))
    return FileRows(batch, clock.after(batch.event_time, now), tuple(rejects[:KEPT_REJECTS]), lost.rows, lost)


def _refused(batch: Batch, marked: NDArray[np.bool_], found: Found, why: str) -> list[Reject]:
    return [
        Reject(
            cells_of(batch, row) | {"file": found.name},
            f"its time, {to_datetime(int(batch.event_time[row])):%Y-%m-%dT%H:%M:%SZ}, {why}",
        )
        for row in np.flatnonzero(marked)[:KEPT_REJECTS].tolist()
    ]
