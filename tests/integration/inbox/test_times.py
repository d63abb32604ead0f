"""The event time of rows that are sent: windows close, are corrected, and are empty where nothing came."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.integration.inbox.live import MINUTE, START, living, row, rows

EMPTY = "SELECT DISTINCT reason FROM tidegauge.metrics WHERE rows = 0 AND aspect = 'drift'"
WAITING = """
SELECT metric, value FROM tidegauge.cycle_metrics WHERE metric IN ('backlog_rows', 'lag_seconds')
"""


async def test_rows_close_windows_by_their_own_time(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A window is measured when a row of a later one has come, however they were grouped in requests."""
    async with living(pool, tmp_path) as live:
        await live.send(rows("abc", 0) + rows("d", 1))
        await live.run()
        assert await live.windows() == [(0, 1, 3)]
        await live.send(rows("e", 3))
        await live.run()
        assert await live.windows() == [(0, 1, 3), (1, 1, 1), (2, 1, 0)]


async def test_late_rows_correct_their_window_and_later_ones_are_rejects(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Within the allowed lateness a window gets a new revision; what is later is counted and kept."""
    async with living(pool, tmp_path) as live:
        live.clock.now = START + 30 * MINUTE
        await live.send(rows("ab", 0) + rows("cd", 12))
        await live.run()
        await live.send([row("late", 3), row("too late", 1)])
        report = await live.run()
        assert (report.record.rows, report.record.rejected) == (1, 1)
        assert [(minute, revision, count) for minute, revision, count in await live.windows() if count] == [
            (0, 1, 2),
            (3, 2, 1),
        ]
        (reject,) = await pool.fetch('SELECT reason, "row" AS cells FROM tidegauge.rejected_row')
        assert "more than 10m (allowed_lateness) after the newest row" in reject["reason"]
        assert reject["cells"]["event_time"] == "2026-01-01T00:01:00+00:00"


async def test_a_row_ahead_of_its_arrival_closes_no_window_early(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A sender's clock that is a little ahead moves the watermark to the arrival and no further."""
    async with living(pool, tmp_path) as live:
        live.clock.now = START + MINUTE // 2
        await live.send([row("a", 0.2), row("ahead", 1.4)])
        await live.run()
        assert await live.windows() == []
        live.clock.now = START + 3 * MINUTE // 2
        await live.send([row("b", 0.9), row("c", 1.5)])
        await live.run()
        assert await live.windows() == [(0, 1, 2)]


async def test_silence_closes_windows_by_the_clock_and_says_no_rows(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Without traffic a window is measured all the same; one without rows says so, not nothing."""
    async with living(pool, tmp_path) as live:
        await live.send(rows("abc", 4))
        await live.run()
        assert await live.windows() == []
        live.clock.now += 3 * MINUTE  # a minute of it is patience
        await live.run()
        assert await live.windows() == [(4, 1, 3), (5, 1, 0)]
        reasons = await pool.fetch(EMPTY)
        assert {each["reason"] for each in reasons} >= {"0 rows, fewer than the 2 that the monitor asks for"}


async def test_rows_that_waited_at_their_sender_are_not_late(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Silence moves the clock that closes windows, and no row's lateness."""
    async with living(pool, tmp_path) as live:
        await live.send(rows("ab", 4))
        await live.run()
        live.clock.now += 60 * MINUTE
        await live.run()
        await live.send(rows("cd", 7))
        report = await live.run()
        assert (report.record.rows, report.record.rejected) == (2, 0)
        assert (7, 2, 2) in await live.windows()


async def test_past_rows_are_measured_at_their_own_pace(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Rows of years ago close their windows among themselves; the wall clock rejects none of them."""
    async with living(pool, tmp_path) as live:
        years = -2 * 365 * 24 * 60
        await live.send(rows("ab", years) + rows("cd", years + 1))
        report = await live.run()
        assert (report.record.rows, report.record.rejected) == (4, 0)
        assert await live.windows() == [(years, 1, 2)]


async def test_what_waits_is_measured(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The backlog and the lag are measurements of the service's health, and shrink afterwards."""
    async with living(pool, tmp_path) as live:
        await live.send(rows("ab", 1))
        await live.run()
        found = await pool.fetch(WAITING)
        assert {each["metric"]: each["value"] for each in found} == {"backlog_rows": 0.0, "lag_seconds": 0.0}


@pytest.mark.parametrize("cycles", [1, 3])
async def test_the_order_of_rows_does_not_depend_on_the_cycles(
    pool: asyncpg.Pool, tmp_path: Path, cycles: int
) -> None:
    """A row is behind the one accepted right before it, whether one cycle takes both or two do."""
    impatient = {"type": "http", "timestamp": "at", "allowed_lateness": "1m"}
    async with living(pool, tmp_path, source=impatient) as live:
        for sent in ([row("a", 2.5)], [row("b", 2.1), row("too late", 0), row("c", 2.05)], [row("d", 2.2)]):
            await live.send(sent)
            if cycles > 1:
                await live.run()
        await live.send([row("e", 4)])
        await live.run()
        found = "SELECT value FROM tidegauge.metrics WHERE metric = 'backwards_share' ORDER BY window_start"
        assert await pool.fetchval(found) == 0.5
