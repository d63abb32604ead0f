"""How long a write to the inbox waits for the database, and what it takes for an outage."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.core.inbox import BatchKind, Sent
from service.errors import StoreError, StoreUnavailableError
from service.store.pool import open_pool
from service.store.tables.inbox import batches
from service.store.tables.inbox.batches import Inbox
from tests.integration.inbox.proxy import proxied

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


@pytest.mark.parametrize(
    ("harm", "mend"),
    [
        ("REVOKE INSERT ON {} FROM CURRENT_USER", "GRANT INSERT ON {} TO CURRENT_USER"),
        ("ALTER TABLE {} RENAME TO elsewhere", "ALTER TABLE tidegauge.elsewhere RENAME TO inbox_batch"),
        ("ALTER SCHEMA tidegauge RENAME TO other", "ALTER SCHEMA other RENAME TO tidegauge"),
    ],
)
async def test_a_database_that_takes_nothing_is_away(pool: asyncpg.Pool, harm: str, mend: str) -> None:
    """Where it refuses whatever is sent, rows wait in the spool until somebody has put it right."""
    inbox = Inbox(pool)
    await pool.execute(harm.format("tidegauge.inbox_batch"))
    with pytest.raises(StoreUnavailableError, match="keep rows that were sent"):
        await inbox.append([SENT])
    with pytest.raises(StoreUnavailableError, match="keep rows that were sent"):
        await inbox.append_segment("a file", [SENT])
    await pool.execute(mend.format("tidegauge.inbox_batch"))
    await inbox.append_segment("a file", [SENT])
    assert (await inbox.backlog())["toy"].rows == 1


async def test_a_changed_password_is_an_outage(database_url: str) -> None:
    """New connections are refused until it is corrected: nothing is wrong with the rows."""
    wrong = urlsplit(database_url)
    netloc = f"nobody_known:wrong@{wrong.netloc.rpartition('@')[2]}"
    pool = asyncpg.create_pool(wrong._replace(netloc=netloc).geturl(), min_size=0)
    async with pool:
        with pytest.raises(StoreUnavailableError, match="authentication"):
            await Inbox(pool).append([SENT])


async def test_a_cell_that_the_database_refuses_is_not_an_outage(pool: asyncpg.Pool) -> None:
    """It would keep all rows behind it in the spool."""
    with pytest.raises(StoreError) as caught:
        await Inbox(pool).append([replace(SENT, rows=2**70)])
    assert not isinstance(caught.value, StoreUnavailableError)
