from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from service.errors import StoreError
from service.store.migrate import migrations_folder
from service.store.postgres import PostgresStore
from service.store.retention import drop_older
from service.store.tables.dummy import DummyTable, append_row, create_table
from tests.integration.store.test_store_commit import record

if TYPE_CHECKING:
    from pathlib import Path

PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'tidegauge.sample'::regclass ORDER BY 1
"""
ENSURE = "SELECT tidegauge.ensure_sample_partition($1)"


async def partitions(pool: asyncpg.Pool) -> list[str]:
    return [row["relname"] for row in await pool.fetch(PARTITIONS)]


async def at(pool: asyncpg.Pool, when: datetime) -> int:
    """Enter a run with one sample and a log row as if it were `when`; return the run."""
    run: int = await pool.fetchval(
        """INSERT INTO tidegauge.window_run (monitor, layout, first_pane, last_pane, window_start,
               window_end, revision, panes, rows, computed_at)
           SELECT 'old', 'a layout', 0, 1 + count(*), $1, $1, 1, 1, 1, $1 FROM tidegauge.window_run
           RETURNING id""",
        when,
    )
    await pool.execute(
        """INSERT INTO tidegauge.sample (run_id, series_id, window_end, computed_at, value, rows)
           SELECT $1, id, $2, $2, 1, 1 FROM tidegauge.series LIMIT 1""",
        run,
        when,
    )
    await pool.execute(
        """INSERT INTO tidegauge.cycle_log (monitor, slot, started_at, finished_at, outcome)
           VALUES ('old', $1, $1, $1, 'idle')""",
        when,
    )
    return run


async def test_each_month_has_its_partition(pool: asyncpg.Pool):
    """The last microsecond of a month and the first of the next fall into two partitions, by UTC."""
    await PostgresStore(pool).commit(record(1))
    boundary = datetime(2031, 3, 1, tzinfo=UTC)
    before = boundary - timedelta(microseconds=1)
    assert await pool.fetchval(ENSURE, before) == boundary
    assert await pool.fetchval(ENSURE, boundary) == datetime(2031, 4, 1, tzinfo=UTC)
    await at(pool, before)
    await at(pool, boundary)
    kept = await pool.fetch(
        """SELECT c.relname, s.computed_at FROM tidegauge.sample s JOIN pg_class c ON c.oid = s.tableoid
           WHERE s.computed_at > '2031-01-01'"""
    )
    assert {row["relname"]: row["computed_at"] for row in kept} == {
        "sample_2031_02": before,
        "sample_2031_03": boundary,
    }


async def test_a_month_is_by_utc_whatever_the_session_thinks(pool: asyncpg.Pool):
    """A session in another time zone makes the same partition."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL timezone = 'Pacific/Auckland'")
        end = await connection.fetchval(ENSURE, datetime(2031, 2, 28, 23, tzinfo=UTC))
    assert end == datetime(2031, 3, 1, tzinfo=UTC)
    assert "sample_2031_02" in await partitions(pool)


async def test_a_store_that_lives_over_a_month_makes_the_next_partition(pool: asyncpg.Pool):
    """Once the database's clock has passed the month that the store knows of, it asks for the next."""
    store = PostgresStore(pool)
    await store.commit(record(1))
    (name,) = await partitions(pool)
    await pool.execute(f"DROP TABLE tidegauge.{name}")
    store._partition_end = datetime.now(UTC) - timedelta(seconds=1)
    assert await store.commit(record(2))
    assert await partitions(pool) == [name]


async def test_starters_at_once_make_a_partition_once(pool: asyncpg.Pool):
    """Eight sessions that ask for the same new month at the same time all get it."""
    when = datetime(2031, 2, 1, tzinfo=UTC)
    ends = await asyncio.gather(*(pool.fetchval(ENSURE, when) for _ in range(8)))
    assert set(ends) == {datetime(2031, 3, 1, tzinfo=UTC)}
    assert (await partitions(pool)).count("sample_2031_02") == 1


async def test_a_new_partition_does_not_wait_for_readers(pool: asyncpg.Pool):
    """While somebody reads and somebody writes samples, the next month's partition is made beside them."""
    await PostgresStore(pool).commit(record(1))
    async with pool.acquire() as busy, busy.transaction():
        await busy.fetch("SELECT * FROM tidegauge.metrics")
        await busy.execute("DELETE FROM tidegauge.sample")
        assert await asyncio.wait_for(pool.fetchval(ENSURE, datetime(2031, 2, 1, tzinfo=UTC)), 20)


