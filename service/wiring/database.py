"""Which database is used: that of the settings, or the server that we bring."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from service.store.embedded.server import EmbeddedServer
from service.store.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from service.config.settings import Settings


@asynccontextmanager
async def database(settings: Settings, *, wait_seconds: float = 30.0) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool on the database of the settings, or on the embedded server, started where it must.

    Waits up to `wait_seconds` for a server that is not up yet.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is None:
            server = await stack.enter_async_context(EmbeddedServer(settings.data_dir))
            dsn = server.dsn
        else:
            dsn = settings.database_url.get_secret_value()
        pool = await open_pool(
            dsn, statement_cache=settings.database_statement_cache, wait_seconds=wait_seconds
        )
        stack.push_async_callback(pool.close)
        yield pool
