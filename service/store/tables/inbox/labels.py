"""The table `inbox_label`: labels that came ahead of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.rows.inbox_change import LabelAhead
from service.core.time_units import to_microseconds
from service.store.driver_errors import translated
from service.store.encoding import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.rows.inbox_change import InboxChange

MAX_EXPIRED = 10_000  # of one take

_MET = """
SELECT id, identity, labelled_at, received_at, content FROM tidegauge.inbox_label
WHERE monitor = $1 AND identity = ANY($2::bigint[]) ORDER BY id
"""

_EXPIRED = """
SELECT id, identity, labelled_at, received_at, content FROM tidegauge.inbox_label
WHERE monitor = $1 AND received_at < $2 ORDER BY id LIMIT $3
"""

_EXPECTED = """
SELECT identity FROM tidegauge.pending_row WHERE monitor = $1 AND identity = ANY($2::bigint[])
UNION SELECT identity FROM tidegauge.labelled_id WHERE monitor = $1 AND identity = ANY($2::bigint[])
"""

_WAITING = """
SELECT DISTINCT identity FROM tidegauge.pending_row WHERE monitor = $1 AND identity = ANY($2::bigint[])
"""

_KEEP = """
INSERT INTO tidegauge.inbox_label (monitor, identity, labelled_at, received_at, content)
SELECT $1, l.* FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::jsonb[]) l
"""

_FORGET = "DELETE FROM tidegauge.inbox_label WHERE monitor = $1 AND id = ANY($2::bigint[])"


async def met(pool: asyncpg.Pool, monitor: str, identity: Sequence[int]) -> list[LabelAhead]:
    """Return the labels that wait for rows of these ids (64-bit hashes, signed). Raises StoreError."""
    with translated(f"{monitor}: read labels that are ahead of their rows"):
        return [_label(row) for row in await pool.fetch(_MET, monitor, identity)]


async def expired(pool: asyncpg.Pool, monitor: str, before: int) -> list[LabelAhead]:
    """Return labels that came before an instant (UTC microseconds). Raises StoreError."""
    with translated(f"{monitor}: read labels whose rows did not come"):
        return [_label(row) for row in await pool.fetch(_EXPIRED, monitor, instant(before), MAX_EXPIRED)]


async def expected(pool: asyncpg.Pool, monitor: str, identity: Sequence[int]) -> set[int]:
    """Return which of these ids have a row that waits for its label, or has it. Raises StoreError."""
    with translated(f"{monitor}: look for the rows of labels"):
        return {row["identity"] for row in await pool.fetch(_EXPECTED, monitor, identity)}


async def waiting(pool: asyncpg.Pool, monitor: str, identity: Sequence[int]) -> set[int]:
    """Return which of these ids have a row that waits for its label. Raises StoreError."""
    with translated(f"{monitor}: look for rows that wait for their labels"):
        return {row["identity"] for row in await pool.fetch(_WAITING, monitor, identity)}


async def change(connection: asyncpg.Connection, monitor: str, changed: InboxChange) -> None:
    """Forget labels whose rows have come, and keep those that are ahead of theirs."""
    if changed.met:
        await connection.execute(_FORGET, monitor, list(changed.met))
    if changed.ahead:
        await connection.execute(
            _KEEP,
            monitor,
            [label.identity for label in changed.ahead],
            [instant(label.labelled_at) for label in changed.ahead],
            [instant(label.received) for label in changed.ahead],
            [label.content for label in changed.ahead],
        )


def _label(row: asyncpg.Record) -> LabelAhead:
    return LabelAhead(
        row["identity"],
        to_microseconds(row["labelled_at"]),
        to_microseconds(row["received_at"]),
        row["content"],
        row["id"],
    )
