"""The table `inbox_half`: events that wait for their other halves, such as requests for their responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.rows.inbox_change import HalfEvent
from service.core.time_units import to_microseconds
from service.store.driver_errors import translated
from service.store.encoding import instant, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.rows.inbox_change import InboxChange

MAX_EXPIRED = 10_000  # of one take

_OF = """
SELECT id, pair, received_at, payload FROM tidegauge.inbox_half
WHERE monitor = $1 AND pair = ANY($2::text[]) ORDER BY id
"""

_EXPIRED = """
SELECT id, pair, received_at, payload FROM tidegauge.inbox_half
WHERE monitor = $1 AND received_at < $2 ORDER BY received_at, id LIMIT $3
"""

_COUNT = "SELECT count(*) FROM tidegauge.inbox_half WHERE monitor = $1"

_KEEP = """
INSERT INTO tidegauge.inbox_half (monitor, pair, received_at, payload)
SELECT $1, h.* FROM unnest($2::text[], $3::timestamptz[], $4::bytea[]) h
"""

_FORGET_ALL = "DELETE FROM tidegauge.inbox_half WHERE monitor = $1"

_FORGET = "DELETE FROM tidegauge.inbox_half WHERE monitor = $1 AND id = ANY($2::bigint[])"


async def of(pool: asyncpg.Pool, monitor: str, pairs: Sequence[str]) -> list[HalfEvent]:
    """Return the events with these ids that wait. Raises StoreError."""
    with translated(f"{monitor}: read events that wait for their other halves"):
        rows = await pool.fetch(_OF, monitor, [text(pair) for pair in pairs])
    return [_half(row) for row in rows]


async def expired(pool: asyncpg.Pool, monitor: str, before: int) -> list[HalfEvent]:
    """Return events that came before an instant (UTC microseconds) and wait. Raises StoreError."""
    with translated(f"{monitor}: read events whose other halves did not come"):
        return [_half(row) for row in await pool.fetch(_EXPIRED, monitor, instant(before), MAX_EXPIRED)]


async def count(pool: asyncpg.Pool, monitor: str) -> int:
    """Return how many events wait. Raises StoreError."""
    with translated(f"{monitor}: count events that wait for their other halves"):
        found: int = await pool.fetchval(_COUNT, monitor)
    return found


async def change(connection: asyncpg.Connection, monitor: str, changed: InboxChange) -> None:
    """Forget events that wait no longer, and keep those that wait from now on."""
    if changed.forgets_halves:
        await connection.execute(_FORGET_ALL, monitor)
    if changed.paired:
        await connection.execute(_FORGET, monitor, list(changed.paired))
    if changed.halves:
        await connection.execute(
            _KEEP,
            monitor,
            [text(half.pair) for half in changed.halves],
            [instant(half.received) for half in changed.halves],
            [half.payload for half in changed.halves],
        )


def _half(row: asyncpg.Record) -> HalfEvent:
    return HalfEvent(row["pair"], to_microseconds(row["received_at"]), row["payload"], row["id"])
