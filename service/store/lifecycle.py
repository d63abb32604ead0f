"""Reset, remove, purge and rename a monitor, also while a service runs it.

Each begins with the monitor's checkpoint, which every commit writes first: a commit that comes meanwhile
waits, then finds that its cycle does not follow the stored one, and writes nothing. The next cycle starts
from what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.core.event import Event
from service.core.time_units import to_datetime, to_microseconds
from service.errors import StoreError
from service.store.driver_errors import translated
from service.store.stories import write_story
from service.store.tables import access_token, event, pending_row
from service.store.tables.inbox import counted_ids, sent_monitors
from service.store.tables.monitors import monitor as monitor_table
from service.store.tables.monitors import rename as monitor_rename

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import asyncpg

BATCH = 10_000  # rows per statement: locks stay short

# Every table that holds a monitor's name, whichever migration made it: a rename forgets none.
_TABLES = """
SELECT c.relname FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = 'tidegauge' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attname = 'monitor' AND NOT a.attisdropped
ORDER BY c.relname
"""

_SAMPLES = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'tidegauge.sample'::regclass ORDER BY c.relname
"""

_LOCK = "SELECT monitor, cycle, layout FROM tidegauge.checkpoint WHERE monitor = ANY($1::text[]) FOR UPDATE"

_RESET = """
UPDATE tidegauge.checkpoint
SET cycle = cycle + 1, position = $2, rows = $3, watermark = $4, closed = $5, alarms = '{}', detectors = '{}',
    labelling = '{}', tolerances = '{}', ended = false, updated_at = now(),
    kept_from = CASE WHEN $2::jsonb IS NOT NULL THEN kept_from END
WHERE monitor = $1
"""

# Rows and labels that were accepted and not measured yet: no history, and never lost.
_ACCEPTED = frozenset({"inbox_batch", "inbox_half", "inbox_label", "inbox_key"})

_SAME_KEYS = """
DELETE FROM tidegauge.inbox_key o USING tidegauge.inbox_key n
WHERE o.monitor = $1 AND n.monitor = $2 AND o.kind = n.kind AND o.key = n.key
"""

# FOR UPDATE: a commit that holds a lease is waited for, which a change of its holder alone would not do.
_LOCK_LEASES = "SELECT FROM tidegauge.lease WHERE monitor = ANY($1::text[]) ORDER BY monitor FOR UPDATE"

_FREE_LEASES = """
WITH freed AS (
    UPDATE tidegauge.lease SET holder = NULL, fence = nextval('tidegauge.fence') WHERE monitor = $1
)
DELETE FROM tidegauge.lease WHERE monitor = $2
"""

_SENT_FOR_BOTH = """
DELETE FROM tidegauge.sent_monitor n USING tidegauge.sent_monitor o WHERE o.monitor = $1 AND n.monitor = $2
"""

# The pane that holds an instant, else the first one after it.
_PANE = """
SELECT p.layout, p.key, p.pane_start FROM tidegauge.pane p
JOIN tidegauge.checkpoint c ON c.monitor = p.monitor AND c.layout = p.layout
WHERE p.monitor = $1 AND p.pane_end > $2 ORDER BY p.key LIMIT 1
"""

_BEFORE = """
SELECT c.rows - (SELECT coalesce(sum(p.rows), 0) FROM tidegauge.pane p
                 WHERE p.monitor = $1 AND p.layout = $2 AND p.key >= $3)::bigint AS rows,
       (SELECT CASE WHEN count(*) > 0 THEN least(c.closed, $3 - 1) END FROM tidegauge.pane p
        WHERE p.monitor = $1 AND p.layout = $2 AND p.key < $3) AS closed
FROM tidegauge.checkpoint c WHERE c.monitor = $1
"""

# The first window to be measured again holds as many panes before the instant as when it was measured.
_MISSING_PANES = """
SELECT run.panes - (SELECT count(*) FROM tidegauge.pane p
                    WHERE p.monitor = $1 AND p.layout = $2 AND p.key BETWEEN run.first_pane AND $3)
FROM tidegauge.window_run run
WHERE run.monitor = $1 AND run.layout = $2 AND run.last_pane = $3
ORDER BY run.revision DESC LIMIT 1
"""

