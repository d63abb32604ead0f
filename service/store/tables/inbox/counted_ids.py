"""The tables `counted_block` and `counted_id`: the ids of rows that counted, so that none counts twice.

A cycle's ids are one row of `counted_block`, which is held in memory too (`counted_memory.py`). Where a
monitor has too many of them, the oldest are moved to `counted_id`, a row each, which an index finds.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from service.core.deduplicate import CountedIds
from service.store.tables.inbox.counted_memory import CountedMemory, joined

if TYPE_CHECKING:
    import asyncpg
    from numpy.typing import NDArray

    from service.core.deduplicate import CountedChange

_VERSION = "SELECT cycle FROM tidegauge.checkpoint WHERE monitor = $1"

_BLOCKS = "SELECT number, ids FROM tidegauge.counted_block WHERE monitor = $1 ORDER BY number"

_HAS_OLDER = "SELECT EXISTS (SELECT FROM tidegauge.counted_id WHERE monitor = $1)"

_APPEND = """
INSERT INTO tidegauge.counted_block (monitor, newest_us, ids) VALUES ($1, $2, $3) RETURNING number
"""

_OLD_BLOCKS = "DELETE FROM tidegauge.counted_block WHERE monitor = $1 AND newest_us < $2"

_SPILLED_BLOCKS = "DELETE FROM tidegauge.counted_block WHERE monitor = $1 AND number <= $2"

_TAKE_BLOCKS = """
DELETE FROM tidegauge.counted_block WHERE monitor = $1 AND newest_us >= $2 RETURNING ids
"""

_ALL_BLOCKS = "DELETE FROM tidegauge.counted_block WHERE monitor = $1"

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


async def version(connection: asyncpg.Pool | asyncpg.Connection, monitor: str) -> int:
    """Return the version of a monitor's checkpoint; 0 where it has none."""
    found: int | None = await connection.fetchval(_VERSION, monitor)
    return found or 0


async def load(connection: asyncpg.Connection, monitor: str) -> CountedMemory:
    """Return the ids of all blocks; in a transaction that sees one instant."""
    memory = CountedMemory(
        await version(connection, monitor), has_older=await connection.fetchval(_HAS_OLDER, monitor)
    )
    for row in await connection.fetch(_BLOCKS, monitor):
        memory = memory.with_block(row["number"], _decoded(row["ids"]), None)
    return memory


async def older(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, identity: NDArray[np.uint64]
) -> CountedIds:
    """Return those of `counted_id` with one of these first hashes."""
    signed: list[int] = identity.view(np.int64).tolist()
    content: bytes | None = await connection.fetchval(_READ, monitor, signed)
    return _decoded(content or b"")


async def forget(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, since: int | None = None
) -> None:
    """Forget a monitor's ids, those of rows of a time from `since` on (UTC microseconds), or all."""
    if since is None:
        await connection.execute(_ALL_BLOCKS, monitor)
        await connection.execute(_ALL, monitor)
        return
    await connection.execute(_FROM, monitor, since)
    taken = await connection.fetch(_TAKE_BLOCKS, monitor, since)
    ids = joined([_decoded(row["ids"]) for row in taken])
    await _append(connection, monitor, ids.take(ids.event_time < since))


async def change(
    connection: asyncpg.Connection, monitor: str, changed: CountedChange, memory: CountedMemory | None
) -> CountedMemory | None:
    """Forget ids beyond the horizon, and remember those of a cycle's rows.

    Returns the memory as it is once this is committed, but for its version; None where there was none.
    """
    if changed.forget:
        await forget(connection, monitor)
        memory = CountedMemory(0)
    elif changed.before is not None:
        await connection.execute(_OLD_BLOCKS, monitor, changed.before)
        if memory is None or memory.has_older:
            await connection.execute(_OLD, monitor, changed.before)
    number = await _append(connection, monitor, changed.fresh)
    if memory is None:
        return None
    memory, parts = memory.with_block(number, changed.fresh, changed.before).spilled()
    for part in parts:
        await _copy(connection, monitor, part.ids)
    if parts:
        await connection.execute(_SPILLED_BLOCKS, monitor, parts[-1].last)
    return memory


async def _append(connection: asyncpg.Pool | asyncpg.Connection, monitor: str, ids: CountedIds) -> int:
    if not len(ids):
        return 0
    newest = int(ids.event_time.max())
    number: int = await connection.fetchval(_APPEND, monitor, newest, _encoded(ids))
    return number


async def _copy(connection: asyncpg.Connection, monitor: str, ids: CountedIds) -> None:
    await connection.copy_to_table(
        "counted_id",
        schema_name="tidegauge",
        columns=_COLUMNS,
        source=BytesIO(_binary(monitor, ids)),
        format="binary",
    )


def _encoded(ids: CountedIds) -> bytes:
    numbers = (ids.identity.view(np.int64), ids.check.view(np.int64), ids.event_time)
    return np.stack(numbers, axis=1).astype(">i8").tobytes()


def _decoded(content: bytes) -> CountedIds:
    held = np.frombuffer(content, dtype=">i8").astype(np.int64).reshape(-1, 3)
    first, second, at = (np.ascontiguousarray(held[:, place]) for place in range(3))
    return CountedIds(first.view(np.uint64), second.view(np.uint64), at)


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
