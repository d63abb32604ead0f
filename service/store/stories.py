"""Tell a monitor's story from what a transaction sees, and write it in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.story.facts import Facts
from service.core.story.newest import newest_window, raised_alarm, raised_names
from service.core.story.story import tell
from service.store import queries
from service.store.tables import story

if TYPE_CHECKING:
    import asyncpg


async def write_story(connection: asyncpg.Connection, monitor: str) -> None:
    """Write the story of a monitor as `connection`'s transaction sees its newest window and alarms."""
    latest = await queries.newest_window_in(connection, monitor)
    newest = newest_window(latest)
    names = raised_names(latest, newest)
    starts = await queries.raised(connection, monitor, names)
    alarms = [raised_alarm(name, start) for name, start in zip(names, starts, strict=True)]
    await story.write(connection, monitor, tell(Facts(newest=newest, alarms=alarms)))
