"""The dummy source's table: one row per position, which never changes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from service.store.driver_errors import translated
from service.store.leases.fence import held_transaction

if TYPE_CHECKING:
    import asyncpg

    from service.store.leases.fence import Fences

# Position, timestamp (UTC), an integer, a text, a float.
Row = tuple[int, datetime, int, str, float]

_CREATE = """
CREATE TABLE IF NOT EXISTS tidegauge.dummy_metrics (
    monitor text NOT NULL,
    position bigint NOT NULL,
    timestamp timestamptz NOT NULL,
    value1 integer NOT NULL,
    value2 text NOT NULL,
    value3 double precision NOT NULL,
    PRIMARY KEY (monitor, position)
)
"""

# CREATE ... IF NOT EXISTS of two starters at once can fail: one at a time.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('tidegauge.dummy_metrics', 0))"

_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegauge_reader') THEN
        GRANT SELECT ON tidegauge.dummy_metrics TO tidegauge_reader;
    END IF;
END;
$$
"""

_APPEND = """
INSERT INTO tidegauge.dummy_metrics (monitor, position, timestamp, value1, value2, value3)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (monitor, position) DO NOTHING
"""

_READ = """
SELECT position, timestamp, value1, value2, value3 FROM tidegauge.dummy_metrics
WHERE monitor = $1 AND position = $2
"""


class DummyTable:
    """The table, made on first use."""

    def __init__(self, pool: asyncpg.Pool, monitor: str, fences: Fences | None = None) -> None:
        self._pool = pool
        self._fences = fences
        self._monitor = monitor
        self._there = False

    async def append(self, row: Row) -> Row:
        """Keep `row` unless its position is taken; return the row that is kept there. Raises StoreError."""
        if not self._there:
            await create_table(self._pool)
            self._there = True
        return await append_row(self._pool, self._monitor, row, self._fences)


async def create_table(pool: asyncpg.Pool) -> None:
    """Make the table where it is missing, readable for the reader role. Raises StoreError."""
    with translated("create the table dummy_metrics"):
        async with pool.acquire() as connection:
            if await connection.fetchval("SELECT to_regclass('tidegauge.dummy_metrics') IS NOT NULL"):
                return
            async with connection.transaction():
                await connection.execute(_LOCK)
                await connection.execute(_CREATE)
                await connection.execute(_GRANT)


async def append_row(pool: asyncpg.Pool, monitor: str, row: Row, fences: Fences | None = None) -> Row:
    """Insert `row` unless its position is taken; return the row that is kept there. Raises StoreError."""
    with translated("append to dummy_metrics"):
        async with held_transaction(pool, monitor, fences) as connection:
            await connection.execute(_APPEND, monitor, *row)
            kept = await connection.fetchrow(_READ, monitor, row[0])
    position, timestamp, value1, value2, value3 = kept
    return position, timestamp, value1, value2, value3
