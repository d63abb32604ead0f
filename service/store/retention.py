"""Delete old measurements: whole months of samples, and rows of the other tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from service.errors import LeaseLostError, StoreError
from service.store.driver_errors import translated
from service.store.leases.fence import held_transaction, hold_duty

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import asyncpg

    from service.core.sharing import Fence
    from service.store.leases.fence import Fences

RETENTION = "retention"  # the duty
BATCH = 10_000  # rows per statement: locks stay short
LOCK_WAIT = "5s"  # a long report must not make every writer queue up behind the drop

# ensure_sample_partition names partitions by their month and makes no others.
_PARTITIONS = r"""
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'tidegauge.sample'::regclass AND c.relname ~ '^sample_\d{4,}_\d{2}$'
ORDER BY c.relname
"""

# A run is deleted with its samples' partition, not before.
_DELETES = {
    "window_run": "DELETE FROM tidegauge.window_run WHERE id IN "
    "(SELECT id FROM tidegauge.window_run WHERE computed_at < $1 LIMIT $2)",
    "cycle_log": "DELETE FROM tidegauge.cycle_log WHERE id IN "
    "(SELECT id FROM tidegauge.cycle_log WHERE finished_at < $1 LIMIT $2)",
    "rejected_row": "DELETE FROM tidegauge.rejected_row WHERE id IN "
    "(SELECT id FROM tidegauge.rejected_row WHERE received_at < $1 LIMIT $2)",
    "event": "DELETE FROM tidegauge.event WHERE id IN "
    "(SELECT id FROM tidegauge.event WHERE recorded_at < $1 LIMIT $2)",
}


# Below the floor a pane is in no window that is kept or still to come, in no reference of one, and no row of
# it waits for a label. Without a window that is kept there is no floor, nor after a reset until a window is
# measured again; from then on the next window counts, as those that are kept may all be later.
_FLOOR = """
SELECT least(
    (SELECT min(w.first_pane) FROM tidegauge.window_run w
     WHERE w.monitor = c.monitor AND w.layout = c.layout) - $2,
    c.closed + 1 - $2 - (SELECT max(w.last_pane - w.first_pane) FROM tidegauge.window_run w
                         WHERE w.monitor = c.monitor AND w.layout = c.layout),
    coalesce((SELECT min(p.pane) FROM tidegauge.pending_row p WHERE p.monitor = c.monitor), c.closed)
)
FROM tidegauge.checkpoint c
WHERE c.monitor = $1 AND c.closed IS NOT NULL
  AND EXISTS (SELECT FROM tidegauge.window_run w WHERE w.monitor = c.monitor AND w.layout = c.layout)
"""

# Said before the first pane goes: a cycle that has read panes meanwhile looks for this afterwards.
_KEPT_FROM = """
UPDATE tidegauge.checkpoint SET kept_from = greatest(coalesce(kept_from, $2), $2)
WHERE monitor = $1 AND EXISTS (SELECT FROM tidegauge.pane WHERE monitor = $1 AND key < $2)
"""

_PANES = """
DELETE FROM tidegauge.pane WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM tidegauge.pane WHERE monitor = $1 AND key < $2 LIMIT $3
))
"""


async def drop_panes(
    pool: asyncpg.Pool, panes_behind: Mapping[str, int], fences: Fences | None = None
) -> int:
    """Delete the panes that no kept window has and none to come can need; return how many.

    `panes_behind` says, by monitor, how many panes before a window its reference has; a monitor that is not
    in it, such as one with an expanding reference, keeps all. So does one whose lease is not among `fences`:
    its holder knows best how many it needs. To be called after `drop_older`. Raises StoreError.
    """
    dropped = 0
    with translated("drop old panes"):
        for monitor, behind in list(panes_behind.items()):  # files may change meanwhile
            if fences is not None and fences.fence(monitor) is None:
                continue
            try:
                dropped += await _drop_panes_of(pool, monitor, behind, fences)
            except LeaseLostError:
                continue  # its new holder does it
    return dropped


async def _drop_panes_of(pool: asyncpg.Pool, monitor: str, behind: int, fences: Fences | None) -> int:
    async with held_transaction(pool, monitor, fences) as connection:
        floor = await connection.fetchval(_FLOOR, monitor, behind)
        if floor is None:
            return 0
        await connection.execute(_KEPT_FROM, monitor, floor)
    dropped, count = 0, BATCH
    while count == BATCH:
        async with held_transaction(pool, monitor, fences) as connection:
            count = int((await connection.execute(_PANES, monitor, floor, BATCH)).removeprefix("DELETE "))
        dropped += count
    return dropped


async def drop_older(pool: asyncpg.Pool, days: int, duty: Fence | None = None) -> list[str]:
    """Drop the sample partitions that ended over `days` days ago, and delete older rows of other tables.

    Samples go by the month, so up to a month more is kept. Returns the names of the partitions dropped.
    Raises LeaseLostError where the `duty` that is named RETENTION was lost (None: there is one process), and
    StoreError where `days` is under 1 or the database refuses; what was dropped by then stays so.
    """
    if days < 1:
        raise StoreError(f"retention of {days} days; expected 1 or more")
    with translated("drop old measurements"):
        async with pool.acquire() as connection:
            cutoff: datetime = await connection.fetchval("SELECT now() - $1::interval", timedelta(days=days))
            names = [row["relname"] for row in await connection.fetch(_PARTITIONS)]
            old = _ended_before(names, cutoff)
            for name in old:
                async with connection.transaction():
                    await _hold(connection, duty)
                    await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
                    await connection.execute(f'DROP TABLE tidegauge."{name}"')
            month = cutoff.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            for table, statement in _DELETES.items():
                await _delete(connection, statement, month if table == "window_run" else cutoff, duty)
    return old


def _ended_before(names: Iterable[str], cutoff: datetime) -> list[str]:
    limit = (cutoff.year, cutoff.month)
    months = {name: tuple(int(part) for part in name.split("_")[1:]) for name in names}
    return [name for name, month in months.items() if month < limit]


async def _delete(
    connection: asyncpg.Connection, statement: str, before: datetime, duty: Fence | None
) -> None:
    done = f"DELETE {BATCH}"
    while done == f"DELETE {BATCH}":
        async with connection.transaction():
            await _hold(connection, duty)
            done = await connection.execute(statement, before, BATCH)


async def _hold(connection: asyncpg.Connection, duty: Fence | None) -> None:
    if duty is not None:
        await hold_duty(connection, RETENTION, duty)
