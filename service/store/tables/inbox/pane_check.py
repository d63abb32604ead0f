"""Whether stored panes hold the rows that they are said to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import asyncpg

PANES = """
SELECT layout, key, pane_start, rows, payload FROM tidegauge.pane
WHERE monitor = $1 AND (layout, key) > ($2, $3) ORDER BY layout, key LIMIT 50
"""
FIRST_KEY = -(2**63)


async def unlike(connection: asyncpg.Connection, monitor: str, rows_in: Callable[[bytes], int]) -> list[str]:
    """Return what is wrong with a monitor's panes; `rows_in` says how many rows a profile's bytes hold."""
    found = []
    async for pane in _panes(connection, monitor):
        try:
            held = rows_in(pane["payload"])
        except CodecError as error:
            found.append(f"the pane of {pane['pane_start'].isoformat()} cannot be read: {error}")
            continue
        if held != pane["rows"]:
            said = f"is said to hold {pane['rows']:,} rows, and its profile holds {held:,}"
            found.append(f"the pane of {pane['pane_start'].isoformat()} {said}")
    return found


async def _panes(connection: asyncpg.Connection, monitor: str) -> AsyncIterator[asyncpg.Record]:
    layout, key = "", FIRST_KEY
    while panes := await connection.fetch(PANES, monitor, layout, key):
        for pane in panes:
            yield pane
        layout, key = panes[-1]["layout"], panes[-1]["key"]