async def test_the_reader_reads_and_cannot_write(pool: asyncpg.Pool, reader: asyncpg.Connection):
    """The reader role sees views, tables, later partitions and later tables, and may change none of them."""
    await PostgresStore(pool).commit(record(1))
    await pool.fetchval(ENSURE, datetime(2031, 2, 1, tzinfo=UTC))
    await pool.execute("CREATE TABLE tidegauge.later (x int)")
    await create_table(pool)
    for name in (
        "metrics",
        "metrics_history",
        "cycle_log",
        "event",
        "sample",
        "sample_2031_02",
        "later",
        "dummy_metrics",
    ):
        await reader.fetch(f"SELECT * FROM tidegauge.{name}")
    assert await reader.fetchval("SELECT count(*) FROM tidegauge.metrics WHERE aspect <> 'health'") == 2
    await reader.execute("SET default_transaction_read_only = off")  # a courtesy that any client may drop
    for statement in (
        "INSERT INTO tidegauge.later VALUES (1)",
        "UPDATE tidegauge.sample SET value = 0",
        "DELETE FROM tidegauge.metrics",
        "TRUNCATE tidegauge.cycle_log",
        "DROP VIEW tidegauge.metrics",
        "CREATE TABLE tidegauge.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "SELECT tidegauge.ensure_sample_partition('2032-01-01')",
    ):
        with pytest.raises(
            asyncpg.PostgresError, match=r"permission denied|must be owner|cannot delete from view"
        ):
            await reader.execute(statement)


async def explained(pool: asyncpg.Pool, statement: str) -> str:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")  # the tables are small: what could it use?
        return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}"))


@pytest.mark.parametrize(
    ("axis", "index"), [("computed_at", "series_id_computed_at"), ("window_end", "series_id_window_end")]
)
async def test_both_time_axes_are_read_by_index(pool: asyncpg.Pool, axis: str, index: str):
    """A monitor's last hours are found by index on either axis, through the view."""
    await PostgresStore(pool).commit(record(1))
    plan = await explained(
        pool,
        f"""SELECT * FROM tidegauge.metrics
            WHERE monitor = 'flights' AND metric = 'mae' AND {axis} > now() - interval '3 h'""",
    )
    assert index in plan
    assert "Seq Scan" not in plan


async def test_old_measurements_go_by_the_month(pool: asyncpg.Pool):
    """Retention drops partitions that ended long ago with their runs, and old rows of the other tables."""
    await PostgresStore(pool).commit(record(1))
    now = datetime.now(UTC)
    old, recent = now - timedelta(days=100), now - timedelta(days=10)
    # Older than the cutoff, but in its month: that partition stays, so its runs must stay as well.
    edge = (now - timedelta(days=30)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for when in (old, edge, recent):
        await pool.fetchval(ENSURE, when)
        await at(pool, when)
        await pool.execute(
            """INSERT INTO tidegauge.rejected_row (monitor, received_at, reason, "row")
               VALUES ('old', $1, 'x', '{}')""",
            when,
        )
    assert await drop_older(pool, 30) == [f"sample_{old:%Y_%m}"]
    assert f"sample_{old:%Y_%m}" not in await partitions(pool)
    times: dict[str, Any] = {
        table: [
            row[0]
            for row in await pool.fetch(f"SELECT {column} FROM tidegauge.{table} WHERE monitor = 'old'")
        ]
        for table, column in (
            ("window_run", "computed_at"),
            ("cycle_log", "finished_at"),
            ("rejected_row", "received_at"),
        )
    }
    assert times == {"window_run": [edge, recent], "cycle_log": [recent], "rejected_row": [recent]}
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.metrics_history WHERE aspect <> 'health'") == 4
    assert await drop_older(pool, 30) == []


async def test_a_retention_of_no_days_is_refused(pool: asyncpg.Pool):
    """Nothing is dropped for a number of days that makes no sense."""
    with pytest.raises(StoreError, match="expected 1 or more"):
        await drop_older(pool, 0)


async def test_the_dummy_table_keeps_the_first_row_of_a_position(pool: asyncpg.Pool):
    """The table is made on first use by several at once, and a position always gives the same row."""
    first = (0, datetime(2026, 1, 1, tzinfo=UTC), 7, "red", 0.1)
    tables = [DummyTable(pool, "toy") for _ in range(4)]
    assert await asyncio.gather(*(table.append(first) for table in tables)) == [first] * 4
    assert await append_row(pool, "toy", (0, datetime(2027, 1, 1, tzinfo=UTC), 8, "green", 0.2)) == first
    other = (0, datetime(2027, 1, 1, tzinfo=UTC), 8, "green", 0.2)
    assert await append_row(pool, "another", other) == other


async def test_the_files_ship_with_an_installed_package(tmp_path: Path):
    """The migrations are found beside the package in a checkout and inside it once installed."""
    package = tmp_path / "service"
    shutil.copytree(
        migrations_folder().parent / "service", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(migrations_folder(), package / "migrations")
    code = "from service.store.migrate import migrations_folder as f; print(f())"
    found = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(package / "migrations")
