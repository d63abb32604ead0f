"""The table `story`: what was said of each monitor in words. The view `stories` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.story import story
from service.store.driver_errors import translated
from service.store.encoding import text

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from service.core.story.story import Story

_IS_TOLD = "SELECT EXISTS (SELECT FROM tidegauge.story WHERE monitor = $1 AND told <> '')"

_TELL = """
INSERT INTO tidegauge.story (monitor, state, told) VALUES ($1, $2, $3)
ON CONFLICT (monitor) DO UPDATE SET state = excluded.state, told = excluded.told, told_at = excluded.told_at
WHERE story.state <> excluded.state OR story.told <> excluded.told
"""

_FAILED = """
INSERT INTO tidegauge.story (monitor, state, told, failing) VALUES ($1, 'waiting', '', $2)
ON CONFLICT (monitor) DO UPDATE SET failing = excluded.failing
WHERE story.failing IS DISTINCT FROM excluded.failing
"""

_ALL = "SELECT monitor, state, since, since_event_time, story FROM tidegauge.stories ORDER BY monitor"


@dataclass(frozen=True, slots=True)
class StoredStory:
    """A row of the view `stories`.

    - `state`: as the view `monitors` has it
    - `since`: when it began, by the clock; None where it is neither in alarm nor silent
    - `since_event_time`: when the oldest raised alarm began in event time
    """

    monitor: str
    state: str
    since: datetime | None
    since_event_time: datetime | None
    story: str


async def note_failed(connection: asyncpg.Pool | asyncpg.Connection, monitor: str, error: str) -> None:
    """Note that the last cycle failed."""
    await connection.execute(_FAILED, monitor, story.failing(text(error)))


async def is_told(connection: asyncpg.Connection, monitor: str) -> bool:
    """Return whether there is a story of the monitor."""
    found: bool = await connection.fetchval(_IS_TOLD, monitor)
    return found


async def write(connection: asyncpg.Connection, monitor: str, told: Story) -> None:
    """Write a monitor's story; a story that has not changed is not written again."""
    await connection.execute(_TELL, monitor, told.state.value, text(told.text))


async def read_all(pool: asyncpg.Pool) -> list[StoredStory]:
    """Return every monitor's story, by name. Raises StoreError."""
    with translated("read the stories"):
        return [StoredStory(**row) for row in await pool.fetch(_ALL)]
