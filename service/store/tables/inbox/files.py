"""The table `taken_file`: which files of a source `files` cycles took, and how far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.rows.inbox_change import TakenFile
from service.store.driver_errors import translated
from service.store.encoding import text

if TYPE_CHECKING:
    import asyncpg

    from service.core.rows.inbox_change import InboxChange

_ALL = """
SELECT name, mark, size, done, is_whole, content, reason FROM tidegauge.taken_file WHERE monitor = $1
"""

_KEEP = """
INSERT INTO tidegauge.taken_file (monitor, name, mark, size, done, is_whole, content, reason)
SELECT $1, f.* FROM
    unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::boolean[], $7::text[], $8::text[]) f
ON CONFLICT (monitor, name) DO UPDATE SET
    mark = excluded.mark, size = excluded.size, done = excluded.done, is_whole = excluded.is_whole,
    content = excluded.content, reason = excluded.reason
"""

_FORGET = "DELETE FROM tidegauge.taken_file WHERE monitor = $1"


async def taken(pool: asyncpg.Pool, monitor: str) -> list[TakenFile]:
    """Return the files that cycles took. Raises StoreError."""
    with translated(f"{monitor}: read which files were taken"):
        rows = await pool.fetch(_ALL, monitor)
    return [TakenFile(*row) for row in rows]


async def change(connection: asyncpg.Connection, monitor: str, changed: InboxChange) -> None:
    """Keep the files that a take took, and how far."""
    files = changed.files
    if changed.is_first_look:
        await connection.execute(_FORGET, monitor)
    if files:
        await connection.execute(
            _KEEP,
            monitor,
            [text(each.name) for each in files],
            [each.mark for each in files],
            [each.size for each in files],
            [each.done for each in files],
            [each.is_whole for each in files],
            [each.content for each in files],
            [text(each.reason) for each in files],
        )
