"""Read what the live page shows of many monitors, columns or cycles at once, in one query each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.core.measurement import Aspect
from service.core.read_models import (
    ColumnShares,
    IntakeState,
    MonitorEvent,
    RefusedRows,
    SparkPoint,
    Standing,
)
from service.store.driver_errors import translated
from service.store.queries import READ_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.read_models import MeasuredWindow, StoredSeries

# A cycle is committed with its checkpoint; one that failed or was skipped is logged only.
_VERSION = """
SELECT
    (SELECT p.cycle FROM tidegauge.checkpoint p WHERE p.monitor = $1),
    (SELECT max(l.finished_at) FROM tidegauge.cycle_log l WHERE l.monitor = $1),
    (SELECT r.id FROM tidegauge.window_run r WHERE r.monitor = $1
     ORDER BY r.window_end DESC, r.computed_at DESC, r.id DESC LIMIT 1)
"""

# An alarm's name begins with its aspect, and its marks end with the newest window's (`core/alarm_state.py`).
_STANDINGS = """
SELECT p.monitor, marks.raised, marks.breached, severities.by_aspect
FROM tidegauge.checkpoint p
CROSS JOIN LATERAL (
    SELECT
        array_agg(DISTINCT split_part(a.name, '|', 1)) FILTER (WHERE a.marks LIKE '%!') AS raised,
        array_agg(DISTINCT split_part(a.name, '|', 1)) FILTER (WHERE a.marks ~ 'x!?$') AS breached
    FROM jsonb_each_text(p.alarms) AS a (name, marks)
) marks
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(w.aspect, w.severity) FILTER (WHERE w.severity IS NOT NULL) AS by_aspect
    FROM tidegauge.window_aspect w
    WHERE w.run_id = (
        SELECT r.id FROM tidegauge.window_run r WHERE r.monitor = p.monitor
        ORDER BY r.window_end DESC, r.computed_at DESC, r.id DESC LIMIT 1
    )
) severities ON true
WHERE p.monitor = ANY($1::text[])
"""

# Of each monitor the newest ones, found in its index.
_EVENTS = """
SELECT e.* FROM unnest($1::text[]) AS wanted (monitor)
CROSS JOIN LATERAL (
    SELECT monitor, id, at, recorded_at, kind, column_name, metric, message, details FROM tidegauge.event
    WHERE monitor = wanted.monitor ORDER BY recorded_at DESC, id DESC LIMIT $2
) e
ORDER BY e.recorded_at DESC, e.id DESC LIMIT $2
"""

_SPARKLINES = """
SELECT wanted.place, p.window_end, p.value, p.breached
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    WITH ORDINALITY AS wanted (aspect, column_name, segment, metric, definition, place)
JOIN tidegauge.series s ON s.monitor = $1 AND s.aspect = wanted.aspect AND s.column_name = wanted.column_name
    AND s.segment = wanted.segment AND s.metric = wanted.metric AND s.definition = wanted.definition
