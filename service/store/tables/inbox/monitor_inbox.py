"""The inbox of one monitor, as its source reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.inbox import BatchKind, InboxBatch, Waiting
from service.core.rows.id_sums import IdSums
from service.core.rows.take import Reject
from service.core.time_units import to_microseconds
from service.store.driver_errors import translated
from service.store.tables.inbox import files, halves, labels

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from service.core.rows.inbox_change import HalfEvent, LabelAhead, TakenFile

MAX_BATCHES = 20_000  # of one take

_COUNTED = """
SELECT id, kind, received_at, rows, rejected, rejects, payload, rejected_ids, rejected_mixed FROM (
    SELECT b.*, sum(b.rows + b.rejected) OVER (ORDER BY b.id) - b.rows - b.rejected AS before FROM ({}) b
) counted
WHERE before < $2 ORDER BY id
"""

_READ = _COUNTED.format("SELECT * FROM tidegauge.inbox_batch WHERE monitor = $1 ORDER BY id LIMIT $3")

_LEFT = """
SELECT coalesce(sum(rows), 0)::bigint AS rows, min(received_at) AS oldest FROM tidegauge.inbox_batch
WHERE monitor = $1 AND NOT id = ANY($2::bigint[])
"""

# By EXCEPT: tens of thousands of ids are compared by their hashes, in every version of Postgres.
_BEYOND = _COUNTED.format("""
    SELECT w.* FROM tidegauge.inbox_batch w JOIN (
        SELECT id FROM tidegauge.inbox_batch WHERE monitor = $1 AND id > $4
        EXCEPT SELECT unnest($5::bigint[]) ORDER BY id LIMIT $3
    ) fresh USING (id) ORDER BY id
""")

_LEFT_BEYOND = """
SELECT coalesce(sum(rows), 0)::bigint AS rows, min(received_at) AS oldest FROM tidegauge.inbox_batch JOIN (
    SELECT id FROM tidegauge.inbox_batch WHERE monitor = $1 AND id > $3 EXCEPT SELECT unnest($2::bigint[])
) fresh USING (id)
"""


class MonitorInbox:
    """The inbox of one monitor, for its source. Methods raise StoreError; ids are 64-bit hashes, signed."""

    def __init__(self, pool: asyncpg.Pool, monitor: str) -> None:
        self._pool = pool
        self._monitor = monitor

    async def read(self, max_rows: int) -> Waiting:
        """Return the batches that wait, in order, with about `max_rows` rows."""
        with translated(f"{self._monitor}: read its inbox"):
            async with self._pool.acquire() as connection:
                rows = await connection.fetch(_READ, self._monitor, max_rows, MAX_BATCHES)
                batches = tuple(_batch(row) for row in rows)
                ids = [batch.id for batch in batches]
                left = await connection.fetchrow(_LEFT, self._monitor, ids)
        return _waiting(batches, left)

    async def read_beyond(self, max_rows: int, after: int, seen: Collection[int]) -> Waiting:
        """Return likewise what `read` does without the batches up to the id `after` and those `seen`."""
        with translated(f"{self._monitor}: look at its inbox"):
            async with self._pool.acquire() as connection:
                rows = await connection.fetch(
                    _BEYOND, self._monitor, max_rows, MAX_BATCHES, after, list(seen)
                )
                batches = tuple(_batch(row) for row in rows)
                ids = [*seen, *(batch.id for batch in batches)]
                left = await connection.fetchrow(_LEFT_BEYOND, self._monitor, ids, after)
        return _waiting(batches, left)

    async def labels_for(self, identity: Sequence[int]) -> list[LabelAhead]:
        """Return the labels that wait for rows of these ids."""
        return await labels.met(self._pool, self._monitor, identity)

    async def labels_before(self, instant: int) -> list[LabelAhead]:
        """Return labels that came before an instant (UTC microseconds) and still wait for their rows."""
        return await labels.expired(self._pool, self._monitor, instant)

    async def rows_expecting(self, identity: Sequence[int]) -> set[int]:
        """Return which of these ids have a measured row that waits for its label, or has it."""
        return await labels.expected(self._pool, self._monitor, identity) if identity else set()

    async def rows_waiting(self, identity: Sequence[int]) -> set[int]:
        """Return which of these ids have a measured row that waits for its label."""
        return await labels.waiting(self._pool, self._monitor, identity) if identity else set()

    async def halves_of(self, pairs: Sequence[str]) -> list[HalfEvent]:
        """Return the events with these ids that wait for their other halves."""
        return await halves.of(self._pool, self._monitor, pairs)

    async def halves_before(self, instant: int) -> list[HalfEvent]:
        """Return events that came before an instant (UTC microseconds) and still wait."""
        return await halves.expired(self._pool, self._monitor, instant)

    async def count_halves(self) -> int:
        """Return how many events wait for their other halves."""
        return await halves.count(self._pool, self._monitor)

    async def files(self) -> list[TakenFile]:
        """Return the files that takes took."""
        return await files.taken(self._pool, self._monitor)


def _waiting(batches: tuple[InboxBatch, ...], left: asyncpg.Record) -> Waiting:
    oldest = left["oldest"]
    return Waiting(batches, left["rows"], None if oldest is None else to_microseconds(oldest))


def _batch(row: asyncpg.Record) -> InboxBatch:
    return InboxBatch(
        row["id"],
        BatchKind(row["kind"]),
        to_microseconds(row["received_at"]),
        row["payload"],
        row["rows"],
        row["rejected"],
        tuple(Reject(cells, why) for cells, why in row["rejects"]["rejects"]),
        IdSums(row["rejected"], int(row["rejected_ids"]), int(row["rejected_mixed"])),
    )