_FIRST_PANE = "SELECT min(pane_start) FROM tidegauge.pane WHERE monitor = $1"


@dataclass(frozen=True, slots=True)
class FromPane:
    """The pane from which on a monitor is measured again; `start` in UTC microseconds."""

    layout: str
    key: int
    start: int


async def find_pane(pool: asyncpg.Pool, monitor: str, instant: datetime) -> FromPane | None:
    """Return the monitor's pane at `instant`, else the first after it, else None. Raises StoreError."""
    with translated(f"{monitor}: find the pane of a time"):
        row = await pool.fetchrow(_PANE, monitor, instant)
    return None if row is None else FromPane(row["layout"], row["key"], to_microseconds(row["pane_start"]))


async def reset(
    pool: asyncpg.Pool,
    monitor: str,
    *,
    begin: FromPane | None = None,
    position: dict[str, Any] | None = None,
    deliver_events: bool = False,
) -> bool:
    """Let the source be measured again from its start, or from `begin` and its `position`.

    What was measured stays; the same windows get a further revision. Returns False where the monitor never
    committed a cycle, so that there is nothing to measure again. Raises StoreError.
    """
    with translated(f"{monitor}: reset"):
        async with pool.acquire() as connection, connection.transaction():
            stored = await connection.fetchrow(_LOCK, [monitor])
            if stored is None:
                return False
            at = begin.start if begin else await _first_instant(connection, monitor)
            if begin is None:
                await connection.execute(_RESET, monitor, None, 0, None, None)
                await connection.execute("DELETE FROM tidegauge.pane WHERE monitor = $1", monitor)
            else:
                await _reset_from(connection, monitor, stored["layout"], begin, position)
            await pending_row.forget(connection, monitor)
            await counted_ids.forget(connection, monitor, None if begin is None else begin.start)
            since = "its start" if begin is None else f"{to_datetime(begin.start):%Y-%m-%d %H:%M} UTC"
            found = Event("reset", at, f"measured again from {since}, as `tidegauge monitor reset` asked")
            await event.append(connection, monitor, [found], deliver=deliver_events)
            await write_story(connection, monitor)
    return True


async def _reset_from(
    connection: asyncpg.Connection,
    monitor: str,
    layout: str,
    begin: FromPane,
    position: dict[str, Any] | None,
) -> None:
    place = monitor, begin.layout, begin.key
    if layout != begin.layout:
        raise StoreError(f"{monitor}: its columns or windows were edited meanwhile; try again")
    if (await connection.fetchval(_MISSING_PANES, *place) or 0) > 0:
        raise StoreError(
            f"{monitor}: its windows need panes before {to_datetime(begin.start)} that are no longer kept; "
            "expected a later --from, or none: from the start"
        )
    before = await connection.fetchrow(_BEFORE, *place)
    watermark = to_datetime(begin.start)
    await connection.execute(_RESET, monitor, position, before["rows"], watermark, before["closed"])
    await connection.execute(
        "DELETE FROM tidegauge.pane WHERE monitor = $1 AND (layout <> $2 OR key >= $3)", *place
    )


async def _first_instant(connection: asyncpg.Connection, monitor: str) -> int:
    first = await connection.fetchval(_FIRST_PANE, monitor)
    return to_microseconds(first or await connection.fetchval("SELECT now()"))


async def remove(pool: asyncpg.Pool, monitor: str, *, deliver_events: bool = False) -> None:
    """Take `monitor` out of the views `monitors` and `alarms`; its history stays.

    A monitor file that was sent for it is forgotten. Raises StoreError.
    """
    with translated(f"{monitor}: remove"):
        async with pool.acquire() as connection, connection.transaction():
            await monitor_table.set_removed(connection, monitor)
            await sent_monitors.forget(connection, monitor)
            now = to_microseconds(await connection.fetchval("SELECT now()"))
            found = Event("removed", now, "taken out of the monitors; its history stays")
            await event.append(connection, monitor, [found], deliver=deliver_events)


