"""Rows of a table that are updated once they were measured: they count once, and their labels find them."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.integration.inbox.live import MINUTE, Live, living
from tests.integration.postgres_table.tables import ONCE, a_table, insert, source

pytestmark = pytest.mark.postgres

PENDING = "SELECT count(*) FROM tidegauge.pending_row"


async def _labels(live: Live) -> tuple[int, int]:
    """Return how many labels were joined, and how many rows wait."""
    joined = sum(each.record.labels.labels for each in live.reports if each.record.labels is not None)
    return joined, await live.pool.fetchval(PENDING)


async def test_a_label_that_is_filled_in_later_counts_once(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """Whatever else is updated before and after; a correction is refused by counting it as repeated."""
    async with a_table(empty_database_url) as writer:
        async with living(pool, tmp_path, source=source(), **ONCE) as live:
            await insert(writer, "abcd", truth=None)
            await insert(writer, "ef", truth=12)
            assert (await live.run()).record.rows == 6
            assert await _labels(live) == (0, 4)
            await writer.execute("UPDATE predictions SET note = 'seen' WHERE key IN ('a', 'b', 'e')")
            report = await live.run()
            assert (report.record.rows, report.record.duplicates) == (0, 3)
            await writer.execute("UPDATE predictions SET truth = 11 WHERE key IN ('a', 'b')")
            report = await live.run()
            assert (report.record.rows, report.record.duplicates, report.record.rejected) == (0, 0, 0)
            assert await _labels(live) == (2, 2)
            await writer.execute("UPDATE predictions SET truth = 13 WHERE key IN ('a', 'e')")
            assert (await live.run()).record.duplicates == 2
        async with living(pool, tmp_path, source=source(), **ONCE) as live:
            live.clock.now += 60 * MINUTE  # long after allowed_lateness
            await insert(writer, "z", 59, truth=None)
            await live.run()
            await writer.execute("UPDATE predictions SET truth = 5 WHERE key = 'c'")
            await writer.execute("UPDATE predictions SET note = 'late' WHERE key IN ('d', 'e')")
            report = await live.run()
            assert (report.record.rows, report.record.rejected) == (0, 2)
            assert await _labels(live) == (1, 2)
            reason = await pool.fetchval("SELECT reason FROM tidegauge.rejected_row ORDER BY id DESC LIMIT 1")
            assert "came, or was updated, more than 10m (allowed_lateness)" in reason
        assert await pool.fetchval("SELECT sum(rows) FROM tidegauge.pane") == 7
        found = await pool.fetch(
            "SELECT value FROM tidegauge.metrics WHERE value IS NOT NULL AND metric = 'mae'"
        )
        # a and b, 1 off; c 5 off; e and f 2 off
        assert [each["value"] for each in found] == [pytest.approx((1 + 1 + 5 + 2 + 2) / 5)]


async def test_a_label_may_come_in_the_transaction_that_holds_others_back(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """A row that is written without a label and labelled before it is first seen is an ordinary row."""
    async with a_table(empty_database_url) as writer, living(pool, tmp_path, source=source(), **ONCE) as live:
        await insert(writer, "ab", truth=None)
        await writer.execute("UPDATE predictions SET truth = 3 WHERE key = 'a'")
        assert (await live.run()).record.rows == 2
        assert await _labels(live) == (0, 1)
        await writer.execute("UPDATE predictions SET truth = 3")
        report = await live.run()
        assert (report.record.rows, report.record.duplicates) == (0, 1)
        assert await _labels(live) == (1, 0)


async def test_a_failed_cycle_attaches_its_labels_in_the_next(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """Also where the service is started again in between."""
    async with a_table(empty_database_url) as writer:
        async with living(pool, tmp_path, source=source(), **ONCE) as live:
            await insert(writer, "ab", truth=None)
            await live.run()
            await writer.execute("UPDATE predictions SET truth = 3")
            await pool.execute("ALTER TABLE tidegauge.cycle_log RENAME TO away")
            with pytest.raises(Exception, match="cycle_log"):
                await live.run()
            await pool.execute("ALTER TABLE tidegauge.away RENAME TO cycle_log")
        async with living(pool, tmp_path, source=source(), **ONCE) as live:
            await live.run()
            assert await _labels(live) == (2, 0)
            assert not (await live.run()).moved
            assert await live.counted() == 2


async def test_labels_may_also_be_sent(pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path) -> None:
    """By HTTP, for rows of the table; rows are refused there."""
    async with a_table(empty_database_url) as writer, living(pool, tmp_path, source=source(), **ONCE) as live:
        await insert(writer, "ab", truth=None)
        await live.run()
        sent = await live.send([{"key": "a", "truth": 3}], "labels")
        assert sent.status_code == 202, sent.text
        await live.run()
        assert await _labels(live) == (1, 1)
        assert (await live.send([{"key": "c", "size": 3}])).status_code == 409
