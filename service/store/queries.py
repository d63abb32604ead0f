"""What is read back: measurements, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

_NEWEST_FIRST = """
SELECT * FROM (
    SELECT * FROM tidegauge.metrics{where} ORDER BY computed_at DESC, window_end DESC{limit}
) AS chosen
ORDER BY window_end, monitor, aspect, column_name, segment, metric, definition, computed_at
"""

# By event time: of each series that is asked for the newest samples, found in its index, so that a chart
# costs the same however long the history is. The columns are those of the view `metrics`, and so is what
# counts as the latest revision.
_BY_EVENT_TIME = """
SELECT * FROM (
    (
        SELECT
            s.monitor, s.aspect, s.column_name, s.segment, s.metric, s.definition, s.unit, s.worse,
            p.window_start, p.window_end, p.computed_at, p.value, p.reference, p.threshold, p.breached,
            tidegauge.severity(s.aspect, s.worse, p.value, p.threshold) AS severity,
            p.error_bound, p.low, p.high, p.rows, p.reason, p.revision
        FROM tidegauge.series s
        CROSS JOIN LATERAL (
            SELECT m.*, w.window_start, w.revision
            FROM tidegauge.sample m
            JOIN tidegauge.window_run w ON w.id = m.run_id
            WHERE m.series_id = s.id AND m.window_end >= {since} AND NOT EXISTS (
                SELECT FROM tidegauge.window_run newer
                WHERE newer.monitor = w.monitor AND newer.layout = w.layout
                  AND newer.first_pane = w.first_pane AND newer.last_pane = w.last_pane
                  AND newer.revision > w.revision
            )
            ORDER BY m.window_end DESC LIMIT {limit}
        ) p{where}
    )
    UNION ALL
    (
        SELECT * FROM tidegauge.cycle_metrics{where_cycles} ORDER BY window_end DESC LIMIT {limit}
    )
    ORDER BY window_end DESC LIMIT {limit}
) AS chosen
ORDER BY window_end, aspect, column_name, segment, metric, definition, computed_at
"""

_SERIES = """
SELECT aspect, column_name, segment, metric, definition, unit, worse FROM tidegauge.series
WHERE monitor = $1
ORDER BY aspect, column_name, segment, metric, definition
"""

_LATEST_WINDOW = """
SELECT id, window_start, window_end, revision, rows, computed_at FROM tidegauge.window_run
WHERE monitor = $1
ORDER BY window_end DESC, computed_at DESC, id DESC LIMIT 1
"""

_OF_WINDOW = """
SELECT
    s.id, s.aspect, s.column_name, s.segment, s.metric, s.definition, s.unit, s.worse,
    m.value, m.reference, m.threshold, m.breached,
    tidegauge.severity(s.aspect, s.worse, m.value, m.threshold) AS severity,
    m.error_bound, m.low, m.high, m.rows, m.reason
FROM tidegauge.series s
JOIN tidegauge.sample m
    ON m.series_id = s.id AND m.run_id = $2 AND m.window_end = $3 AND m.computed_at = $4
WHERE s.monitor = $1
ORDER BY severity DESC NULLS LAST, s.id
"""

# How the newest cycle went; it may have measured no window.
_OF_CYCLE = """
SELECT
    c.aspect, c.column_name, c.segment, c.metric, c.definition, c.unit, c.worse,
    c.value, c.reference, c.threshold, c.breached, c.severity,
    c.error_bound, c.low, c.high, c.rows, c.reason
FROM tidegauge.cycle_metrics c
WHERE c.monitor = $1 AND c.computed_at = (
    SELECT max(l.finished_at) FROM tidegauge.cycle_log l WHERE l.monitor = $1
)
ORDER BY c.metric
"""

_ALARMS = "SELECT alarms FROM tidegauge.checkpoint WHERE monitor = $1"

# When each alarm was raised last: read backwards in event time until it is found. A column's drift is one
# alarm, whichever of its methods raised it.
_RAISED = """
SELECT key.place, e.at, e.message
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    WITH ORDINALITY AS key (aspect, column_name, segment, metric, definition, place)
CROSS JOIN LATERAL (
    SELECT e.at, e.message FROM tidegauge.event e
    WHERE e.monitor = $1 AND e.kind = 'breach' AND e.column_name = key.column_name
      AND e.details->>'aspect' = key.aspect AND (
        (key.aspect = 'drift' AND key.column_name <> '')
        OR (e.metric = key.metric AND e.details->>'segment' = key.segment
            AND e.details->>'definition' = key.definition)
      )
    ORDER BY e.at DESC, e.id DESC LIMIT 1
) e
"""

_EVENTS = """
SELECT id, at, recorded_at, kind, column_name, metric, message, details FROM tidegauge.event
WHERE monitor = $1 AND recorded_at >= coalesce($2, '-infinity'::timestamptz)
  AND ($3::text IS NULL OR kind = $3)
