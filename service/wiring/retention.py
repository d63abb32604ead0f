"""Drop what is older than the settings' retention, again and again in the background."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from service.errors import LeaseLostError, StoreError
from service.runtime.background_task import background
from service.store.retention import drop_older, drop_panes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import asyncpg

    from service.core.sharing import Fence
    from service.store.leases.fence import Fences

log = structlog.get_logger(__name__)

RETENTION_SECONDS = 3_600.0


@asynccontextmanager
async def retention(
    pool: asyncpg.Pool,
    days: int | None,
    behind: Mapping[str, int] = MappingProxyType({}),
    *,
    fences: Fences | None = None,
    duty: Callable[[], Fence | None] | None = None,
    pause_seconds: float = RETENTION_SECONDS,
) -> AsyncIterator[None]:
    """Drop what is older than `days`, every `pause_seconds` while the context lasts; None: keep all.

    `behind` and `fences` are what `drop_panes` asks for. What is not of one monitor is dropped only while
    `duty` returns a fence, where it is given.
    """
    if days is None:
        yield
        return

    async def drop() -> None:
        fence = None if duty is None else duty()
        if duty is None or fence is not None:
            await drop_older(pool, days, fence)
        await drop_panes(pool, behind, fences)

    async with background(_forever(drop, pause_seconds), name="retention"):
        yield


async def _forever(drop: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
    while True:
        try:
            await drop()
        except LeaseLostError as error:
            log.info("retention handed over", hint=str(error))
        except StoreError as error:
            log.warning("retention failed", error=str(error), retry_seconds=pause_seconds)
        await asyncio.sleep(pause_seconds)
