"""The table `season_choice`: what `season: auto` chose, once for each reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.driver_errors import translated
from service.store.leases.fence import held_transaction

if TYPE_CHECKING:
    import asyncpg

    from service.store.leases.fence import Fences

_READ = """
SELECT season FROM tidegauge.season_choice WHERE monitor = $1 AND reference = $2 AND time_zone = $3
"""

_CHOSEN = """
WITH kept AS (
    INSERT INTO tidegauge.season_choice (monitor, reference, time_zone, season, note)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (monitor, reference, time_zone) DO NOTHING
    RETURNING season
)
SELECT season FROM kept
UNION ALL
SELECT season FROM tidegauge.season_choice WHERE monitor = $1 AND reference = $2 AND time_zone = $3
LIMIT 1
"""


class SeasonChoiceTable:
    """The seasons that were chosen for one monitor. Raises StoreError.

    A replica that does not hold the monitor's lease, and reads its reference for a report, keeps nothing.
    """

    def __init__(self, pool: asyncpg.Pool, monitor: str, fences: Fences | None = None) -> None:
        self._pool = pool
        self._monitor = monitor
        self._fences = fences

    async def chosen(self, reference: str, time_zone: str, season: str, note: str) -> str:
        """Return the season that is kept for a reference (its rows and times); `season` where none was."""
        with translated(f"{self._monitor}: keep the season that was chosen"):
            if self._fences is not None and self._fences.fence(self._monitor) is None:
                read: str | None = await self._pool.fetchval(_READ, self._monitor, reference, time_zone)
                return read or season
            async with held_transaction(self._pool, self._monitor, self._fences) as connection:
                kept: str | None = await connection.fetchval(
                    _CHOSEN, self._monitor, reference, time_zone, season, note
                )
            return kept or season  # another service has kept one in this moment: as good as this one
