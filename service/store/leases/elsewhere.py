"""How the cycles of monitors go that other replicas run, from what these have logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

MAX_COUNTED = 100  # failures in a row

_PROGRESS = """
SELECT w.monitor AS name, coalesce(place.cycle, 0) AS cycles, coalesce(place.ended, false) AS ended,
    good.finished_at AS last_good, coalesce(failed.count, 0) AS failures, coalesce(last.error, '') AS error,
    CASE WHEN last.outcome = 'waiting' THEN coalesce(last.error, '') ELSE '' END AS waits, last.id AS newest
FROM unnest($1::text[]) AS w (monitor)
LEFT JOIN tidegauge.checkpoint place ON place.monitor = w.monitor
LEFT JOIN LATERAL (
    SELECT c.id, c.error, c.outcome FROM tidegauge.cycle_log c
    WHERE c.monitor = w.monitor AND c.outcome <> 'skipped' ORDER BY c.finished_at DESC, c.id DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT c.finished_at FROM tidegauge.cycle_log c
    WHERE c.monitor = w.monitor AND c.outcome NOT IN ('skipped', 'failed')
    ORDER BY c.finished_at DESC, c.id DESC LIMIT 1
) good ON true
LEFT JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM tidegauge.cycle_log c
        WHERE c.monitor = w.monitor AND c.outcome = 'failed'
          AND c.finished_at > coalesce(good.finished_at, '-infinity')
        LIMIT $2
    ) counted
) failed ON true
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a monitor's cycles go.

    - `cycles`: that were ever committed
    - `ended`: whether its source had nothing left
    - `last_good`: when the last good cycle ended
    - `failures`: in a row, MAX_COUNTED at most
    - `error`: of the last of them
    - `waits`: what its last cycle waited for
    - `newest`: the log's row of its last cycle, which is another one after every cycle
    """

    name: str
    cycles: int
    ended: bool
    last_good: datetime | None
    failures: int
    error: str
    waits: str
    newest: int | None


async def progress(pool: asyncpg.Pool, monitors: Sequence[str]) -> list[Progress]:
    """Return how the cycles of each of `monitors` go. Raises StoreError."""
    with translated("read how the cycles of other replicas go"):
        return [Progress(**row) for row in await pool.fetch(_PROGRESS, list(monitors), MAX_COUNTED)]
