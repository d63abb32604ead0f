"""A monitor that reads a table: each row once, whatever order its writers commit in."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.integration.inbox.live import living
from tests.integration.postgres_table.tables import ONCE, a_table, insert, source

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
