"""The table `inbox_audit`: the sums of the rows and labels that were sent, by what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.inbox import BatchKind
from service.core.rows.id_sums import MODULUS, NO_ROWS, IdSums, sums_of_hashes
from service.errors import CodecError
from service.store.driver_errors import translated
from service.store.encoding import text
from service.store.tables.inbox import pane_check
from service.store.tables.monitors import rename as monitor_rename

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from service.core.inbox import Spooled
    from service.core.rows.inbox_change import InboxChange

    Sums = Callable[[BatchKind, bytes], IdSums]

# What cycles say; what panes that were deleted leave behind, `deleted`, is added by a trigger on pane.
_COUNTED = ("measured", "rejected", "duplicate", "attached_labels", "rejected_labels")
_PARTS = ("rows", "ids", "mixed")

_NAMES = [f"{term}_{part}" for term in _COUNTED for part in _PARTS]
_COUNT = f"""
INSERT INTO tidegauge.inbox_audit AS a (monitor, counts_events, {", ".join(_NAMES)})
VALUES ($1, $2, {", ".join(f"${place}" for place in range(3, len(_NAMES) + 3))})
ON CONFLICT (monitor) DO UPDATE SET
    counts_events = a.counts_events OR excluded.counts_events,
    {", ".join(f"{name} = mod(a.{name} + excluded.{name}, {MODULUS})" for name in _NAMES)}
"""  # noqa: S608  # the names are those above

_READ = f"""
SELECT counts_events, {", ".join(_NAMES)}, deleted_rows, deleted_ids, deleted_mixed
FROM tidegauge.inbox_audit WHERE monitor = $1
"""  # noqa: S608  # likewise

_PANES = """
SELECT coalesce(sum(rows), 0)::bigint AS rows, mod(coalesce(sum(ids), 0), 18446744073709551616) AS ids,
    mod(coalesce(sum(mixed), 0), 18446744073709551616) AS mixed
FROM tidegauge.pane WHERE monitor = $1
"""

_WAITING = """
SELECT id, kind, rejected, payload, rejected_ids, rejected_mixed FROM tidegauge.inbox_batch
WHERE monitor = $1 AND id > $2 ORDER BY id LIMIT 100
"""

_HALVES = """
SELECT id, payload FROM tidegauge.inbox_half WHERE monitor = $1 AND id > $2 ORDER BY id LIMIT 1000
"""

_AHEAD = "SELECT identity FROM tidegauge.inbox_label WHERE monitor = $1"

_MONITORS = """
SELECT monitor FROM tidegauge.inbox_audit
UNION SELECT monitor FROM tidegauge.inbox_batch
UNION SELECT monitor FROM tidegauge.inbox_half
UNION SELECT monitor FROM tidegauge.inbox_label
ORDER BY monitor
"""

_FILES = "SELECT key FROM tidegauge.inbox_key WHERE monitor = '' AND kind = 'spool' AND key = ANY($1::text[])"

# The status of a transaction that is still to come, after an older database was restored, cannot be asked.
_COMMITTED = """
SELECT t.id FROM unnest($1::text[]) AS t (id)
WHERE CASE WHEN t.id::xid8 < pg_snapshot_xmax(pg_current_snapshot())
    THEN pg_xact_status(t.id::xid8) = 'committed' ELSE false END
