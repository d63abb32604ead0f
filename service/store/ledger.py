"""Which windows were measured, under which revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.encoding import instant, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.cycle_record import WindowRecord

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
