"""Calibrated thresholds, so that each calibration is done once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.store.driver_errors import translated

if TYPE_CHECKING:
    import asyncpg

_READ = """
SELECT content FROM tidegauge.calibration WHERE monitor = $1 AND fingerprint = $2 AND rows = $3
"""

_KEEP = """
INSERT INTO tidegauge.calibration (monitor, fingerprint, rows, content) VALUES ($1, $2, $3, $4)
ON CONFLICT (monitor, fingerprint, rows) DO UPDATE SET content = excluded.content, computed_at = now()
"""


class CalibrationTable:
    """The calibrations of one monitor. Every method raises StoreError."""

    def __init__(self, pool: asyncpg.Pool, monitor: str) -> None:
        self._pool = pool
        self._monitor = monitor

    async def read(self, fingerprint: str, rows: int) -> dict[str, Any] | None:
        """Return what is kept for windows of `rows` rows, None where there is nothing."""
        with translated(f"{self._monitor}: read a calibration"):
            content: dict[str, Any] | None = await self._pool.fetchval(
                _READ, self._monitor, fingerprint, rows
            )
            return content

    async def keep(self, fingerprint: str, rows: int, content: dict[str, Any]) -> None:
        """Keep `content` (JSON-able) for windows of `rows` rows."""
        with translated(f"{self._monitor}: keep a calibration"):
            await self._pool.execute(_KEEP, self._monitor, fingerprint, rows, content)
