"""How the cycles went: one row each, in the service's own log table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.record import Outcome
from service.store.values import finite, instant, text

if TYPE_CHECKING:
    import asyncpg

    from service.core.record import CycleRecord

LONGEST_ERROR = 2_000  # characters; the whole trace is in the service's log

# Without an end of the caller's own, the end is now; a clock that runs behind gives 0 ms, never less.
_FINISHED = """
INSERT INTO tidegauge.cycle_log
    (monitor, slot, started_at, finished_at, outcome, rows, windows, measurements, rejected, lag_seconds,
     error, duration_ms)
SELECT $1, $2, $3, e.finished_at, $4, $5, $6, $7, $8, $9, $10,
    greatest(0, extract(epoch FROM e.finished_at - $3::timestamptz)::float8 * 1000)
FROM (SELECT coalesce($11::timestamptz, clock_timestamp()) AS finished_at) e
"""

_SKIPPED = """
INSERT INTO tidegauge.cycle_log (monitor, slot, started_at, finished_at, outcome, slots)
VALUES ($1, $2, now(), now(), 'skipped', $3)
"""


async def append(
    connection: asyncpg.Connection, record: CycleRecord, *, measurements: int, finished: int | None
) -> None:
    """Log a committed cycle; `finished` in UTC microseconds, None for the database's clock now."""
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
        None,
        None if finished is None else instant(finished),
    )


async def append_skipped(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, slot: int, slots: int
) -> None:
    """Log that `slots` grid points from `slot` (UTC microseconds) on passed without a cycle."""
    await connection.execute(_SKIPPED, monitor, instant(slot), slots)


async def append_failed(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, slot: int, started: int, error: str
) -> None:
    """Log a cycle that failed, with the error's first 2,000 characters."""
    await connection.execute(
        _FINISHED,
        monitor,
        instant(slot),
        instant(started),
        Outcome.FAILED.value,
        0,
        0,
        0,
        0,
        None,
        text(error)[:LONGEST_ERROR],
        None,
    )
