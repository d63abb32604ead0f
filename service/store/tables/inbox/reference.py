"""The table `inbox_reference`: rows that were sent to a monitor, kept as its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.core.inbox import SentReference
from service.core.time_units import to_microseconds
from service.store.driver_errors import translated
from service.store.encoding import instant
from service.store.leases.fence import held_transaction

if TYPE_CHECKING:
    import asyncpg

    from service.store.leases.fence import Fences

_READ = "SELECT rows, payload, first_rows, stretch FROM tidegauge.inbox_reference WHERE monitor = $1"

_KEEP = """
INSERT INTO tidegauge.inbox_reference (monitor, rows, payload, first_rows, stretch)
VALUES ($1, $2, $3, $4, CASE WHEN $4::bigint IS NULL THEN tstzrange($5, $6) END)
ON CONFLICT (monitor) DO NOTHING
"""

_ALL = "SELECT payload FROM tidegauge.inbox_batch WHERE monitor = $1 AND kind = 'rows' ORDER BY id"

_AFTER = """
SELECT id, received_at, payload FROM tidegauge.inbox_batch
WHERE monitor = $1 AND kind = 'rows' AND id > $2 ORDER BY id LIMIT 500
"""

# By the rows: a watermark that the clock has moved says nothing of them.
_MEASURED = """
SELECT (position ->> 'watermark')::bigint FROM tidegauge.checkpoint WHERE monitor = $1 AND rows > 0
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
    """A reference that was kept: how many rows, their bytes, and which of those that were sent they are."""

    rows: int
    payload: bytes
    made_of: SentReference


class SentBatch(NamedTuple):
    """A batch that waits: its place in the order, when it came (UTC microseconds), and its bytes."""

    id: int
    received: int
    payload: bytes


async def read(pool: asyncpg.Pool, monitor: str) -> KeptReference | None:
    """Return the reference that is kept; None where there is none yet. Raises StoreError."""
    with translated(f"{monitor}: read its reference"):
        row = await pool.fetchrow(_READ, monitor)
    if row is None:
        return None
    stretch = row["stretch"]
    if stretch is None:
        made_of = SentReference(row["first_rows"])
    else:
        made_of = SentReference(None, to_microseconds(stretch.lower), to_microseconds(stretch.upper))
    return KeptReference(row["rows"], row["payload"], made_of)


async def waiting_rows(pool: asyncpg.Pool, monitor: str) -> int:
    """Return how many rows wait in the inbox. Raises StoreError."""
    with translated(f"{monitor}: count the rows that were sent"):
        count: int = await pool.fetchval(_COUNT, monitor)
        return count


async def first_payloads(pool: asyncpg.Pool, monitor: str, rows: int) -> list[bytes]:
    """Return the batches that hold the first `rows` rows in the inbox. Raises StoreError."""
    with translated(f"{monitor}: read the first rows that were sent"):
        return [row["payload"] for row in await pool.fetch(_FIRST, monitor, rows)]


async def all_payloads(pool: asyncpg.Pool, monitor: str) -> list[bytes]:
    """Return the batches of rows in the inbox, in their order. Raises StoreError."""
    with translated(f"{monitor}: read the rows that were sent"):
        return [row["payload"] for row in await pool.fetch(_ALL, monitor)]


async def batches_after(pool: asyncpg.Pool, monitor: str, last: int) -> list[SentBatch]:
    """Return the next batches of rows in the inbox after the one with the id `last`. Raises StoreError."""
    with translated(f"{monitor}: look at the rows that were sent"):
        rows = await pool.fetch(_AFTER, monitor, last)
    return [SentBatch(row["id"], to_microseconds(row["received_at"]), row["payload"]) for row in rows]


async def measured_until(pool: asyncpg.Pool, monitor: str) -> int | None:
    """Return the time of the newest row that was measured (UTC microseconds), None where none was.

    Raises StoreError.
    """
    with translated(f"{monitor}: look how far it was measured"):
        found: int | None = await pool.fetchval(_MEASURED, monitor)
        return found


async def keep(pool: asyncpg.Pool, monitor: str, kept: KeptReference, fences: Fences | None = None) -> None:
    """Keep a reference unless there is one. Raises StoreError."""
    made_of = kept.made_of
    stretch = (None, None) if made_of.rows is not None else (instant(made_of.start), instant(made_of.end))
    with translated(f"{monitor}: keep its reference"):
        async with held_transaction(pool, monitor, fences) as connection:
            await connection.execute(_KEEP, monitor, kept.rows, kept.payload, made_of.rows, *stretch)
