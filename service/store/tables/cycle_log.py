"""The log of cycles: one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.cycle_record import Outcome
from service.store.encoding import finite, instant, text

if TYPE_CHECKING:
    import asyncpg

    from service.core.cycle_record import CycleRecord

MILLISECONDS = 1_000.0
LONGEST_ERROR = 2_000  # characters; the whole trace is in the service's log

# The instants come from two clocks, the service's and the database's: their difference is no duration.
_FINISHED = """
INSERT INTO tidegauge.cycle_log
    (monitor, slot, started_at, finished_at, outcome, rows, windows, measurements, rejected, lag_seconds,
     progress, round_trip_ms, duration_ms, labels, given_up, backlog_rows, duplicates, waiting_events,
     unpaired_events)
VALUES ($1, $2, $3, clock_timestamp(), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""

_FAILED = """
INSERT INTO tidegauge.cycle_log (monitor, slot, started_at, finished_at, outcome, error, duration_ms)
VALUES ($1, $2, $3, clock_timestamp(), $6, $4, $5)
"""

_SKIPPED = """
INSERT INTO tidegauge.cycle_log (monitor, slot, started_at, finished_at, outcome, slots)
SELECT $1, $2, now(), now(), 'skipped', $3 - known.slots
FROM (
    SELECT count(*)::integer AS slots FROM tidegauge.cycle_log WHERE monitor = $1 AND slot BETWEEN $4 AND $2
) known
WHERE $3 > known.slots
"""


async def append(
    connection: asyncpg.Connection,
    record: CycleRecord,
    *,
    measurements: int,
    given_up: int,
    seconds: float,
    round_trip_seconds: float,
) -> None:
    """Log a committed cycle that took `seconds`; `given_up` rows had waited too long for a label."""
    await connection.execute(
        _FINISHED,
        record.monitor,
        instant(record.slot),
        instant(record.started),
        record.outcome.value,
        record.rows,
        len(record.windows),
        measurements,
        record.rejected,
        finite(record.lag_seconds),
        finite(record.progress),
        round_trip_seconds * MILLISECONDS,
        seconds * MILLISECONDS,
        0 if record.labels is None else record.labels.labels,
        given_up,
        record.backlog_rows,
        record.duplicates,
        None if record.inbox is None else record.inbox.waiting_events,
        None if record.inbox is None else record.inbox.unpaired_events,
    )


async def append_skipped(
    connection: asyncpg.Pool | asyncpg.Connection,
    monitor: str,
    slot: int,
    slots: int,
    *,
    first: int,
) -> None:
    """Log that `slots` grid points from `first` to `slot` (UTC microseconds) passed without a cycle.

    Those that have a row are not among them.
    """
    await connection.execute(_SKIPPED, monitor, instant(slot), slots, instant(first))


async def append_failed(
    connection: asyncpg.Pool | asyncpg.Connection,
    monitor: str,
    slot: int,
    started: int,
    error: str,
    *,
    seconds: float,
    outcome: Outcome = Outcome.FAILED,
) -> None:
    """Log a cycle that failed, or waited, after `seconds`, with the first 2,000 characters of the reason."""
    message = text(error)[:LONGEST_ERROR]
    await connection.execute(
        _FAILED, monitor, instant(slot), instant(started), message, seconds * MILLISECONDS, outcome.value
    )
