"""A table that is reached through a pooler, and one of which only the newest rows are looked at."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from tests.integration.inbox.live import MINUTE, living
from tests.integration.postgres_table.tables import ONCE, TABLE, URL, a_table, insert, source
from tests.pgbouncer import MISSING, PROGRAM, transaction_pooling

pytestmark = pytest.mark.postgres


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
async def test_a_pooler_may_lie_in_between(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """Two sources share one session of the server, a table and a query."""
    changed = f"{TABLE}; ALTER TABLE predictions ADD changed timestamptz DEFAULT clock_timestamp()"
    query = source(query="SELECT * FROM predictions", updated_at="changed", key="id", gap="0s")
    query.pop("table")
    async with (
        a_table(empty_database_url, changed) as writer,
        transaction_pooling(empty_database_url, tmp_path, sessions=1) as url,
    ):
        os.environ[URL] = url
        await insert(writer, "abc")
        async with living(pool, tmp_path, source=source(), **ONCE) as live:
            assert (await live.run()).record.rows == 3
            other = await asyncpg.connect(url, statement_cache_size=0)
            assert await other.fetchval("SHOW row_security") == "on"  # settings end with the transaction
            await other.close()
            await insert(writer, "d")
            assert (await live.run()).record.rows == 1
        async with living(pool, tmp_path, source=query, **ONCE) as live:
            assert (await live.run()).record.duplicates == 4
            await insert(writer, "e")
            assert (await live.run()).record.rows == 1


async def test_a_lookback_leaves_out_what_would_be_refused(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """All of the first round is read; then rows that come within it, and none of before."""
    near = source(lookback="10m")
    async with (
        a_table(empty_database_url) as writer,
        living(pool, tmp_path, source=near, labels={"wait": "10m"}, **ONCE) as live,
    ):
        live.clock.now += 60 * MINUTE
        await insert(writer, ["old1", "old2"], 1)
        await insert(writer, ["new"], 60)
        assert (await live.run()).record.rows == 3
        await insert(writer, "x", 51)
        await insert(writer, "y", 2)
        report = await live.run()
        assert (report.record.rows, report.record.rejected) == (1, 0)
