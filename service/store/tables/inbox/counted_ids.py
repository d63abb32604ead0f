"""The table `counted_id`: the ids of rows that counted, so that a row that comes again does not.

A row is fixed in width, so that a cycle's ids are copied as one array in the server's binary form.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from service.core.deduplicate import CountedIds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.deduplicate import CountedChange

# As one value: a record for each would take longer than finding them. Their order says nothing.
_READ = """
SELECT string_agg(int8send(identity) || int8send("check") || int8send(event_us), ''::bytea)
FROM tidegauge.counted_id WHERE monitor = $1 AND identity = ANY($2::bigint[])
"""

_OLD = "DELETE FROM tidegauge.counted_id WHERE monitor = $1 AND event_us < $2"

_FROM = "DELETE FROM tidegauge.counted_id WHERE monitor = $1 AND event_us >= $2"

_ALL = "DELETE FROM tidegauge.counted_id WHERE monitor = $1"

_COLUMNS = ("monitor", "identity", "check", "event_us")
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # no flags, no extension
_TRAILER = b"\xff\xff"


async def read(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, identity: Sequence[int]
) -> CountedIds:
    """Return what is remembered under one of these first hashes (signed)."""
    content: bytes | None = await connection.fetchval(_READ, monitor, identity)
    held = np.frombuffer(content or b"", dtype=">i8").astype(np.int64).reshape(-1, 3)
    first, second, at = (np.ascontiguousarray(held[:, place]) for place in range(3))
    return CountedIds(first.view(np.uint64), second.view(np.uint64), at)


async def forget(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, since: int | None = None
) -> None:
    """Forget a monitor's ids, those of rows of a time from `since` on (UTC microseconds), or all."""
    if since is None:
        await connection.execute(_ALL, monitor)
    else:
        await connection.execute(_FROM, monitor, since)


async def change(connection: asyncpg.Connection, monitor: str, changed: CountedChange) -> None:
    """Forget ids beyond the horizon, and remember those of a cycle's rows."""
    if changed.forget:
        await connection.execute(_ALL, monitor)
    elif changed.before is not None:
        await connection.execute(_OLD, monitor, changed.before)
    if len(changed.fresh):  # in the order of the index, which random ones would be scattered over
        await connection.copy_to_table(
            "counted_id",
            schema_name="tidegauge",
            columns=_COLUMNS,
            source=BytesIO(_binary(monitor, changed.fresh.take(np.argsort(changed.fresh.identity)))),
            format="binary",
        )


def _binary(monitor: str, ids: CountedIds) -> bytes:
    name = monitor.encode()
    rows = np.zeros(
        len(ids),
        dtype=[
            ("fields", ">i2"),
            ("name_bytes", ">i4"),
            ("name", f"S{len(name)}"),
            *((f"{column}_{part}", kind) for column in _COLUMNS[1:] for part, kind in _EIGHT_BYTES),
        ],
    )
    rows["fields"], rows["name_bytes"], rows["name"] = len(_COLUMNS), len(name), name
    numbers = (ids.identity.view(np.int64), ids.check.view(np.int64), ids.event_time)
    for column, values in zip(_COLUMNS[1:], numbers, strict=True):
        rows[f"{column}_bytes"], rows[f"{column}_value"] = 8, values
    return _HEADER + rows.tobytes() + _TRAILER


_EIGHT_BYTES = (("bytes", ">i4"), ("value", ">i8"))
