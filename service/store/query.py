"""What is read back: measurements for people and programs, the monitors' last cycles for readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.failures import translated

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

_NEWEST_FIRST = """
SELECT * FROM (
    SELECT * FROM tidegauge.metrics{where} ORDER BY computed_at DESC, window_end DESC{limit}
) AS chosen
ORDER BY window_end, monitor, aspect, column_name, segment, metric, definition, computed_at
"""

# One index look-up a monitor, however long the log: each step jumps to the next monitor's name.
_LAST_CYCLES = """
WITH RECURSIVE names AS (
    (SELECT monitor FROM tidegauge.cycle_log ORDER BY monitor LIMIT 1)
    UNION ALL
    SELECT (
        SELECT c.monitor FROM tidegauge.cycle_log c WHERE c.monitor > names.monitor ORDER BY c.monitor LIMIT 1
    )
    FROM names WHERE names.monitor IS NOT NULL
)
SELECT names.monitor, last.slot, last.finished_at, last.outcome, last.error
FROM names
CROSS JOIN LATERAL (
    SELECT c.slot, c.finished_at, c.outcome, c.error FROM tidegauge.cycle_log c
    WHERE c.monitor = names.monitor ORDER BY c.finished_at DESC, c.id DESC LIMIT 1
) last
WHERE names.monitor IS NOT NULL
ORDER BY names.monitor
"""


async def measurements(
    pool: asyncpg.Pool,
    *,
    monitor: str | None = None,
    aspect: str | None = None,
    column: str | None = None,
    metric: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> list[asyncpg.Record]:
    """Return rows of the view `metrics`, ordered by window end, then series.

    `since` (with a time zone) is compared with `computed_at`. With `limit` the rows computed last are
    given. Raises StoreError.
    """
    filters = {
        "monitor = ${}": monitor,
        "aspect = ${}": aspect,
        "column_name = ${}": column,
        "metric = ${}": metric,
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


async def monitors_state(pool: asyncpg.Pool) -> list[asyncpg.Record]:
    """Return each monitor's last cycle: monitor, slot, finished_at, outcome, error. Raises StoreError."""
    with translated("read the monitors' last cycles"):
        rows: list[asyncpg.Record] = await pool.fetch(_LAST_CYCLES)
        return rows
