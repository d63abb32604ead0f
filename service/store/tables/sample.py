"""Measured values, many per statement, and the state of each aspect per window."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from service.store.encoding import finite, instant, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from service.core.measurement import Measurement, Series
    from service.core.windows.records import WindowRecord

MAX_PER_STATEMENT = 1_000  # the driver encodes them in the event loop, for about 4 ms

_ENSURE_PARTITION = "SELECT tidegauge.ensure_sample_partition($1)"

# A window's measurements may be split over several statements: what they add to an aspect adds up.
_INSERT = """
WITH given AS (
    SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::timestamptz[], $4::float8[], $5::float8[], $6::boolean[],
        $7::float8[], $8::float8[], $9::float8[], $10::float8[], $11::bigint[], $12::text[], $13::boolean[]
    ) AS m (run_id, series_id, window_end, value, threshold, breached, error_bound, low, high, reference,
        rows, reason, decides)
), appended AS (
    INSERT INTO tidegauge.sample
        (computed_at, run_id, series_id, window_end, value, threshold, breached, error_bound, low, high,
         reference, rows, reason, decides)
    SELECT now(), given.* FROM given
)
INSERT INTO tidegauge.window_aspect AS w (run_id, aspect, judged, breached, severity)
SELECT g.run_id, s.aspect, count(g.breached) FILTER (WHERE g.decides),
    count(*) FILTER (WHERE g.breached AND g.decides),
    max(tidegauge.severity(s.aspect, s.worse, g.value, g.threshold)) FILTER (WHERE g.decides)
FROM given g JOIN tidegauge.series s ON s.id = g.series_id
GROUP BY g.run_id, s.aspect
ON CONFLICT (run_id, aspect) DO UPDATE SET judged = w.judged + excluded.judged,
    breached = w.breached + excluded.breached, severity = greatest(w.severity, excluded.severity)
"""


async def ensure_partition(connection: asyncpg.Connection, when: datetime) -> datetime:
    """Make the partition that `when` belongs to where it is missing; return where that month ends.

    To be called before the transaction takes a lock that another one waits for.
    """
    month_end: datetime = await connection.fetchval(_ENSURE_PARTITION, when)
    return month_end


async def append(
    connection: asyncpg.Connection,
    windows: Sequence[WindowRecord],
    runs: Sequence[int],
    ids: Mapping[Series, int],
) -> int:
    """Append the measurements of `windows`, entered as `runs`; return how many there were."""
    placed = (
        (run, instant(window.end), measurement)
        for run, window in zip(runs, windows, strict=True)
        for measurement in window.measurements
    )
    count = 0
    while part := list(islice(placed, MAX_PER_STATEMENT)):
        await _insert(connection, part, ids)
        count += len(part)
    return count


async def _insert(
    connection: asyncpg.Connection,
    placed: Sequence[tuple[int, datetime, Measurement]],
    ids: Mapping[Series, int],
) -> None:
    measurements = [measurement for _, _, measurement in placed]
    await connection.execute(
        _INSERT,
        [run for run, _, _ in placed],
        [ids[m.series] for m in measurements],
        [end for _, end, _ in placed],
        [m.value for m in measurements],
        [finite(m.threshold) for m in measurements],
        [m.breached for m in measurements],
        [finite(m.error_bound) for m in measurements],
        [finite(m.low) for m in measurements],
        [finite(m.high) for m in measurements],
        [finite(m.reference) for m in measurements],
        [m.rows for m in measurements],
        [None if m.reason is None else text(m.reason) for m in measurements],
        [m.decides for m in measurements],
    )
