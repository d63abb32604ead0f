"""Connections of the service's own pool, for sources whose rows are in the same database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg


class OwnDatabase:
    """Lends connections of a pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Take the service's pool."""
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Give a connection, and take it back."""
        async with self._pool.acquire() as connection:
            yield connection
