"""Checkpoints: how far each monitor is, and the lock that lets a cycle count once."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from service.core.checkpoint import Checkpoint
from service.core.labels.matching import LabelMatching
from service.core.labels.remeasure import LabelProgress
from service.core.time_units import to_microseconds
from service.store.encoding import instant, text
from service.store.tables import pending_row

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

_READ = """
SELECT cycle, position, rows, watermark, closed, layout, alarms, detectors, labelling, ended, tolerances
FROM tidegauge.checkpoint WHERE monitor = $1
"""

_KEPT_FROM = "SELECT kept_from FROM tidegauge.checkpoint WHERE monitor = $1 AND layout = $2"

_FORGET_PANES = "DELETE FROM tidegauge.pane WHERE monitor = $1"

_BEGIN = """
INSERT INTO tidegauge.checkpoint
    (monitor, cycle, position, rows, watermark, closed, layout, alarms, detectors, labelling, ended,
     tolerances)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (monitor) DO NOTHING
RETURNING updated_at
"""

_FOLLOW = """
UPDATE tidegauge.checkpoint
SET cycle = $2, position = $3, rows = $4, watermark = $5, closed = $6, layout = $7, alarms = $8,
    detectors = $9, labelling = $10, ended = $11, tolerances = $12, updated_at = now(),
    kept_from = CASE WHEN layout = $7 THEN kept_from END
WHERE monitor = $1 AND cycle = $2 - 1
RETURNING updated_at
"""


async def read(connection: asyncpg.Pool | asyncpg.Connection, monitor: str, layout: str) -> Checkpoint:
    """Return the checkpoint of `monitor`, a fresh one where it never committed.

    With another layout the source continues at its position and the panes start afresh: stored panes of other
    layouts are deleted, and so are the rows that wait for labels, which those panes count.
    """
    row = await connection.fetchrow(_READ, monitor)
    if row is None:
        return Checkpoint()
    is_same = row["layout"] == text(layout)
    if not is_same:
        await connection.execute(_FORGET_PANES, monitor)
        await pending_row.forget(connection, monitor)
    return Checkpoint(
        cycle=row["cycle"],
        position=row["position"],
        rows=row["rows"],
        watermark=None if row["watermark"] is None else to_microseconds(row["watermark"]),
        closed=row["closed"] if is_same else None,
        alarms=row["alarms"],
        detectors=row["detectors"],
        tolerances=row["tolerances"],
        labelling=_labelling(row["labelling"]) if is_same else LabelProgress(),
        ended=row["ended"],
    )


async def kept_from(connection: asyncpg.Pool | asyncpg.Connection, monitor: str, layout: str) -> int | None:
    """Return the pane before which retention has dropped some of `layout`; None: it has dropped none."""
    found: int | None = await connection.fetchval(_KEPT_FROM, monitor, text(layout))
    return found


async def advance(
    connection: asyncpg.Connection, monitor: str, layout: str, after: Checkpoint
) -> datetime | None:
    """Store `after` if it follows the stored cycle by exactly one; return the transaction's instant.

    None, and nothing is written, where it does not. Holds the monitor's row until the transaction ends, so
    that a second committer waits here and then finds the cycle done.
    """
    advanced: datetime | None = await connection.fetchval(
        _BEGIN if after.cycle == 1 else _FOLLOW,
        monitor,
        after.cycle,
        after.position,
        after.rows,
        None if after.watermark is None else instant(after.watermark),
        after.closed,
        text(layout),
        {text(series): seen for series, seen in after.alarms.items()},
        after.detectors,
        _stored(after.labelling),
        after.ended,
        after.tolerances,
    )
    return advanced


def _stored(progress: LabelProgress) -> dict[str, Any]:
    # The stored names are a contract with earlier checkpoints; they need not follow the attributes'.
    return {
        "again": progress.again,
        "reached": progress.reached,
        "judged": progress.alarmed_through,
        "matching": asdict(progress.matching),
    }


def _labelling(content: dict[str, Any]) -> LabelProgress:
    again = tuple((first, last) for first, last in content.get("again", ()))
    matching = LabelMatching(**content.get("matching", {}))
    return LabelProgress(again, content.get("reached"), content.get("judged"), matching)
