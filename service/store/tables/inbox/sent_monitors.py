"""The table `sent_monitor`: monitor files that were sent, which every replica takes up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

_ALL = "SELECT monitor AS name, content, sent_by, sent_at FROM tidegauge.sent_monitor ORDER BY monitor"

_VERSIONS = "SELECT monitor, sent_at FROM tidegauge.sent_monitor"

_KEEP = """
INSERT INTO tidegauge.sent_monitor AS s (monitor, content, sent_by) VALUES ($1, $2, $3)
ON CONFLICT (monitor) DO UPDATE
    SET content = excluded.content, sent_by = excluded.sent_by, sent_at = clock_timestamp()
    WHERE s.content <> excluded.content
"""

_FORGET = "DELETE FROM tidegauge.sent_monitor WHERE monitor = $1"


@dataclass(frozen=True, slots=True)
class SentMonitor:
    """A monitor file that was sent: its text, by whom, and when."""

    name: str
    content: str
    sent_by: str
    sent_at: datetime

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        return f"sent by {self.sent_by}, {self.sent_at:%Y-%m-%d %H:%M} UTC"


async def read_all(executor: asyncpg.Pool | asyncpg.Connection) -> dict[str, SentMonitor]:
    """Return them by name. Raises StoreError."""
    with translated("read the monitors that were sent"):
        return {row["name"]: SentMonitor(**row) for row in await executor.fetch(_ALL)}


async def versions(pool: asyncpg.Pool) -> dict[str, datetime]:
    """Return when each was sent, which changes when it does. Raises StoreError."""
    with translated("look for monitors that were sent"):
        return {row["monitor"]: row["sent_at"] for row in await pool.fetch(_VERSIONS)}


async def keep(pool: asyncpg.Pool, name: str, content: str, sent_by: str) -> None:
    """Keep a monitor file; the same text again changes nothing. Raises StoreError."""
    with translated(f"{name}: keep the monitor that was sent"):
        await pool.execute(_KEEP, name, content, sent_by)


async def forget(connection: asyncpg.Connection, name: str) -> None:
    """Forget the monitor file that was sent for `name`."""
    await connection.execute(_FORGET, name)
