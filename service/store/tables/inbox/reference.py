"""The table `inbox_reference`: the first rows that were sent to a monitor, kept as its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated
from service.store.leases.fence import held_transaction

if TYPE_CHECKING:
    import asyncpg

    from service.store.leases.fence import Fences

_READ = "SELECT rows, payload FROM tidegauge.inbox_reference WHERE monitor = $1"

_KEEP = """
INSERT INTO tidegauge.inbox_reference (monitor, rows, payload) VALUES ($1, $2, $3)
ON CONFLICT (monitor) DO NOTHING
"""

_COUNT = (
    "SELECT coalesce(sum(rows), 0)::bigint FROM tidegauge.inbox_batch WHERE monitor = $1 AND kind = 'rows'"
)

_FIRST = """
SELECT payload FROM (
    SELECT id, payload, sum(rows) OVER (ORDER BY id) - rows AS before FROM tidegauge.inbox_batch
    WHERE monitor = $1 AND kind = 'rows'
) counted
WHERE before < $2 ORDER BY id
"""


class KeptReference(NamedTuple):
    """A reference that was kept: how many rows, and their bytes."""

    rows: int
    payload: bytes


async def read(pool: asyncpg.Pool, monitor: str) -> KeptReference | None:
    """Return the reference that is kept; None where there is none yet. Raises StoreError."""
    with translated(f"{monitor}: read its reference"):
        row = await pool.fetchrow(_READ, monitor)
    return None if row is None else KeptReference(row["rows"], row["payload"])


async def waiting_rows(pool: asyncpg.Pool, monitor: str) -> int:
    """Return how many rows wait in the inbox. Raises StoreError."""
    with translated(f"{monitor}: count the rows that were sent"):
        count: int = await pool.fetchval(_COUNT, monitor)
        return count


async def first_payloads(pool: asyncpg.Pool, monitor: str, rows: int) -> list[bytes]:
    """Return the batches that hold the first `rows` rows in the inbox. Raises StoreError."""
    with translated(f"{monitor}: read the first rows that were sent"):
        return [row["payload"] for row in await pool.fetch(_FIRST, monitor, rows)]


async def keep(pool: asyncpg.Pool, monitor: str, kept: KeptReference, fences: Fences | None = None) -> None:
    """Keep a reference unless there is one. Raises StoreError."""
    with translated(f"{monitor}: keep its reference"):
        async with held_transaction(pool, monitor, fences) as connection:
            await connection.execute(_KEEP, monitor, kept.rows, kept.payload)