ORDER BY recorded_at DESC, id DESC LIMIT $4
"""

_DISTRIBUTION = """
SELECT window_start, window_end, revision, rows, computed_at, label, low, high, share, reference_share
FROM tidegauge.distributions
WHERE monitor = $1 AND column_name = $2 AND window_end = coalesce(
    $3, (SELECT max(w.window_end) FROM tidegauge.window_run w WHERE w.monitor = $1)
)
ORDER BY computed_at DESC, bin
"""


async def measurements(
    pool: asyncpg.Pool,
    *,
    monitor: str | None = None,
    aspect: str | None = None,
    column: str | None = None,
    segment: str | None = None,
    metric: str | None = None,
    definition: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> list[asyncpg.Record]:
    """Return rows of the view `metrics`, ordered by window end, then series.

    An empty `segment` is that of all rows. `since` (with a time zone) is compared with `computed_at`. With
    `limit` the rows computed last are given. Raises StoreError.
    """
    filters = {
        "monitor = ${}": monitor,
        "aspect = ${}": aspect,
        "column_name = ${}": column,
        "segment = ${}": segment,
        "metric = ${}": metric,
        "definition = ${}": definition,
        "computed_at >= ${}": since,
    }
    given = [(condition, value) for condition, value in filters.items() if value is not None]
    # Only what is asked for stands in the statement, so that the indexes can be used.
    conditions = [condition.format(place) for place, (condition, _) in enumerate(given, start=1)]
    arguments: list[object] = [value for _, value in given]
    if limit is not None:
        arguments.append(limit)
    statement = _NEWEST_FIRST.format(
        where=f" WHERE {' AND '.join(conditions)}" if conditions else "",
        limit="" if limit is None else f" LIMIT ${len(arguments)}",
    )
    with translated("read measurements"):
        rows: list[asyncpg.Record] = await pool.fetch(statement, *arguments)
        return rows


async def measurements_by_event_time(
    pool: asyncpg.Pool,
    *,
    monitor: str,
    aspect: str | None = None,
    column: str | None = None,
    segment: str | None = None,
    metric: str | None = None,
    definition: str | None = None,
    since: datetime | None = None,
    limit: int,
) -> list[asyncpg.Record]:
    """Return the `limit` measurements whose windows end last, columns as of the view, ordered by window end.

    `since` (with a time zone) is compared with `window_end`. Raises StoreError.
    """
    filters = {
        "monitor": monitor,
        "aspect": aspect,
        "column_name": column,
        "segment": segment,
        "metric": metric,
        "definition": definition,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    conditions = [f"{name} = ${place}" for place, name in enumerate(given, start=1)]
    since_place, limit_place = len(given) + 1, len(given) + 2
    since_text = f"coalesce(${since_place}::timestamptz, '-infinity')"
    statement = _BY_EVENT_TIME.format(
        where=f" WHERE {' AND '.join(f's.{condition}' for condition in conditions)}",
        where_cycles=f" WHERE {' AND '.join(conditions)} AND window_end >= {since_text}",
        since=since_text,
        limit=f"${limit_place}",
    )
    with translated("read measurements"):
        rows: list[asyncpg.Record] = await pool.fetch(statement, *given.values(), since, limit)
        return rows


async def series(pool: asyncpg.Pool, monitor: str) -> list[asyncpg.Record]:
    """Return what a monitor's numbers are, without those of its cycles' own health. Raises StoreError."""
    with translated("read series"):
        rows: list[asyncpg.Record] = await pool.fetch(_SERIES, monitor)
        return rows


async def latest_window(
    pool: asyncpg.Pool, monitor: str
) -> tuple[asyncpg.Record | None, list[asyncpg.Record], dict[str, str]]:
    """Return a monitor's newest window, its measurements and the state of its alarms, all of one instant.

    Of the measurements the most severe come first, the newest cycle's own health last. Before the first
    window there is None in its place. Raises StoreError.
    """
    with translated("read the latest window"):
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            alarms: dict[str, str] = await connection.fetchval(_ALARMS, monitor) or {}
            rows = await connection.fetch(_OF_CYCLE, monitor)
            window = await connection.fetchrow(_LATEST_WINDOW, monitor)
            if window is not None:
                run = window["id"], window["window_end"], window["computed_at"]
                rows = await connection.fetch(_OF_WINDOW, monitor, *run) + rows
            return window, rows, alarms


async def raised(
    pool: asyncpg.Pool, monitor: str, alarms: Sequence[Mapping[str, str]]
) -> list[asyncpg.Record | None]:
    """Return when (`at`, event time) and how (`message`) each of `alarms` was raised last.

    An alarm is named by aspect, column_name, segment, metric and definition; None stands for one that was
    never raised. Raises StoreError.
    """
    if not alarms:
        return []
    names = ("aspect", "column_name", "segment", "metric", "definition")
    with translated("read when alarms were raised"):
        rows = await pool.fetch(_RAISED, monitor, *([alarm[name] for alarm in alarms] for name in names))
    found = {row["place"]: row for row in rows}
    return [found.get(place) for place in range(1, len(alarms) + 1)]


async def events(
    pool: asyncpg.Pool, *, monitor: str, since: datetime | None, kind: str | None, limit: int
) -> list[asyncpg.Record]:
    """Return a monitor's events recorded at or after `since`, the newest first. Raises StoreError."""
    with translated("read events"):
        rows: list[asyncpg.Record] = await pool.fetch(_EVENTS, monitor, since, kind, limit)
        return rows


async def distribution(
    pool: asyncpg.Pool, *, monitor: str, column: str, window_end: datetime | None
) -> list[asyncpg.Record]:
    """Return a column's bins in the window that ends then, else in the newest; one row a bin.

    Nothing where that window has no bins of that column. Raises StoreError.
    """
    with translated("read a distribution"):
        rows = await pool.fetch(_DISTRIBUTION, monitor, column, window_end)
    # Windows of two plans may end together: that which was measured last counts.
    return [row for row in rows if row["computed_at"] == rows[0]["computed_at"]]
