"""A monitor file that is edited while rows wait."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from tests.integration.inbox.live import living, row


async def test_rows_that_wait_are_read_by_the_new_kinds(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A column of numbers that became one of labels, and the reverse, are measured as if they came now."""
    async with living(pool, tmp_path) as live:
        await live.send([row("a", 1, size=1.0, colour="7"), row("b", 1, size=None, colour="red")])
    columns = {"size": "categorical", "colour": "numerical", "guess": "numerical", "truth": "numerical"}
    async with living(
        pool, tmp_path, columns=columns, reference={"path": str(tmp_path / "other.csv")}
    ) as live:
        await live.run()
        await live.send([row("c", 3)])
        await live.run()
        found = await pool.fetch(
            "SELECT column_name, metric, value, rows FROM tidegauge.metrics WHERE metric = ANY($1::text[])",
            ["missing_share", "unparsable_share"],
        )
    measured = {(each["column_name"], each["metric"]): each["value"] for each in found if each["rows"]}
    assert measured["size", "missing_share"] == 0.5
    assert measured["colour", "unparsable_share"] == 0.5