"""

_KEYS = """
SELECT k.kind, k.key, k.digest FROM tidegauge.inbox_key k WHERE k.monitor = $1 AND k.key = ANY($2::text[])
"""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of what was sent to a monitor, as of one instant.

    - `rows`: the sums of rows, or of events, by what became of them
    - `labels`: those of labels
    - `measured`: the rows or events that cycles say they measured
    - `counts_events`: whether the sums are of events, each of which may make several rows
    - `troubles`: what could not be read, or is not what it is said to be
    - `has_events`: whether events wait
    """

    rows: dict[str, IdSums]
    labels: dict[str, IdSums]
    measured: IdSums = NO_ROWS
    counts_events: bool = False
    troubles: tuple[str, ...] = ()
    has_events: bool = False

    @property
    def unit(self) -> BatchKind:
        """What the sums are of."""
        return BatchKind.EVENTS if self.counts_events or self.has_events else BatchKind.ROWS

    @property
    def total(self) -> IdSums:
        """All rows."""
        return sum(self.rows.values(), start=NO_ROWS)

    @property
    def total_labels(self) -> IdSums:
        """All labels."""
        return sum(self.labels.values(), start=NO_ROWS)

    @property
    def in_panes(self) -> IdSums:
        """The rows in panes that are kept, and in those that were deleted; events are not in panes."""
        if self.counts_events:
            return self.measured
        return self.rows["in panes"] + self.rows["in deleted panes"]

    @property
    def rejected(self) -> IdSums:
        """Those that could not be used, or came too late."""
        return self.rows["rejected"]

    @property
    def duplicates(self) -> IdSums:
        """Those whose ids had been counted before."""
        return self.rows["duplicates"]

    @property
    def waiting(self) -> IdSums:
        """Those that wait for a cycle, whether they can be used or not."""
        return self.rows["waiting"]

    @property
    def halves(self) -> IdSums:
        """Events that wait for their other halves."""
        return self.rows["half a pair"]


async def count(connection: asyncpg.Connection, monitor: str, changed: InboxChange) -> None:
    """Add what a cycle measured, rejected, found to be counted already, and attached to rows."""
    sums = (
        changed.measured,
        changed.rejected,
        changed.duplicates,
        changed.attached_labels,
        changed.rejected_labels,
    )
    if any(each.rows for each in sums):
        numbers = [number for each in sums for number in (each.rows, each.ids, each.mixed)]
        await connection.execute(_COUNT, monitor, changed.counts_events, *numbers)


async def monitors(pool: asyncpg.Pool) -> list[str]:
    """Return the monitors to which rows or labels were sent, by name. Raises StoreError."""
    with translated("read to which monitors rows were sent"):
        return [row["monitor"] for row in await pool.fetch(_MONITORS)]


async def read(
    pool: asyncpg.Pool,
    monitor: str,
    sums: Sums,
    spooled: Sequence[Spooled] = (),
    *,
    rows_in: Callable[[bytes], int] | None = None,
) -> Account:
    """Return a monitor's account; `sums` returns those of a batch's payload. Raises StoreError.

    With `rows_in`, which returns how many rows a pane's bytes hold, each pane is looked into. `spooled`
    are the requests in files of the spool, of all monitors, read before this is called: those that the
    database has kept meanwhile are not counted again.
    """
    with translated(f"{monitor}: read what became of its rows"):
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            counts_events, counted = await _counted(connection, monitor)
            measured, rejected, duplicates, attached, rejected_labels, deleted = counted
            panes = await connection.fetchrow(_PANES, monitor)
            waiting, troubles = await _waiting(connection, monitor, sums)
            halves = await _halves(connection, monitor, sums)
            ahead = [row["identity"] % MODULUS for row in await connection.fetch(_AHEAD, monitor)]
            left = await _left(connection, monitor, spooled)
            if rows_in is not None:
                troubles += await pane_check.unlike(connection, monitor, rows_in)
    in_panes = IdSums(*(int(number) for number in panes))
    return Account(
        {
            **(
                {"measured": measured}
                if counts_events
                else {"in panes": in_panes, "in deleted panes": deleted}
            ),
            "rejected": rejected,
            "duplicates": duplicates,
            "half a pair": halves,
            "waiting": waiting[BatchKind.ROWS] + waiting[BatchKind.EVENTS],
            "on disk": left[BatchKind.ROWS] + left[BatchKind.EVENTS],
        },
        {
            "attached": attached,
            "rejected": rejected_labels,
            "ahead of rows": sums_of_hashes(ahead),
            "waiting": waiting[BatchKind.LABELS],
            "on disk": left[BatchKind.LABELS],
        },
        measured,
        counts_events,
        tuple(troubles),
        bool(halves.rows or waiting[BatchKind.EVENTS].rows or left[BatchKind.EVENTS].rows),
    )


