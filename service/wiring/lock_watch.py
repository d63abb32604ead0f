"""Log locks on our tables that are held for long, each once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from service.errors import StoreError
from service.runtime.background_task import background
from service.store.held_locks import held_locks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 5.0


@asynccontextmanager
async def lock_watch(pool: asyncpg.Pool, *, pause_seconds: float = PAUSE_SECONDS) -> AsyncIterator[None]:
    """Look for such locks every `pause_seconds` while the context lasts."""
    async with background(_watch(pool, pause_seconds), name="lock watch"):
        yield


async def _watch(pool: asyncpg.Pool, pause_seconds: float) -> None:
    logged: set[tuple[int, str]] = set()
    while True:
        try:
            held = await held_locks(pool)
        except StoreError:
            held = []  # cycles and /readyz say that the database is away
        for lock in held:
            if (lock.pid, lock.table) not in logged:
                log.warning("table locked", table=lock.table, pid=lock.pid, hint=lock.message)
        logged = {(lock.pid, lock.table) for lock in held}
        await asyncio.sleep(pause_seconds)
