"""Rows that wait for their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.labels.pending_rows import PendingRows
from service.core.time_units import to_microseconds
from service.store.encoding import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.cycle_record import LabelRecord

_READ = """
SELECT identity, pane, event_time, payload FROM tidegauge.pending_row
WHERE monitor = $1 AND identity = ANY($2::bigint[])
ORDER BY event_time, identity, payload
"""

_LABELLED = "DELETE FROM tidegauge.pending_row WHERE monitor = $1 AND identity = ANY($2::bigint[])"

_GIVEN_UP = "DELETE FROM tidegauge.pending_row WHERE monitor = $1 AND event_time < $2"

_FORGET = "DELETE FROM tidegauge.pending_row WHERE monitor = $1"

_LABELLED_IDS = """
SELECT DISTINCT identity FROM tidegauge.labelled_id WHERE monitor = $1 AND identity = ANY($2::bigint[])
"""

_KEEP_LABELLED = """
INSERT INTO tidegauge.labelled_id (monitor, identity, event_us)
SELECT $1, l.* FROM unnest($2::bigint[], $3::bigint[]) l
"""

_FORGET_LABELLED = "DELETE FROM tidegauge.labelled_id WHERE monitor = $1 AND event_us < $2"

_FORGET_ALL_LABELLED = "DELETE FROM tidegauge.labelled_id WHERE monitor = $1"

_INSERT = """
INSERT INTO tidegauge.pending_row (monitor, identity, pane, event_time, payload)
SELECT $1, p.* FROM unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[]) p
"""


async def read(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, identity: Sequence[int]
) -> PendingRows:
    """Return the rows that wait under one of these ids."""
    rows = await connection.fetch(_READ, monitor, identity)
    return PendingRows(
        np.array([row["identity"] for row in rows], dtype=np.int64).view(np.uint64),
        np.array([row["pane"] for row in rows], dtype=np.int64),
        np.array([to_microseconds(row["event_time"]) for row in rows], dtype=np.int64),
        tuple(row["payload"] for row in rows),
    )


async def forget(connection: asyncpg.Pool | asyncpg.Connection, monitor: str) -> None:
    """Delete every row of a monitor, and the ids of those that have their label."""
    await connection.execute(_FORGET, monitor)
    await connection.execute(_FORGET_ALL_LABELLED, monitor)


async def labelled(
    connection: asyncpg.Pool | asyncpg.Connection, monitor: str, identity: Sequence[int]
) -> set[int]:
    """Return which of these ids have a row with a label."""
    return {row["identity"] for row in await connection.fetch(_LABELLED_IDS, monitor, identity)}


async def change(connection: asyncpg.Connection, monitor: str, labels: LabelRecord) -> int:
    """Take out rows that are labelled or waited too long, add new ones; return how many were given up."""
    if labels.identity:
        await connection.execute(_LABELLED, monitor, labels.identity)
    given_up = 0
    if labels.given_up_before is not None:
        done: str = await connection.execute(_GIVEN_UP, monitor, instant(labels.given_up_before))
        given_up = int(done.removeprefix("DELETE "))
        await connection.execute(_FORGET_LABELLED, monitor, labels.given_up_before)
    waiting = labels.waiting
    if len(waiting):
        await connection.execute(
            _INSERT,
            monitor,
            waiting.identity.view(np.int64).tolist(),
            waiting.panes.tolist(),
            [instant(when) for when in waiting.event_time.tolist()],
            waiting.payloads,
        )
    if labels.labelled is not None and len(labels.labelled):
        ids = labels.labelled.identity.view(np.int64).tolist()
        await connection.execute(_KEEP_LABELLED, monitor, ids, labels.labelled.event_time.tolist())
    return given_up
