"""Rows of a query or a view, by the time of their last change and a stated gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service.errors import TidegaugeError
from service.sources.postgres_table import config
from tests.integration.inbox.live import living
from tests.integration.postgres_table.tables import ONCE, TABLE, a_table, insert, source

pytestmark = pytest.mark.postgres

CHANGED = f"{TABLE}; ALTER TABLE predictions ADD changed timestamptz DEFAULT clock_timestamp()"
VIEW = "; CREATE VIEW seen AS SELECT * FROM predictions"


def query(**more: Any) -> dict[str, Any]:
    section = source(query="SELECT * FROM seen -- all", updated_at="changed", key="id", gap="0s", **more)
    section.pop("table")
    return section


async def test_a_view_is_read_by_its_times_of_change(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, with equal times; what is changed comes again and counts once, and its label is found."""
    monkeypatch.setattr(config, "MAX_ROWS", 4)
    async with (
        a_table(empty_database_url, CHANGED + VIEW) as writer,
        living(pool, tmp_path, source=query(), **ONCE) as live,
    ):
        await insert(writer, "abcdefghi", truth=None)
        await writer.execute("UPDATE predictions SET changed = now()")
        found = [await live.run() for _ in range(4)]
        assert [each.record.rows for each in found] == [4, 4, 1, 0]
        assert [each.record.backlog_rows for each in found] == [5, 1, 0, 0]
        assert not found[-1].moved
        await writer.execute("UPDATE predictions SET truth = 3, changed = clock_timestamp() WHERE key = 'a'")
        await writer.execute("UPDATE predictions SET note = 'x', changed = clock_timestamp() WHERE key = 'b'")
        await insert(writer, "z")
        report = await live.run()
        assert (report.record.rows, report.record.duplicates) == (1, 1)
        assert report.record.labels is not None
        assert report.record.labels.labels == 1


async def test_rows_within_the_gap_wait(pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path) -> None:
    """By the server's clock, so that one that commits late within the gap is not missed."""
    async with (
        a_table(empty_database_url, CHANGED + VIEW) as writer,
        living(pool, tmp_path, source=query() | {"gap": "1h"}, **ONCE) as live,
    ):
        await insert(writer, "ab")
        assert (await live.run()).record.rows == 0
        await writer.execute("UPDATE predictions SET changed = changed - interval '61 minutes'")
        assert (await live.run()).record.rows == 2


async def test_rows_that_are_never_read_are_told(
    pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """Those without a time of change, once."""
    async with (
        a_table(empty_database_url, CHANGED + VIEW) as writer,
        living(pool, tmp_path, source=query(), **ONCE) as live,
    ):
        await insert(writer, "abc")
        await writer.execute("UPDATE predictions SET changed = NULL WHERE key = 'a'")
        report = await live.run()
        assert report.record.rows == 2
        assert ["1 rows have no changed or no id" in each.message for each in report.record.events] == [True]
        assert (await live.run()).record.events == ()


NO_QUERY: list[tuple[dict[str, Any], str]] = [
    ({"query": "SELECT * FROM sen"}, 'relation "sen" does not exist; expected one SELECT'),
    ({"query": "DELETE FROM predictions RETURNING *"}, "query: .*expected one SELECT"),
    ({"updated_at": "change"}, "updated_at: .* has no column 'change'.*'changed'"),
    ({"updated_at": "key"}, "'key' is text; expected a column of type timestamp"),
    ({"updated_at": None}, "expected updated_at and key"),
    ({"table": "predictions"}, "expected table, or query with updated_at and key"),
    ({"lookback": "30d"}, "expected no order_by and no lookback"),
]


async def test_what_is_no_query_is_said(pool: asyncpg.Pool, empty_database_url: str, tmp_path: Path) -> None:
    """With what was expected; nothing is ever written."""
    async with a_table(empty_database_url, CHANGED + VIEW):
        for changed, said in NO_QUERY:
            with pytest.raises(TidegaugeError, match=said):
                async with living(pool, tmp_path, source=query() | changed, **ONCE) as live:
                    await live.run()
