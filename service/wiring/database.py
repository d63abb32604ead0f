"""Which database is used: that of the settings, or the server that we bring."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from service.store.embedded.server import EmbeddedServer
from service.store.pool import LARGEST, open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from service.config.settings import Settings

LEASE_CONNECTIONS = 2
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