CROSS JOIN LATERAL (
    SELECT m.window_end, m.value, m.breached
    FROM tidegauge.sample m
    JOIN tidegauge.window_run w ON w.id = m.run_id
    WHERE m.series_id = s.id AND NOT EXISTS (
        SELECT FROM tidegauge.window_run newer
        WHERE newer.monitor = w.monitor AND newer.layout = w.layout AND newer.first_pane = w.first_pane
          AND newer.last_pane = w.last_pane AND newer.revision > w.revision
    )
    ORDER BY m.window_end DESC LIMIT $7
) p
ORDER BY wanted.place, p.window_end
"""

# Sums of an hour: of cycles of one second they read 3,600 rows of the index's order.
_INTAKE = """
SELECT s.*, n.lag_seconds, n.backlog_rows AS backlog, n.waiting_events AS waiting
FROM (
    SELECT coalesce(sum(rows), 0)::bigint AS taken, coalesce(sum(rejected), 0)::bigint AS refused,
        sum(duplicates)::bigint AS repeated, sum(unpaired_events)::bigint AS unpaired
    FROM tidegauge.cycle_log
    WHERE monitor = $1 AND finished_at > now() - interval '1 hour' AND outcome NOT IN ('skipped', 'failed')
) s
LEFT JOIN LATERAL (
    SELECT lag_seconds, backlog_rows, waiting_events FROM tidegauge.cycle_log
    WHERE monitor = $1 AND outcome NOT IN ('skipped', 'failed') ORDER BY finished_at DESC LIMIT 1
) n ON true
"""

_REASONS = """
SELECT reason, count(*) AS rows, max(received_at) AS newest
FROM (
    SELECT reason, received_at FROM tidegauge.rejected_row
    WHERE monitor = $1 AND received_at > now() - interval '1 day' ORDER BY received_at DESC LIMIT 10000
) recent
GROUP BY reason ORDER BY newest DESC, rows DESC, reason LIMIT $2
"""

_SHARES = """
SELECT b.column_name, c.counts, w.rows, c.reference_counts, b.reference_rows
FROM tidegauge.window_run w
JOIN tidegauge.window_distribution d ON d.run_id = w.id
JOIN tidegauge.column_bins b ON b.id = d.bins_id
CROSS JOIN LATERAL (
    SELECT array_agg(cell.counted ORDER BY cell.bin) AS counts,
        array_agg(cell.reference_counted ORDER BY cell.bin) AS reference_counts
    FROM tidegauge.drawn_bins(b.id, ARRAY[w.id]) cell
) c
WHERE w.monitor = $1 AND w.window_end = $2 AND w.computed_at = $3 AND b.column_name = ANY($4::text[])
"""


async def version(pool: asyncpg.Pool, monitor: str) -> tuple[Any, ...]:
    """Return what changes with everything that a monitor's newest window and alarms are read from.

    Raises StoreError.
    """
    with translated("read the newest cycle"):
        return tuple(await pool.fetchrow(_VERSION, monitor, timeout=READ_SECONDS))


async def standings(pool: asyncpg.Pool, monitors: Sequence[str]) -> dict[str, Standing]:
    """Return how each of `monitors` stands, by its name; none that was never measured. Raises StoreError."""
    with translated("read the monitors' states"):
        rows = await pool.fetch(_STANDINGS, list(monitors), timeout=READ_SECONDS)
    return {row["monitor"]: _standing(row) for row in rows}


async def newest_events(pool: asyncpg.Pool, monitors: Sequence[str], limit: int) -> list[MonitorEvent]:
    """Return the newest events of `monitors` together, the newest first. Raises StoreError."""
    with translated("read the events of all monitors"):
        rows = await pool.fetch(_EVENTS, list(monitors), limit, timeout=READ_SECONDS)
    return [MonitorEvent(**row) for row in rows]


async def intake(pool: asyncpg.Pool, monitor: str, reasons: int) -> IntakeState:
    """Return what comes in from a monitor's source, with at most so many `reasons`. Raises StoreError."""
    with translated("read what comes in"):
        counts = await pool.fetchrow(_INTAKE, monitor, timeout=READ_SECONDS)
        found = await pool.fetch(_REASONS, monitor, reasons, timeout=READ_SECONDS)
    return IntakeState(**counts, reasons=[RefusedRows(**row) for row in found])


async def sparklines(
    pool: asyncpg.Pool, monitor: str, series: Sequence[StoredSeries], limit: int
) -> list[list[SparkPoint]]:
    """Return the last `limit` values of each series over event time, in the order of `series`.

    Raises StoreError.
    """
    if not series:
        return []
    names = (
        [str(one.aspect) for one in series],
        [one.column_name for one in series],
        [one.segment for one in series],
        [one.metric for one in series],
        [one.definition for one in series],
    )
    with translated("read the columns' history"):
        rows = await pool.fetch(_SPARKLINES, monitor, *names, limit, timeout=READ_SECONDS)
    found: list[list[SparkPoint]] = [[] for _ in series]
    for row in rows:
        point = SparkPoint(window_end=row["window_end"], value=row["value"], breached=row["breached"])
        found[row["place"] - 1].append(point)
    return found


async def shares(
    pool: asyncpg.Pool, monitor: str, window: MeasuredWindow, columns: Sequence[str]
) -> dict[str, ColumnShares]:
    """Return the distributions of `columns` in a window and in the reference. Raises StoreError."""
    key = window.window_end, window.computed_at
    with translated("read the columns' distributions"):
        rows = await pool.fetch(_SHARES, monitor, *key, list(columns), timeout=READ_SECONDS)
    return {
        row["column_name"]: ColumnShares(
            window=_shares(row["counts"], row["rows"]),
            reference=_shares(row["reference_counts"], row["reference_rows"]),
        )
        for row in rows
    }


def _shares(counts: Sequence[int], rows: int) -> list[float]:
    return [count / rows for count in counts] if rows else []


def _standing(row: asyncpg.Record) -> Standing:
    severities = row["by_aspect"] or {}

    def by_severity(names: Sequence[str] | None) -> dict[Aspect, float]:
        return {Aspect(name): float(severities.get(name, 0.0)) for name in names or ()}

    return Standing(raised=by_severity(row["raised"]), breached=by_severity(row["breached"]))
