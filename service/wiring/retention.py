"""Drop what is older than the settings' retention, again and again in the background."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from service.errors import StoreError
from service.runtime.background_task import background
from service.store.retention import drop_older, drop_panes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import asyncpg

log = structlog.get_logger(__name__)

RETENTION_SECONDS = 3_600.0


@asynccontextmanager
async def retention(
    pool: asyncpg.Pool,
    days: int | None,
    behind: Mapping[str, int] = MappingProxyType({}),
    *,
    pause_seconds: float = RETENTION_SECONDS,
) -> AsyncIterator[None]:
    """Drop what is older than `days`, every `pause_seconds` while the context lasts; None: keep all.

    `behind` is what `drop_panes` asks for.
    """
    if days is None:
        yield
        return
    async with background(_drop_forever(pool, days, behind, pause_seconds), name="retention"):
        yield


async def _drop_forever(
    pool: asyncpg.Pool, days: int, behind: Mapping[str, int], pause_seconds: float
) -> None:
    while True:
        try:
            await drop_older(pool, days)
            await drop_panes(pool, behind)
        except StoreError as error:
            log.warning("retention failed", error=str(error), retry_seconds=pause_seconds)
        await asyncio.sleep(pause_seconds)
