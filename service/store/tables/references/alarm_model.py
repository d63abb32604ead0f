"""The table `alarm_model`: the scores of a monitor's drift alarms, fitted to its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated
from service.store.leases.fence import held_transaction

if TYPE_CHECKING:
    import asyncpg

    from service.store.leases.fence import Fences

_READ = "SELECT reference, format, content FROM tidegauge.alarm_model WHERE monitor = $1"

_KEEP = """
INSERT INTO tidegauge.alarm_model (monitor, reference, format, content)
VALUES ($1, $2, $3, $4)
ON CONFLICT (monitor) DO UPDATE SET reference = excluded.reference, format = excluded.format,
    content = excluded.content, fitted_at = excluded.fitted_at
"""

_FORGET = "DELETE FROM tidegauge.alarm_model WHERE monitor = $1"


class KeptModel(NamedTuple):
    """What is kept: the reference's fingerprint, the format of the bytes, and the bytes."""

    reference: str
    format: int
    content: bytes


class AlarmModelTable:
    """The fitted scores of one monitor. Raises StoreError.

    A replica that does not hold the monitor's lease, and reads its reference for a report, keeps nothing.
    """

    def __init__(self, pool: asyncpg.Pool, monitor: str, fences: Fences | None = None) -> None:
        self._pool = pool
        self.monitor = monitor
        self._fences = fences

    async def read(self) -> KeptModel | None:
        """Return what is kept; None where nothing is."""
        with translated(f"{self.monitor}: read its fitted alarms"):
            row = await self._pool.fetchrow(_READ, self.monitor)
        return None if row is None else KeptModel(row["reference"], row["format"], row["content"])

    async def keep(self, model: KeptModel) -> bool:
        """Keep a model in place of an earlier one; return whether this replica may."""
        return await self._written("keep its fitted alarms", _KEEP, *model)

    async def forget(self) -> bool:
        """Delete what is kept; return whether this replica may."""
        return await self._written("forget its fitted alarms", _FORGET)

    async def _written(self, what: str, statement: str, *values: object) -> bool:
        if self._fences is not None and self._fences.fence(self.monitor) is None:
            return False
        with translated(f"{self.monitor}: {what}"):
            async with held_transaction(self._pool, self.monitor, self._fences) as connection:
                await connection.execute(statement, self.monitor, *values)
        return True
