"""The table `monitor_rename`: which names monitors had, for what was accepted under one of them before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.time_units import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.inbox import Sent

_ADD = "INSERT INTO tidegauge.monitor_rename (old_name, new_name) VALUES ($1, $2)"

_ALL = "SELECT old_name, new_name, renamed_at FROM tidegauge.monitor_rename ORDER BY renamed_at"

# A rename waits for the drains that have looked for renames, and those that come later find it.
_NO_DRAIN = "LOCK TABLE tidegauge.monitor_rename IN EXCLUSIVE MODE"
_NO_RENAME = "LOCK TABLE tidegauge.monitor_rename IN ROW SHARE MODE"


async def add(connection: asyncpg.Connection, old: str, new: str) -> None:
    """Note a rename in the transaction that makes it, before anything is renamed."""
    await connection.execute(_NO_DRAIN)
    await connection.execute(_ADD, old, new)


async def under_current_names(connection: asyncpg.Connection, sent: Sequence[Sent]) -> list[Sent]:
    """Return requests under the names that their monitors have now; no monitor is renamed meanwhile.

    A name that was given to another monitor afterwards means the one that had it when the request came.
    """
    await connection.execute(_NO_RENAME)
    renames = await read(connection)
    found = []
    for each in sent:
        name = current_name(each.monitor, each.received, renames)
        found.append(each if name == each.monitor else _named(each, name))
    return found


async def read(connection: asyncpg.Connection) -> list[tuple[str, str, int]]:
    """Return the renames in order: the old name, the new one, and when (UTC microseconds)."""
    return [
        (row["old_name"], row["new_name"], to_microseconds(row["renamed_at"]))
        for row in await connection.fetch(_ALL)
    ]


def current_name(name: str, received: int, renames: Sequence[tuple[str, str, int]]) -> str:
    """Return the name that a monitor has now which had `name` when a request came (UTC microseconds)."""
    for old, new, renamed in renames:
        if renamed > received and old == name:
            name = new
    return name


def _named(sent: Sent, name: str) -> Sent:
    instead = None if sent.instead is None else replace(sent.instead, monitor=name)
    return replace(sent, monitor=name, instead=instead)
