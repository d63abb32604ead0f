"""Read measurements, alarms and events back, for people and programs."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, TypeVar

from service.core.measurement import Aspect, Worse
from service.core.read_models import (
    AlarmStart,
    LatestWindow,
    MeasuredWindow,
    SeriesFilter,
    StoredEvent,
    StoredMeasurement,
    StoredSeries,
    WindowValue,
)
from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from service.core.alarm_state import AlarmName

    SeriesT = TypeVar("SeriesT", bound=StoredSeries)

# Looked up for every row of a window, of which there may be tens of thousands.
_ASPECTS, _WORSE = ({one.value: one for one in words} for words in (Aspect, Worse))
READ_SECONDS = 10.0  # a page or a request gives up sooner than a cycle's own statements

# The view's columns by name: a newer schema may have more.
_MEASUREMENTS = """
SELECT * FROM (
    SELECT
        monitor, aspect, column_name, segment, metric, definition, unit, worse, window_start, window_end,
        computed_at, value, reference, threshold, breached, severity, error_bound, low, high, rows, reason,
        revision
    FROM tidegauge.metrics{where} ORDER BY computed_at DESC, window_end DESC{limit}
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
            WHERE m.series_id = s.id AND m.window_end BETWEEN {since} AND {until} AND NOT EXISTS (
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
    s.id AS series_id, s.aspect, s.column_name, s.segment, s.metric, s.definition, s.unit, s.worse,
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
    NULL::bigint AS series_id, c.aspect, c.column_name, c.segment, c.metric, c.definition, c.unit, c.worse,
    c.value, c.reference, c.threshold, c.breached, c.severity,
    c.error_bound, c.low, c.high, c.rows, c.reason
FROM tidegauge.cycle_metrics c
WHERE c.monitor = $1 AND c.computed_at = (
    SELECT max(l.finished_at) FROM tidegauge.cycle_log l WHERE l.monitor = $1
)
ORDER BY c.metric
"""

_MONITORS = "SELECT monitor FROM tidegauge.checkpoint UNION SELECT monitor FROM tidegauge.series ORDER BY 1"

_ALARMS = "SELECT alarms, ended FROM tidegauge.checkpoint WHERE monitor = $1"

# When each alarm was raised last, by the clock, as in the view `alarms`: after a reset its event time may lie
# before that of an earlier alarm. A column's drift is one alarm, whichever of its methods raised it.
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
    ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1
) e
"""

_EVENTS = """
SELECT id, at, recorded_at, kind, column_name, metric, message, details FROM tidegauge.event
WHERE monitor = $1 AND recorded_at >= coalesce($2, '-infinity'::timestamptz)
  AND ($3::text IS NULL OR kind = $3)
ORDER BY recorded_at DESC, id DESC LIMIT $4
"""


async def measurements(
    pool: asyncpg.Pool,
    wanted: SeriesFilter,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[StoredMeasurement]:
    """Return rows of the view `metrics`, ordered by window end, then series.

    `since` and `until` (with a time zone) are compared with `computed_at`. With `limit` the rows computed
    last are returned. Raises StoreError.
    """
    given: list[tuple[str, object]] = []
    given += [(f"{column} = ${{}}", value) for column, value in _given(wanted).items()]
    if since is not None:
        given.append(("computed_at >= ${}", since))
    if until is not None:
        given.append(("computed_at <= ${}", until))
    # Only conditions that were asked for are part of the statement, so that the indexes can be used.
    conditions = [condition.format(place) for place, (condition, _) in enumerate(given, start=1)]
    arguments = [value for _, value in given]
    if limit is not None:
        arguments.append(limit)
    statement = _MEASUREMENTS.format(
        where=f" WHERE {' AND '.join(conditions)}" if conditions else "",
        limit="" if limit is None else f" LIMIT ${len(arguments)}",
    )
    with translated("read measurements"):
        return [_of_series(StoredMeasurement, row) for row in await pool.fetch(statement, *arguments)]


async def measurements_by_event_time(
    pool: asyncpg.Pool,
    wanted: SeriesFilter,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
) -> list[StoredMeasurement]:
    """Return the `limit` measurements whose windows end last, ordered by window end.

    `wanted` names the monitor. `since` and `until` (with a time zone) are compared with `window_end`.
    Raises StoreError.
    """
    given = _given(wanted)
    conditions = [f"{column} = ${place}" for place, column in enumerate(given, start=1)]
    since_place, until_place, limit_place = (len(given) + place for place in (1, 2, 3))
    since_text = f"coalesce(${since_place}::timestamptz, '-infinity')"
    until_text = f"coalesce(${until_place}::timestamptz, 'infinity')"
    of_cycles = [*conditions, f"window_end BETWEEN {since_text} AND {until_text}"]
    statement = _BY_EVENT_TIME.format(
        where=f" WHERE {' AND '.join(f's.{condition}' for condition in conditions)}",
        where_cycles=f" WHERE {' AND '.join(of_cycles)}",
        since=since_text,
        until=until_text,
        limit=f"${limit_place}",
    )
    with translated("read measurements"):
        rows = await pool.fetch(statement, *given.values(), since, until, limit, timeout=READ_SECONDS)
        return [_of_series(StoredMeasurement, row) for row in rows]


async def monitors(pool: asyncpg.Pool) -> list[str]:
    """Return the monitors that the database knows, in the order of their names. Raises StoreError."""
    with translated("read the monitors"):
        return [row["monitor"] for row in await pool.fetch(_MONITORS, timeout=READ_SECONDS)]


async def series(pool: asyncpg.Pool, monitor: str) -> list[StoredSeries]:
    """Return which series a monitor has, without those of its cycles' own health. Raises StoreError."""
    with translated("read series"):
        return [
            _of_series(StoredSeries, row) for row in await pool.fetch(_SERIES, monitor, timeout=READ_SECONDS)
        ]


async def latest_window(pool: asyncpg.Pool, monitor: str) -> LatestWindow:
    """Return a monitor's newest window with its values and alarms. Raises StoreError."""
    with translated("read the latest window"):
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            latest = await newest_window_in(connection, monitor)
            rows = await connection.fetch(_OF_CYCLE, monitor, timeout=READ_SECONDS)
    return replace(latest, values=[*latest.values, *(_of_series(WindowValue, row) for row in rows)])


async def newest_window_in(connection: asyncpg.Connection, monitor: str) -> LatestWindow:
    """Return a monitor's newest window with its values and alarms as a transaction sees them."""
    place = await connection.fetchrow(_ALARMS, monitor, timeout=READ_SECONDS)
    run = await connection.fetchrow(_LATEST_WINDOW, monitor, timeout=READ_SECONDS)
    rows = []
    if run is not None:
        key = run["id"], run["window_end"], run["computed_at"]
        rows = await connection.fetch(_OF_WINDOW, monitor, *key, timeout=READ_SECONDS)
    return LatestWindow(
        window=None if run is None else _window(run),
        values=[_of_series(WindowValue, row) for row in rows],
        alarms={} if place is None else place["alarms"],
        started=place is not None,
        ended=place is not None and place["ended"],
    )


async def raised(
    pool: asyncpg.Pool | asyncpg.Connection, monitor: str, alarms: Sequence[AlarmName]
) -> list[AlarmStart | None]:
    """Return when and how each of `alarms` was raised last, None for one that never was.

    Raises StoreError.
    """
    if not alarms:
        return []
    names = (
        [alarm.aspect for alarm in alarms],
        [alarm.column for alarm in alarms],
        [alarm.segment for alarm in alarms],
        [alarm.metric for alarm in alarms],
        [alarm.definition for alarm in alarms],
    )
    with translated("read when alarms were raised"):
        rows = await pool.fetch(_RAISED, monitor, *names, timeout=READ_SECONDS)
    found = {row["place"]: AlarmStart(at=row["at"], message=row["message"]) for row in rows}
    return [found.get(place) for place in range(1, len(alarms) + 1)]


async def events(
    pool: asyncpg.Pool, *, monitor: str, since: datetime | None, kind: str | None, limit: int
) -> list[StoredEvent]:
    """Return a monitor's events recorded at or after `since`, the newest first. Raises StoreError."""
    with translated("read events"):
        return [
            StoredEvent(**row)
            for row in await pool.fetch(_EVENTS, monitor, since, kind, limit, timeout=READ_SECONDS)
        ]


def _given(wanted: SeriesFilter) -> dict[str, str]:
    """Return the filter's conditions that are set, by the column of the view."""
    columns = {"column": "column_name"}
    return {columns.get(name, name): value for name, value in asdict(wanted).items() if value is not None}


def _of_series(kind: type[SeriesT], row: asyncpg.Record) -> SeriesT:
    return kind(**{**row, "aspect": _ASPECTS[row["aspect"]], "worse": _WORSE[row["worse"]]})


def _window(row: asyncpg.Record) -> MeasuredWindow:
    return MeasuredWindow(**{field.name: row[field.name] for field in fields(MeasuredWindow)})
