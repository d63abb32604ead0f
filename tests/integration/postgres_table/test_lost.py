"""What happens to a table between two cycles and may lose rows is said, never silent."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.integration.inbox.live import living
from tests.integration.postgres_table.tables import ONCE, TABLE, a_table, insert, source

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize(
    "case",
    [
        ("TRUNCATE predictions", "TRUNCATE", True),
        ("VACUUM FULL predictions", "written anew", False),
        ("ALTER TABLE predictions ALTER size TYPE numeric", "written anew by ALTER TABLE", False),
        ("DROP TABLE predictions; " + TABLE, "dropped and made again", True),
    ],
)
async def test_rows_that_may_be_lost_are_an_event(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path, case: tuple[str, str, bool]
) -> None:
    """Once; rows that are read again count once by their ids, and new ones are measured."""
    sql, said, is_empty = case
    async with a_table(empty_database_url) as writer, living(pool, tmp_path, source=source(), **ONCE) as live:
        await insert(writer, "abc")
        await live.run()
        await writer.execute(sql)
        await insert(writer, "de", 2)
        report = await live.run()
        assert [each.kind for each in report.record.events].count("rows_lost") == 1
        assert any(said in each.message for each in report.record.events)
        assert report.record.rows == 2
        assert await live.counted() == 5
        report = await live.run()
        assert (report.moved, report.record.events) == (False, ())
        assert await writer.fetchval("SELECT count(*) FROM predictions") == (2 if is_empty else 5)


async def test_another_database_is_read_from_its_start(
    pool: asyncpg.Pool, empty_database_url: str, database_url: str, tmp_path: Path
) -> None:
    """As after a dump was restored: what was measured before counts once, by its id."""
    async with a_table(empty_database_url) as writer, living(pool, tmp_path, source=source(), **ONCE) as live:
        await insert(writer, "abc")
        await live.run()
    other = TABLE.replace("TABLE predictions", "TABLE public.predictions")
    async with a_table(database_url, other + "; SET search_path = public") as writer:
        await insert(writer, "abcd")
        elsewhere = source(table="public.predictions")
        async with living(pool, tmp_path, source=elsewhere, **ONCE) as live:
            report = await live.run()
            assert (report.record.rows, report.record.duplicates) == (1, 3)
            assert "in another database" in report.record.events[0].message
