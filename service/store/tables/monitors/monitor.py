"""The table `monitor`: which monitors have lost their file or were taken out of the views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from service.core.sharing import Fence

_DEFINED = """
INSERT INTO tidegauge.monitor (monitor) SELECT unnest($1::text[])
ON CONFLICT (monitor) DO UPDATE SET file_gone_at = NULL, removed_at = NULL
WHERE monitor.file_gone_at IS NOT NULL OR monitor.removed_at IS NOT NULL
"""

_FILE_GONE = """
INSERT INTO tidegauge.monitor (monitor, file_gone_at)
SELECT $1, now() WHERE $2::text IS NULL OR EXISTS (
    SELECT FROM tidegauge.lease WHERE monitor = $1 AND holder = $2 AND fence = $3 FOR KEY SHARE
)
ON CONFLICT (monitor) DO UPDATE SET file_gone_at = coalesce(monitor.file_gone_at, now())
RETURNING removed_at IS NOT NULL
"""

_REMOVED = """
INSERT INTO tidegauge.monitor (monitor, removed_at) VALUES ($1, now())
ON CONFLICT (monitor) DO UPDATE SET removed_at = coalesce(monitor.removed_at, now())
"""

_ALL = """
WITH names AS (
    SELECT monitor FROM tidegauge.checkpoint
    UNION SELECT monitor FROM tidegauge.series
    UNION SELECT monitor FROM tidegauge.monitor
    UNION SELECT monitor FROM tidegauge.monitors
    UNION SELECT monitor FROM tidegauge.holders WHERE replica IS NOT NULL
)
SELECT names.monitor AS name, shown.state, shown.error, coalesce(place.ended, false) AS ended,
       coalesce(NOT shown.silent AND NOT shown.ended AND known.file_gone_at IS NULL, false) AS is_running,
       coalesce(place.rows, 0) AS rows, newest.window_start, newest.window_end, known.file_gone_at,
       known.removed_at, held.replica AS holder
FROM names
LEFT JOIN tidegauge.monitors shown USING (monitor)
LEFT JOIN tidegauge.checkpoint place USING (monitor)
LEFT JOIN tidegauge.newest_window newest USING (monitor)
LEFT JOIN tidegauge.monitor known USING (monitor)
LEFT JOIN tidegauge.holders held USING (monitor)
ORDER BY names.monitor
"""

_REOPENED = "SELECT monitor FROM tidegauge.checkpoint WHERE monitor = ANY($1::text[]) AND NOT ended"


@dataclass(frozen=True, slots=True)
class StoredMonitor:
    """What the database knows of a monitor.

    - `state`: as the view `monitors` has it; None where no cycle was logged, or where it was removed
    - `error`: of its last cycle, or why it has none
    - `ended`: whether its source had nothing left
    - `is_running`: whether cycles of it were logged a moment ago and more are expected
    - `rows`: the rows that were taken
    - `window_start`, `window_end`: of the newest window
    - `file_gone_at`: when a running service found its file deleted
    - `removed_at`: when it was taken out of the views
    - `holder`: the live replica that measures it; None where none does
    """

    name: str
    state: str | None
    error: str | None
    ended: bool
    is_running: bool
    rows: int
    window_start: datetime | None
    window_end: datetime | None
    file_gone_at: datetime | None
    removed_at: datetime | None
    holder: str | None = None

    @property
    def is_measured(self) -> bool:
        """Whether a service has it, as far as the database can tell, and has not found its file deleted."""
        return self.file_gone_at is None and (self.is_running or self.holder is not None)


async def read_all(pool: asyncpg.Pool) -> list[StoredMonitor]:
    """Return every monitor that the database knows, by name. Raises StoreError."""
    with translated("read the monitors"):
        return [StoredMonitor(**row) for row in await pool.fetch(_ALL)]


async def set_defined(pool: asyncpg.Pool, monitors: Sequence[str]) -> None:
    """Note that files define `monitors`: what was removed is shown again. Raises StoreError."""
    with translated("note which monitors there are"):
        await pool.execute(_DEFINED, sorted(monitors))


async def set_file_gone(pool: asyncpg.Pool, monitor: str, fence: Fence | None = None) -> bool:
    """Note that no file defines `monitor` any more, with a `fence` only under it. Raises StoreError.

    Returns whether it was removed before.
    """
    holder, number = (None, None) if fence is None else (fence.holder, fence.number)
    with translated(f"{monitor}: note that its file is gone"):
        was_removed: bool | None = await pool.fetchval(_FILE_GONE, monitor, holder, number)
    return bool(was_removed)


async def set_removed(connection: asyncpg.Connection, monitor: str) -> None:
    """Take `monitor` out of the views `monitors` and `alarms`."""
    await connection.execute(_REMOVED, monitor)


async def reopened(pool: asyncpg.Pool, monitors: Sequence[str]) -> list[str]:
    """Return which of `monitors`, whose sources had ended, were reset since. Raises StoreError."""
    with translated("look for monitors that were reset"):
        return [row["monitor"] for row in await pool.fetch(_REOPENED, list(monitors))]
