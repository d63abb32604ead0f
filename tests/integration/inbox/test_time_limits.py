"""How long a write to the inbox waits for the database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from service.core.inbox import BatchKind, Sent
from service.errors import StoreUnavailableError
from service.store.pool import open_pool
from service.store.tables.inbox import batches
from service.store.tables.inbox.batches import Inbox
from tests.integration.inbox.proxy import proxied

if TYPE_CHECKING:
    import asyncpg

SENT = Sent(
    monitor="toy",
    kind=BatchKind.ROWS,
    received=1,
    payload=b"x",
    rows=1,
    rejected=0,
    rejects=(),
    key=None,
    digest=b"",
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "APPEND_SECONDS", 0.2)


async def test_a_database_that_hangs_holds_no_sender_up(database_url: str) -> None:
    """It answers nothing, a rollback included: the connection is given up, and the rows go to the spool."""
    async with proxied(database_url) as (proxy, through):
        pool = await open_pool(through)
        try:
            inbox = Inbox(pool)
            await inbox.append([SENT])
            proxy.hang()
            with pytest.raises(StoreUnavailableError, match="keep rows that were sent"):
                async with asyncio.timeout(10):
                    await inbox.append([SENT])
        finally:
            pool.terminate()


async def test_a_file_of_the_spool_has_more_time_than_a_sender(pool: asyncpg.Pool) -> None:
    """Many requests are written at once: what takes longer than a sender waits is not given up for ever."""
    inbox = Inbox(pool)
    async with pool.acquire() as other:
        async with other.transaction():
            await other.execute("LOCK TABLE tidegauge.inbox_batch")
            with pytest.raises(StoreUnavailableError):
                await inbox.append([SENT])
            draining = asyncio.create_task(inbox.append_segment("1.rows", [SENT]))
            done, _ = await asyncio.wait([draining], timeout=3 * batches.APPEND_SECONDS)
            assert not done
        await draining
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.inbox_batch") == 1
