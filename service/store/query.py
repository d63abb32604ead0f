"""What is read back: measurements, for people and programs."""

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
