"""The table `inbox_audit`: the sums of the rows that were sent, by what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.inbox import BatchKind
from service.core.rows.id_sums import NO_ROWS, IdSums
from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from service.core.rows.inbox_change import InboxChange

_COUNT = """
INSERT INTO tidegauge.inbox_audit AS a (monitor, measured_rows, measured_ids, measured_mixed,
    rejected_rows, rejected_ids, rejected_mixed, duplicate_rows, duplicate_ids, duplicate_mixed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (monitor) DO UPDATE SET
    measured_rows = a.measured_rows + excluded.measured_rows,
    measured_ids = mod(a.measured_ids + excluded.measured_ids, 18446744073709551616),
    measured_mixed = mod(a.measured_mixed + excluded.measured_mixed, 18446744073709551616),
    rejected_rows = a.rejected_rows + excluded.rejected_rows,
    rejected_ids = mod(a.rejected_ids + excluded.rejected_ids, 18446744073709551616),
    rejected_mixed = mod(a.rejected_mixed + excluded.rejected_mixed, 18446744073709551616),
    duplicate_rows = a.duplicate_rows + excluded.duplicate_rows,
    duplicate_ids = mod(a.duplicate_ids + excluded.duplicate_ids, 18446744073709551616),
    duplicate_mixed = mod(a.duplicate_mixed + excluded.duplicate_mixed, 18446744073709551616)
"""

_WAITING = """
SELECT id, kind, rejected, payload, rejected_ids, rejected_mixed FROM tidegauge.inbox_batch
WHERE monitor = $1 AND id > $2 AND kind IN ('rows', 'events') ORDER BY id LIMIT 100
"""

_HALVES = """
SELECT id, payload FROM tidegauge.inbox_half WHERE monitor = $1 AND id > $2 ORDER BY id LIMIT 1000
"""

_MONITORS = """
SELECT monitor FROM tidegauge.inbox_audit
UNION SELECT monitor FROM tidegauge.inbox_batch WHERE kind IN ('rows', 'events')
UNION SELECT monitor FROM tidegauge.inbox_half
ORDER BY monitor
"""

_COUNTED = """
SELECT measured_rows, measured_ids, measured_mixed, rejected_rows, rejected_ids, rejected_mixed,
    duplicate_rows, duplicate_ids, duplicate_mixed
FROM tidegauge.inbox_audit WHERE monitor = $1
"""


async def count(connection: asyncpg.Connection, monitor: str, changed: InboxChange) -> None:
    """Add what a cycle measured, rejected, and found to be counted already."""
    sums = (changed.measured, changed.rejected, changed.duplicates)
    if any(each.rows for each in sums):
        numbers = [number for each in sums for number in (each.rows, each.ids, each.mixed)]
        await connection.execute(_COUNT, monitor, *numbers)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the rows that were sent to a monitor, as of one instant.

    - `measured`: those that cycles measured
    - `rejected`: those that could not be used, or came too late
    - `duplicates`: those whose ids had been counted before
    - `waiting`: those that wait for a cycle, whether they can be used or not
    - `halves`: events that wait for their other halves
    """

    measured: IdSums
    rejected: IdSums
    duplicates: IdSums
    waiting: IdSums
    halves: IdSums = NO_ROWS

    @property
    def total(self) -> IdSums:
        """All of them."""
        return self.measured + self.rejected + self.duplicates + self.waiting + self.halves


async def monitors(pool: asyncpg.Pool) -> list[str]:
    """Return the monitors to which rows were sent, by name. Raises StoreError."""
    with translated("read to which monitors rows were sent"):
        return [row["monitor"] for row in await pool.fetch(_MONITORS)]


async def read(pool: asyncpg.Pool, monitor: str, sums: Callable[[BatchKind, bytes], IdSums]) -> Account:
    """Return a monitor's account; `sums` returns those of a batch's payload. Raises StoreError."""
    with translated(f"{monitor}: read what became of its rows"):
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            row = await connection.fetchrow(_COUNTED, monitor)
            numbers = [0] * 9 if row is None else [int(number) for number in row]
            waiting, waiting_halves, last = IdSums(), IdSums(), 0
            while batches := await connection.fetch(_WAITING, monitor, last):
                for batch in batches:
                    refused = (batch["rejected"], int(batch["rejected_ids"]), int(batch["rejected_mixed"]))
                    waiting += sums(BatchKind(batch["kind"]), batch["payload"]) + IdSums(*refused)
                last = batches[-1]["id"]
            last = 0
            while halves := await connection.fetch(_HALVES, monitor, last):
                waiting_halves += sum((sums(BatchKind.EVENTS, each["payload"]) for each in halves), NO_ROWS)
                last = halves[-1]["id"]
    measured, rejected, duplicates = (IdSums(*numbers[at : at + 3]) for at in (0, 3, 6))
    return Account(measured, rejected, duplicates, waiting, waiting_halves)