async def purge(pool: asyncpg.Pool, monitor: str, *, progress: Callable[[int], None] = lambda _: None) -> int:
    """Delete all that is kept of a removed monitor, in batches; return how many rows that were.

    `progress` is called with the rows deleted so far. Where it is interrupted, the next call goes on.
    Raises StoreError.
    """
    deleted = 0
    with translated(f"{monitor}: delete its history"):
        async with pool.acquire() as connection:
            # At once: no index finds a monitor's rows in batches.
            await counted_ids.forget(connection, monitor)
            for table, condition in await _to_delete(connection):
                statement = _delete(table, condition, BATCH)
                count = BATCH
                while count == BATCH:
                    done: str = await connection.execute(statement, monitor)
                    count = int(done.removeprefix("DELETE "))
                    deleted += count
                    progress(deleted)
    return deleted


async def rename(
    pool: asyncpg.Pool, old: str, new: str, *, replace: bool = False, deliver_events: bool = False
) -> None:
    """Give all that is kept of `old` to `new`, in one transaction; with `replace` what `new` has is deleted.

    Rows and labels that were accepted for `new` and wait for a cycle stay; those that were accepted for `old`
    and lie on a service's disk are kept for `new` when they are drained.

    Raises StoreError, also where `new` has a history of its own and is not to be replaced.
    """
    with translated(f"rename {old} to {new}"):
        async with pool.acquire() as connection, connection.transaction():
            # Leases before checkpoints, as a commit locks them.
            await connection.execute(_LOCK_LEASES, [old, new])
            await connection.execute(_FREE_LEASES, old, new)
            await monitor_rename.add(connection, old, new)
            cycles = [row["cycle"] for row in await connection.fetch(_LOCK, [old, new])]
            if replace:
                for table, condition in await _to_delete(connection):
                    if table not in _ACCEPTED:
                        await connection.execute(_delete(table, condition), new)
            await connection.execute(_SAME_KEYS, old, new)
            await connection.execute(_SENT_FOR_BOTH, old, new)
            await connection.execute("DELETE FROM tidegauge.monitor WHERE monitor = ANY($1)", [old, new])
            await connection.execute("DELETE FROM tidegauge.story WHERE monitor = $1", new)
            for table in await _tables(connection):
                await connection.execute(_rename(table), old, new)
            await access_token.rename_monitor(connection, old, new)
            # Follows neither's last cycle: a service that runs one of them starts from what is stored.
            await connection.execute(
                "UPDATE tidegauge.checkpoint SET cycle = $2 WHERE monitor = $1",
                new,
                max(cycles, default=0) + 1,
            )
            await connection.execute("INSERT INTO tidegauge.monitor (monitor) VALUES ($1)", new)
            now = to_microseconds(await connection.fetchval("SELECT now()"))
            found = Event("renamed", now, f"was named {old} until now")
            await event.append(connection, new, [found], deliver=deliver_events)


# The names of tables are the catalogue's own.


def _rename(table: str) -> str:
    return f'UPDATE tidegauge."{table}" SET monitor = $2 WHERE monitor = $1'  # noqa: S608


def _delete(table: str, condition: str, limit: int | None = None) -> str:
    if limit is None:
        return f'DELETE FROM tidegauge."{table}" WHERE {condition}'  # noqa: S608
    chosen = f'SELECT ctid FROM tidegauge."{table}" WHERE {condition} LIMIT {limit}'  # noqa: S608
    return f'DELETE FROM tidegauge."{table}" WHERE ctid = ANY(ARRAY({chosen}))'  # noqa: S608


async def _tables(connection: asyncpg.Connection) -> list[str]:
    return [row["relname"] for row in await connection.fetch(_TABLES)]


async def _to_delete(connection: asyncpg.Connection) -> Sequence[tuple[str, str]]:
    """Return the tables with which rows of $1 to delete, in an order in which no reference is left behind.

    The row of `monitor` comes last: an interrupted purge is known to be unfinished.
    """
    own = "monitor = $1"
    samples = "series_id IN (SELECT id FROM tidegauge.series WHERE monitor = $1)"
    partitions = [row["relname"] for row in await connection.fetch(_SAMPLES)]
    order = {"checkpoint": 0, "window_run": 2, "monitor": 4}
    tables = sorted(await _tables(connection), key=lambda table: order.get(table, 3))
    first = [table for table in tables if order.get(table) == 0]
    rest = [table for table in tables if order.get(table) != 0]
    return [
        *((table, own) for table in first),
        *((table, samples) for table in partitions),
        *((table, own) for table in rest),
    ]
