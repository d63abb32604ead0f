"""The table `inbox_audit`: the sums of the rows and labels that were sent, by what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.inbox import BatchKind
from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of_signed
from service.store.driver_errors import translated
from service.store.encoding import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from service.core.inbox import Spooled
    from service.core.rows.inbox_change import InboxChange

# What cycles say of rows and labels, and what panes that were deleted leave behind: see the trigger on pane.
_COUNTED = ("measured", "rejected", "attached_labels", "rejected_labels")
_PARTS = ("rows", "ids", "mixed")
_MODULUS = 18446744073709551616

_NAMES = [f"{term}_{part}" for term in _COUNTED for part in _PARTS]
_COUNT = f"""
INSERT INTO tidegauge.inbox_audit AS a (monitor, {", ".join(_NAMES)})
VALUES ($1, {", ".join(f"${place}" for place in range(2, len(_NAMES) + 2))})
ON CONFLICT (monitor) DO UPDATE SET
    {", ".join(f"{name} = mod(a.{name} + excluded.{name}, {_MODULUS})" for name in _NAMES)}
"""  # noqa: S608  # the names are those above

_READ = f"""
SELECT {", ".join(_NAMES)}, deleted_rows, deleted_ids, deleted_mixed
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

_AHEAD = "SELECT identity FROM tidegauge.inbox_label WHERE monitor = $1"

_MONITORS = """
SELECT monitor FROM tidegauge.inbox_audit UNION SELECT monitor FROM tidegauge.inbox_batch
UNION SELECT monitor FROM tidegauge.inbox_label ORDER BY monitor
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

    - `rows`: the sums of rows, by term: see `ROW_TERMS`
    - `labels`: those of labels, by term: see `LABEL_TERMS`
    - `measured`: the rows that cycles say they measured, which are those in panes
    """

    rows: dict[str, IdSums]
    labels: dict[str, IdSums]
    measured: IdSums = NO_ROWS

    def total(self, kind: BatchKind) -> IdSums:
        """All rows, or all labels."""
        terms = self.rows if kind is BatchKind.ROWS else self.labels
        return sum(terms.values(), start=NO_ROWS)

    @property
    def in_panes(self) -> IdSums:
        """The rows in panes that are kept, and in those that were deleted."""
        return self.rows["in panes"] + self.rows["in deleted panes"]


async def count(connection: asyncpg.Connection, monitor: str, changed: InboxChange) -> None:
    """Add what a cycle measured, attached and rejected."""
    sums = (changed.measured, changed.rejected, changed.attached_labels, changed.rejected_labels)
    if any(each.rows for each in sums):
        numbers = [number for each in sums for number in (each.rows, each.ids, each.mixed)]
        await connection.execute(_COUNT, monitor, *numbers)


async def monitors(pool: asyncpg.Pool) -> list[str]:
    """Return the monitors to which rows or labels were sent, by name. Raises StoreError."""
    with translated("read to which monitors rows were sent"):
        return [row["monitor"] for row in await pool.fetch(_MONITORS)]


async def read(
    pool: asyncpg.Pool,
    monitor: str,
    sums: Callable[[bytes], IdSums],
    spooled: Sequence[Spooled] = (),
) -> Account:
    """Return a monitor's account; `sums` returns those of a batch's payload. Raises StoreError.

    `spooled` are the requests in files of the spool, of all monitors, read before this is called: those that
    the database has kept meanwhile are not counted again.
    """
    with translated(f"{monitor}: read what became of its rows"):
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            row = await connection.fetchrow(_READ, monitor)
            numbers = [0] * (3 * len(_COUNTED) + 3) if row is None else [int(number) for number in row]
            measured, rejected, attached, rejected_labels, deleted = (
                IdSums(*numbers[first : first + 3]) for first in range(0, len(numbers), 3)
            )
            panes = await connection.fetchrow(_PANES, monitor)
            waiting = await _waiting(connection, monitor, sums)
            ahead = [found["identity"] for found in await connection.fetch(_AHEAD, monitor)]
            left = await _left(connection, monitor, spooled)
    return Account(
        {
            "in panes": IdSums(*(int(number) for number in panes)),
            "in deleted panes": deleted,
            "rejected": rejected,
            "waiting": waiting[BatchKind.ROWS],
            "on disk": left[BatchKind.ROWS],
        },
        {
            "attached": attached,
            "rejected": rejected_labels,
            "ahead of rows": sums_of_signed(ahead),
            "waiting": waiting[BatchKind.LABELS],
            "on disk": left[BatchKind.LABELS],
        },
        measured,
    )


async def _waiting(
    connection: asyncpg.Connection, monitor: str, sums: Callable[[bytes], IdSums]
) -> dict[BatchKind, IdSums]:
    found, last = dict.fromkeys(BatchKind, NO_ROWS), 0
    while batches := await connection.fetch(_WAITING, monitor, last):
        for batch in batches:
            refused = IdSums(batch["rejected"], int(batch["rejected_ids"]), int(batch["rejected_mixed"]))
            found[BatchKind(batch["kind"])] += sums(batch["payload"]) + refused
        last = batches[-1]["id"]
    return found


async def _left(
    connection: asyncpg.Connection, monitor: str, spooled: Sequence[Spooled]
) -> dict[BatchKind, IdSums]:
    """Return the sums of a monitor's requests in the spool that the database has not kept."""
    transactions = sorted({each.transaction for each in spooled if each.transaction is not None})
    committed = {row["id"] for row in await connection.fetch(_COMMITTED, transactions)}
    unknown = [each for each in spooled if each.transaction not in committed]
    # A file that was refused as a whole is kept request by request, each under the file's name and its place.
    places: dict[str, int] = {}
    named = []
    for each in unknown:
        place = places[each.file] = places.get(each.file, -1) + 1
        named.append((each, f"{each.file}:{place}"))
    names = [*places, *(name for _, name in named)]
    kept = {row["key"] for row in await connection.fetch(_FILES, names)}
    own = [
        each for each, name in named if each.monitor == monitor and each.file not in kept and name not in kept
    ]
    keys = [text(each.key) for each in own if each.key is not None]
    known = {(row["kind"], row["key"], row["digest"]) for row in await connection.fetch(_KEYS, monitor, keys)}
    found = dict.fromkeys(BatchKind, NO_ROWS)
    for each in own:
        if each.key is not None:
            name = (each.kind.value, text(each.key), each.digest)
            if name in known:
                continue
            known.add(name)
        found[each.kind] += each.sums
    return found
