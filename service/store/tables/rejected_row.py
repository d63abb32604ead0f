"""Rejected rows, as they came, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.encoding import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.core.rows.take import Reject

_INSERT = """
INSERT INTO tidegauge.rejected_row (monitor, reason, "row")
SELECT $1, r.* FROM unnest($2::text[], $3::jsonb[]) r
"""


async def append(connection: asyncpg.Connection, monitor: str, rejects: Sequence[Reject]) -> None:
    """Append `rejects` in one statement."""
    if rejects:
        await connection.execute(
            _INSERT, monitor, [text(reject.reason) for reject in rejects], [reject.row for reject in rejects]
        )
