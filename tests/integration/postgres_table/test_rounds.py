"""A monitor that reads a table: each row once, whatever order its writers commit in."""

from __future__ import annotations

import contextlib
from pathlib import Path
from random import Random

import asyncpg
import pytest

from service.errors import SourceError, StoreError
from service.sources.postgres_table import config
from tests.integration.inbox.live import living
from tests.integration.postgres_table.tables import ONCE, TABLE, a_table, insert, source

pytestmark = pytest.mark.postgres


async def test_rows_are_measured_once(pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path) -> None:
    """What is there at the start, what comes later, and nothing twice; a cycle without rows moves nothing."""
    async with a_table(empty_database_url) as writer, living(pool, tmp_path, source=source(), **ONCE) as live:
        await insert(writer, "abcde")
        assert (await live.run()).record.rows == 5
        assert not (await live.run()).moved
        await insert(writer, "fg", 2)
        report = await live.run()
        assert (report.record.rows, report.record.duplicates, report.record.backlog_rows) == (2, 0, 0)
        assert await live.counted() == 7


async def test_a_row_that_commits_late_is_not_missed(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """Rows that lie behind it in the table's order were measured before it could be seen."""
    async with a_table(empty_database_url) as writer, living(pool, tmp_path, source=source(), **ONCE) as live:
        late = await asyncpg.connect(empty_database_url)
        transaction = late.transaction()
        await transaction.start()
        await insert(late, "late")
        await insert(writer, "xyz", 2)
        assert (await live.run()).record.rows == 0
        await transaction.commit()
        await late.close()
        assert (await live.run()).record.rows == 7
        assert not (await live.run()).moved


async def test_twenty_writers_that_commit_out_of_order(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """Each row once, with cycles in between and one transaction open from the first to the last."""
    async with a_table(empty_database_url) as first:
        await insert(first, ["before"])
        writers = [await asyncpg.connect(empty_database_url) for _ in range(20)]
        random = Random(11)  # noqa: S311 - the same order in every run
        async with living(pool, tmp_path, source=source(), labels=None) as live:
            held = writers.pop()
            slow = held.transaction()
            await slow.start()
            await insert(held, [f"held{number}" for number in range(5)])
            sent = 6
            for turn in range(6):
                opened = [(each, each.transaction()) for each in writers]
                for connection, transaction in opened:
                    await transaction.start()
                    rolled_back = random.random() < 0.2
                    await insert(connection, [f"{turn}-{number}" for number in range(2)], random.random() * 4)
                    if random.random() < 0.5:
                        with contextlib.suppress(RuntimeError):
                            async with (
                                connection.transaction()
                            ):  # a savepoint has a transaction number of its own
                                await insert(connection, ["lost" if rolled_back else "sub"], 1)
                                if rolled_back:
                                    raise RuntimeError
                                sent += 1
                    sent += 2
                random.shuffle(opened)
                for place, (_, transaction) in enumerate(opened):
                    await transaction.commit()
                    if place in {3, 11}:
                        await live.run()
            assert await live.counted() <= 1  # the one that is open holds all others back
            assert (live.reports[-1].record.lag_seconds or 0) >= 0
            await slow.commit()
            await live.run()
            assert await live.counted() == sent
            assert not (await live.run()).moved
        assert await first.fetchval("SELECT count(*) FROM predictions") == sent
        for connection in (*writers, held):
            await connection.close()


@pytest.mark.parametrize("key", ["PRIMARY KEY (id)", "none"])
async def test_rounds_of_many_pages_with_changes_in_between(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal times, and rows that are updated, added and deleted between two pages: each counts once."""
    monkeypatch.setattr(config, "MAX_ROWS", 7)
    async with a_table(empty_database_url) as writer:
        if key == "none":
            await writer.execute("ALTER TABLE predictions DROP CONSTRAINT predictions_pkey")
        await insert(writer, [f"k{number}" for number in range(40)])
        await writer.execute("UPDATE predictions SET at = date_trunc('minute', at)")
        await insert(writer, ["no time"], 2)
        await writer.execute("UPDATE predictions SET at = NULL WHERE key = 'no time'")
        async with living(pool, tmp_path, source=source(), **ONCE) as live:
            for turn in range(12):
                report = await live.run()
                if turn < 3:
                    assert (report.record.rows, report.record.backlog_rows) == (7, 34 - 7 * turn - turn)
                    await writer.execute("UPDATE predictions SET size = 2 WHERE key = $1", f"k{turn}")
                    await writer.execute("UPDATE predictions SET size = 2 WHERE key = $1", f"k{39 - turn}")
                    await insert(writer, [f"more{turn}"], 1)
            assert not (await live.run()).moved
            assert await live.counted() == 43
            assert sum(each.record.rejected for each in live.reports) == 1
            reasons = await live.pool.fetch(
                "SELECT reason FROM tidegauge.rejected_row WHERE reason ~ 'missing'"
            )
            assert len(reasons) == 1


async def test_a_cycle_that_could_not_commit_takes_the_same_rows_again(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """What a failed cycle had read counts for nothing: the next one reads from the checkpoint."""
    plain = {"source": source(), "labels": None}
    async with a_table(empty_database_url) as writer:
        async with living(pool, tmp_path, **plain) as live:
            await insert(writer, "abc")
            await pool.execute("ALTER TABLE tidegauge.cycle_log RENAME TO away")
            for _ in range(2):
                with pytest.raises(StoreError):
                    await live.run()
            await insert(writer, "de")
            await pool.execute("ALTER TABLE tidegauge.away RENAME TO cycle_log")
            assert ((await live.run()).record.rows, await live.counted()) == (5, 5)
        async with living(pool, tmp_path, **plain) as live:  # as after a kill: from the checkpoint alone
            assert not (await live.run()).moved
            assert await live.counted() == 5


async def test_the_services_own_database(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Without a url the table is read on the service's own connections; its own tables are refused."""
    own = source(table="public.predictions")
    own.pop("url")
    async with pool.acquire() as writer:
        await writer.execute("SET search_path = public")
        await writer.execute(TABLE)
        await insert(writer, "abc")
        await writer.execute("RESET search_path")
    async with living(pool, tmp_path, source=own, **ONCE) as live:
        assert (await live.run()).record.rows == 3
        assert not (await live.run()).moved
        async with pool.acquire() as writer:  # a connection that reads keys of another width
            await writer.execute("ALTER TABLE public.predictions DROP CONSTRAINT predictions_pkey")
            await writer.execute("SET search_path = public")
            await insert(writer, "de")
            await writer.execute("RESET search_path")
        assert (await live.run()).record.rows == 2
    async with living(pool, tmp_path, source=own | {"table": "tidegauge.pane"}, **ONCE) as live:
        with pytest.raises(SourceError, match="schema tidegauge, which is not for rows"):
            await live.run()
