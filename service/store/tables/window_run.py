"""The table `window_run`: every measurement of every window, found by id, by panes, or the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.time_units import to_microseconds
from service.core.windows.records import WindowRun
from service.store.driver_errors import translated
from service.store.encoding import instant, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from service.core.windows.records import WindowRecord

_COLUMNS = """
SELECT id, monitor, layout, first_pane, last_pane, window_start, window_end, revision, rows, computed_at
FROM tidegauge.window_run
"""

_NEWEST = f"{_COLUMNS} WHERE monitor = $1 ORDER BY window_end DESC, id DESC LIMIT $2"

_BY_ID = f"{_COLUMNS} WHERE monitor = $1 AND id = $2"

_BY_PANES = f"""
{_COLUMNS} WHERE monitor = $1 AND layout = $2 AND first_pane = $3 AND last_pane = $4
ORDER BY revision DESC LIMIT 1
"""

_BY_END = f"""
{_COLUMNS} WHERE monitor = $1 AND window_end = $2
ORDER BY computed_at DESC, id DESC LIMIT 1
"""


async def newest(pool: asyncpg.Pool, monitor: str, limit: int) -> list[WindowRun]:
    """Return a monitor's windows, the newest by event time first. Raises StoreError."""
    with translated("read the measured windows"):
        return [_run(row) for row in await pool.fetch(_NEWEST, monitor, limit)]


async def find(pool: asyncpg.Pool, monitor: str, window: int | None) -> WindowRun | None:
    """Return the window with the id `window`, or the newest one (None). Raises StoreError."""
    if window is None:
        found = await newest(pool, monitor, 1)
        return found[0] if found else None
    with translated("read a measured window"):
        row = await pool.fetchrow(_BY_ID, monitor, window)
        return None if row is None else _run(row)


async def ending_at(pool: asyncpg.Pool, monitor: str, end: datetime) -> WindowRun | None:
    """Return the latest measurement of the window that ends at `end`. Raises StoreError."""
    with translated("read a measured window"):
        row = await pool.fetchrow(_BY_END, monitor, end)
        return None if row is None else _run(row)


async def of_panes(pool: asyncpg.Pool, monitor: str, layout: str, first: int, last: int) -> WindowRun | None:
    """Return the latest revision of the window of these panes. Raises StoreError."""
    with translated("read a measured window"):
        row = await pool.fetchrow(_BY_PANES, monitor, text(layout), first, last)
        return None if row is None else _run(row)


def _run(row: asyncpg.Record) -> WindowRun:
    return WindowRun(
        row["id"],
        row["monitor"],
        row["layout"],
        row["first_pane"],
        row["last_pane"],
        to_microseconds(row["window_start"]),
        to_microseconds(row["window_end"]),
        row["revision"],
        row["rows"],
        to_microseconds(row["computed_at"]),
    )


_INSERT = """
INSERT INTO tidegauge.window_run
    (monitor, layout, first_pane, last_pane, window_start, window_end, panes, rows, revision)
SELECT $1, $8, w.*, 1 + coalesce((
    SELECT max(run.revision) FROM tidegauge.window_run run
    WHERE run.monitor = $1 AND run.layout = $8
        AND run.first_pane = w.first_pane AND run.last_pane = w.last_pane
), 0)
FROM unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::integer[], $7::bigint[])
    AS w (first_pane, last_pane, window_start, window_end, panes, rows)
RETURNING id, first_pane, last_pane
"""


async def open_runs(
    connection: asyncpg.Connection, monitor: str, layout: str, windows: Sequence[WindowRecord]
) -> list[int]:
    """Enter `windows` under their next revisions, in one statement; return their ids in the same order."""
    if not windows:
        return []
    rows = await connection.fetch(
        _INSERT,
        monitor,
        [window.first for window in windows],
        [window.last for window in windows],
        [instant(window.start) for window in windows],
        [instant(window.end) for window in windows],
        [window.panes for window in windows],
        [window.rows for window in windows],
        text(layout),
    )
    ids = {(row["first_pane"], row["last_pane"]): row["id"] for row in rows}
    return [ids[window.first, window.last] for window in windows]
