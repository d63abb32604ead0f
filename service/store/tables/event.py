"""Events: breaches, recoveries, schema changes and other marks on charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.encoding import instant, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.event import Event

_INSERT = """
WITH kept AS (
    INSERT INTO tidegauge.event (monitor, at, kind, column_name, metric, message, details)
    SELECT $1, e.*
    FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[]) e
    RETURNING id
)
INSERT INTO tidegauge.webhook_outbox (event_id) SELECT id FROM kept WHERE $8
"""


async def append(
    connection: asyncpg.Connection, monitor: str, events: Sequence[Event], *, deliver: bool
) -> None:
    """Append `events` in one statement; with `deliver` also to the webhook's outbox."""
    if events:
        await connection.execute(
            _INSERT,
            monitor,
            [instant(event.at) for event in events],
            [text(event.kind) for event in events],
            [text(event.column) for event in events],
            [text(event.metric) for event in events],
            [text(event.message) for event in events],
            [event.details for event in events],
            deliver,
        )
