"""The table `webhook_outbox`: events that a webhook has still to receive, entered with the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.store.driver_errors import translated
from service.store.leases.fence import hold_duty

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from service.core.sharing import Fence

WEBHOOK = "webhook"  # the duty
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 5, 3_600

# The attempt is entered before it is made: a service that dies on the way tries again after the delay, and
# two services on one database never try at once. Events go out in order: the oldest alone is claimed.
_CLAIM = """
WITH claimed AS (
    UPDATE tidegauge.webhook_outbox
    SET attempts = attempts + 1,
        next_attempt_at = now() + interval '1 second' * least($1 * 3.0 ^ least(attempts, 12), $2)
    WHERE event_id = (SELECT min(event_id) FROM tidegauge.webhook_outbox) AND next_attempt_at <= now()
    RETURNING event_id, attempts
)
SELECT e.id, e.monitor, e.at, e.recorded_at, e.kind, e.column_name, e.metric, e.message, e.details,
    claimed.attempts, coalesce(s.told, '') AS story
FROM claimed
JOIN tidegauge.event e ON e.id = claimed.event_id
LEFT JOIN tidegauge.story s ON s.monitor = e.monitor
"""

_WAIT = """
SELECT greatest(0, extract(epoch FROM next_attempt_at - clock_timestamp()))::float8
FROM tidegauge.webhook_outbox ORDER BY event_id LIMIT 1
"""

_REMOVE = "DELETE FROM tidegauge.webhook_outbox WHERE event_id = $1"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event that is to be posted, for the `attempts`-th time; `story` is its monitor's as of now."""

    id: int
    monitor: str
    at: datetime
    recorded_at: datetime
    kind: str
    column_name: str
    metric: str
    message: str
    details: dict[str, Any]
    attempts: int
    story: str


async def claim(pool: asyncpg.Pool, duty: Fence | None = None) -> Outgoing | None:
    """Return the oldest event in the outbox where its time has come; it comes again unless it is removed.

    Each try is three times as long after the one before as that was, from five seconds up to an hour. Raises
    LeaseLostError where another replica has the `duty` WEBHOOK (None: there is one process), and StoreError.
    """
    with translated("read the webhook's outbox"):
        async with pool.acquire() as connection, connection.transaction():
            if duty is not None:
                await hold_duty(connection, WEBHOOK, duty)
            row = await connection.fetchrow(_CLAIM, FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS)
    return None if row is None else Outgoing(**row)


async def seconds_to_next(pool: asyncpg.Pool) -> float | None:
    """Return how long it is until the oldest event's next try, None where there is no event.

    Raises StoreError.
    """
    with translated("read the webhook's outbox"):
        seconds: float | None = await pool.fetchval(_WAIT)
        return seconds


async def remove(pool: asyncpg.Pool, event: int, duty: Fence | None = None) -> None:
    """Strike an event out: a receiver took it, or none ever will. Raises LeaseLostError and StoreError."""
    with translated("write the webhook's outbox"):
        async with pool.acquire() as connection, connection.transaction():
            if duty is not None:
                await hold_duty(connection, WEBHOOK, duty)
            await connection.execute(_REMOVE, event)