async def _counted(connection: asyncpg.Connection, monitor: str) -> tuple[bool, list[IdSums]]:
    row = await connection.fetchrow(_READ, monitor)
    if row is None:
        return False, [NO_ROWS] * (len(_COUNTED) + 1)
    numbers = [int(number) for number in list(row.values())[1:]]
    sums = [IdSums(*numbers[first : first + len(_PARTS)]) for first in range(0, len(numbers), len(_PARTS))]
    return row["counts_events"], sums


async def _waiting(
    connection: asyncpg.Connection, monitor: str, sums: Sums
) -> tuple[dict[BatchKind, IdSums], list[str]]:
    found, troubles, last = dict.fromkeys(BatchKind, NO_ROWS), list[str](), 0
    while batches := await connection.fetch(_WAITING, monitor, last):
        for batch in batches:
            kind = BatchKind(batch["kind"])
            refused = IdSums(batch["rejected"], int(batch["rejected_ids"]), int(batch["rejected_mixed"]))
            try:
                found[kind] += sums(kind, batch["payload"]) + refused
            except CodecError as error:
                troubles.append(f"batch {batch['id']} of the inbox is not counted: {error}")
        last = batches[-1]["id"]
    return found, troubles


async def _halves(connection: asyncpg.Connection, monitor: str, sums: Sums) -> IdSums:
    found, last = NO_ROWS, 0
    while halves := await connection.fetch(_HALVES, monitor, last):
        found += sum((sums(BatchKind.EVENTS, each["payload"]) for each in halves), NO_ROWS)
        last = halves[-1]["id"]
    return found


async def _left(
    connection: asyncpg.Connection, monitor: str, spooled: Sequence[Spooled]
) -> dict[BatchKind, IdSums]:
    """Return the sums of a monitor's requests in the spool that the database has not kept."""
    transactions = sorted({each.transaction for each in spooled if each.transaction is not None})
    committed = {row["id"] for row in await connection.fetch(_COMMITTED, transactions)}
    # A file that was refused as a whole is kept request by request, each under the file's name and its place.
    places: dict[str, int] = {}
    named: list[tuple[Spooled, str]] = []
    for each in spooled:
        if each.transaction not in committed:
            place = places[each.file] = places.get(each.file, -1) + 1
            named.append((each, f"{each.file}:{place}"))
    names = [*places, *(name for _, name in named)]
    kept = {row["key"] for row in await connection.fetch(_FILES, names)}
    renames = await monitor_rename.read(connection)
    own = [
        each
        for each, name in named
        if each.file not in kept
        and name not in kept
        and monitor_rename.current_name(each.monitor, each.received, renames) == monitor
    ]
    return _once(own, await _known(connection, monitor, own))


async def _known(
    connection: asyncpg.Connection, monitor: str, spooled: Sequence[Spooled]
) -> dict[tuple[str, str], bytes]:
    keys = [text(each.key) for each in spooled if each.key is not None]
    return {(row["kind"], row["key"]): row["digest"] for row in await connection.fetch(_KEYS, monitor, keys)}


def _once(spooled: Sequence[Spooled], known: dict[tuple[str, str], bytes]) -> dict[BatchKind, IdSums]:
    """Return the sums of requests, each key once; other content under a known key is kept all the same."""
    found = dict.fromkeys(BatchKind, NO_ROWS)
    for each in spooled:
        sums = each.sums
        if each.key is not None:
            digest = known.setdefault((each.kind.value, text(each.key)), b"")
            if digest == each.digest:
                continue
            if digest and each.instead is not None:
                sums = each.instead
            known[each.kind.value, text(each.key)] = digest or each.digest
        found[each.kind] += sums
    return found
