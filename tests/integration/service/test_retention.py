"""Retention goes on in the background, whatever happens to it."""

from __future__ import annotations

import asyncio

import asyncpg
from structlog.testing import capture_logs

from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord
from service.store.postgres import PostgresStore
from service.wiring.retention import retention

OLD = "UPDATE tidegauge.cycle_log SET finished_at = now() - interval '31 days'"


async def _cycle(pool: asyncpg.Pool, number: int = 1) -> None:
    record = CycleRecord("shop", "layout", Checkpoint(number, {}), slot=0, started=0, rows=0)
    assert await PostgresStore(pool).commit(record)


async def _until(pool: asyncpg.Pool, condition: str) -> None:
    async with asyncio.timeout(20):
        while not await pool.fetchval(f"SELECT {condition}"):  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.01)


async def test_what_is_too_old_is_dropped_again_and_again(pool: asyncpg.Pool) -> None:
    """Rows that grow old while the service runs are dropped too; younger ones stay."""
    async with retention(pool, 30, pause_seconds=0.01):
        for number in (1, 2):
            await _cycle(pool, number)
            assert await pool.fetchval("SELECT count(*) FROM tidegauge.cycle_log") == 1
            await pool.execute(OLD)
            await _until(pool, "NOT EXISTS (SELECT FROM tidegauge.cycle_log)")


async def test_without_a_retention_everything_stays(pool: asyncpg.Pool) -> None:
    """No number of days means for ever."""
    await _cycle(pool)
    await pool.execute(OLD)
    async with retention(pool, None, pause_seconds=0.0):
        await asyncio.sleep(0.05)
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.cycle_log") == 1


async def test_a_retention_that_fails_is_logged_and_tried_again(pool: asyncpg.Pool) -> None:
    """A table that is away for a while is a line in the log; afterwards retention goes on."""
    await _cycle(pool)
    await pool.execute(OLD)
    await pool.execute("ALTER TABLE tidegauge.rejected_row RENAME TO away")
    with capture_logs() as lines:
        async with retention(pool, 30, pause_seconds=0.01):
            async with asyncio.timeout(20):
                while not lines:  # noqa: ASYNC110 - nothing says when
                    await asyncio.sleep(0.01)
            await pool.execute("ALTER TABLE tidegauge.away RENAME TO rejected_row")
            await _cycle(pool, 2)
            await pool.execute(OLD)
            await _until(pool, "NOT EXISTS (SELECT FROM tidegauge.cycle_log)")
    assert lines[0]["event"] == "retention failed"
    assert "rejected_row" in lines[0]["error"]
