"""Which database is used: that of the settings, or the server that we bring."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import structlog

from service.errors import StoreError
from service.store.connection_errors import is_lost
from service.store.embedded.server import EmbeddedServer
from service.store.pool import LARGEST, open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import asyncpg

    from service.config.settings import Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")

LEASE_CONNECTIONS = 2
RETRY_SECONDS = 1.0
MIN_CONNECTIONS = 2
EMBEDDED = 64  # of the embedded server's connections, those that processes may share


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool on the database of the settings, or on the embedded server, started where it must."""
    async with server_of(settings) as dsn, pool_on(dsn, settings) as pool:
        yield pool


@asynccontextmanager
async def server_of(settings: Settings) -> AsyncIterator[str]:
    """Give the URL of the settings' database, or of the embedded server, started where it must."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    async with EmbeddedServer(settings.data_dir) as server:
        yield server.dsn


@asynccontextmanager
async def pool_on(
    dsn: str, settings: Settings, *, largest: int = LARGEST, wait_seconds: float = 30.0
) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool of `largest` connections at most.

    Waits up to `wait_seconds` for a server that is not up yet.
    """
    limit = largest if settings.database_url is not None else min(largest, EMBEDDED // settings.workers)
    async with AsyncExitStack() as stack:
        pool = await open_pool(
            dsn,
            statement_cache=settings.database_statement_cache,
            largest=max(limit, MIN_CONNECTIONS),
            wait_seconds=wait_seconds,
        )
        stack.push_async_callback(pool.close)
        yield pool


async def patiently(step: Callable[[], Awaitable[T]], wait_seconds: float) -> T:
    """Return what a step of the start gives; it is taken again, that long, where its database goes away."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return await step()
        except StoreError as error:
            if not is_lost(error) or time.monotonic() > deadline:
                raise
            log.warning("database lost during the start", reason=str(error), retry_seconds=RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)
