"""The panes' profiles, as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.time_units import to_microseconds
from service.core.windows.records import PaneRecord
from service.store.encoding import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

_READ = """
SELECT key, pane_start, pane_end, rows, payload, ids, mixed FROM tidegauge.pane
WHERE monitor = $1 AND layout = $2 AND key >= $3 AND key <= $4
ORDER BY key
LIMIT $5
"""

_READ_AT = """
SELECT key, pane_start, pane_end, rows, payload, ids, mixed FROM tidegauge.pane
WHERE monitor = $1 AND layout = $2 AND key = ANY($3::bigint[])
ORDER BY key
"""

_UPSERT = """
INSERT INTO tidegauge.pane (monitor, layout, key, pane_start, pane_end, rows, payload, ids, mixed)
SELECT $1, $2, p.*
FROM unnest($3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::bytea[], $8::numeric[],
            $9::numeric[]) p
ON CONFLICT (monitor, layout, key) DO UPDATE SET
    pane_start = excluded.pane_start, pane_end = excluded.pane_end,
    rows = excluded.rows, payload = excluded.payload, ids = excluded.ids, mixed = excluded.mixed
"""

LOWEST, HIGHEST = -(2**63), 2**63 - 1


async def read(
    connection: asyncpg.Pool | asyncpg.Connection,
    monitor: str,
    layout: str,
    first: int | None,
    last: int | None,
    *,
    limit: int | None = None,
) -> list[PaneRecord]:
    """Return the stored panes from key `first` to `last`, both included, ascending; None: no bound.

    With `limit` at most so many, the first ones.
    """
    rows = await connection.fetch(
        _READ, monitor, layout, LOWEST if first is None else first, HIGHEST if last is None else last, limit
    )
    return [_record(row) for row in rows]


async def read_at(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, layout: str, keys: Sequence[int]
) -> list[PaneRecord]:
    """Return the stored panes among `keys`, ascending."""
    return [_record(row) for row in await connection.fetch(_READ_AT, monitor, layout, keys)]


async def upsert(
    connection: asyncpg.Connection, monitor: str, layout: str, panes: Sequence[PaneRecord]
) -> None:
    """Write `panes` in one statement; a pane that is there already is replaced."""
    if not panes:
        return
    await connection.execute(
        _UPSERT,
        monitor,
        layout,
        [pane.key for pane in panes],
        [instant(pane.start) for pane in panes],
        [instant(pane.end) for pane in panes],
        [pane.rows for pane in panes],
        [pane.payload for pane in panes],
        [pane.ids for pane in panes],
        [pane.mixed for pane in panes],
    )


def _record(row: asyncpg.Record) -> PaneRecord:
    return PaneRecord(
        key=row["key"],
        start=to_microseconds(row["pane_start"]),
        end=to_microseconds(row["pane_end"]),
        rows=row["rows"],
        payload=row["payload"],
        ids=int(row["ids"]),
        mixed=int(row["mixed"]),
    )
