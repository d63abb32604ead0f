"""Find sessions whose locks on Tidegauge's tables others have to wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.store.driver_errors import translated

if TYPE_CHECKING:
    import asyncpg

LONG_SECONDS = 5.0
ASK_SECONDS = 5.0

# A lock that bars readers or writers, held for long, or that somebody has waited for long. How long another
# role's transaction runs is hidden from an ordinary role; how long a waiter waits is not.
_HELD = """
SELECT c.relname AS table_name, l.mode, l.pid, a.usename AS role, a.application_name,
    extract(epoch FROM greatest(
        clock_timestamp() - a.xact_start,
        (SELECT max(clock_timestamp() - w.waitstart) FROM pg_locks w
         WHERE NOT w.granted AND w.relation = l.relation AND w.pid <> l.pid)
    ))::float8 AS seconds
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE c.relnamespace = to_regnamespace('tidegauge') AND c.relkind IN ('r', 'p')
  AND l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
ORDER BY seconds DESC NULLS LAST, c.relname
"""


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock on a table that bars others, and the session that holds it (`seconds`: for at least so long)."""

    table: str
    mode: str
    pid: int
    role: str
    application: str
    seconds: float

    @property
    def message(self) -> str:
        """What is held by whom, and how to end it."""
        program = f", {self.application}" if self.application else ""
        return (
            f"{self.table} has been locked ({self.mode}) for {self.seconds:.0f} s by process {self.pid} "
            f"({self.role}{program}); end that session, or run SELECT pg_terminate_backend({self.pid})"
        )


async def held_locks(executor: asyncpg.Connection | asyncpg.Pool) -> list[HeldLock]:
    """Return locks on our tables that were held, or waited for, for long; the oldest first.

    Raises StoreError.
    """
    with translated("look for locks"):
        rows = await executor.fetch(_HELD, timeout=ASK_SECONDS)
    return [
        HeldLock(
            row["table_name"],
            row["mode"],
            row["pid"],
            row["role"] or "another role",
            row["application_name"] or "",
            row["seconds"],
        )
        for row in rows
        if row["seconds"] is not None and row["seconds"] >= LONG_SECONDS
    ]
