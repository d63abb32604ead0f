"""Behind a connection pooler that gives every transaction another session of the server."""

from __future__ import annotations

import asyncio
import csv
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.store.connections import is_behind_pooler
from service.store.migrate import LOCK, migrate, migrations_folder, pending, read_migrations
from service.store.pool import open_pool
from tests.pgbouncer import MISSING, PROGRAM, transaction_pooling
from tests.service_process import lay_out

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


async def test_a_pooler_is_noticed(database_url: str, tmp_path: Path) -> None:
    """The server's own process id tells a direct connection from one through PgBouncer."""
    async with transaction_pooling(database_url, tmp_path) as url:
        for dsn, expected in ((database_url, False), (url, True)):
            async with await open_pool(dsn) as pool, pool.acquire() as connection:
                assert await is_behind_pooler(connection) is expected


async def test_statements_of_many_sessions_do_not_meet(database_url: str, tmp_path: Path) -> None:
    """Statements with arguments, inside and outside of transactions, run through few sessions at once."""
    async with transaction_pooling(database_url, tmp_path, sessions=2) as url, await open_pool(url) as pool:

        async def ask(number: int) -> int:
            found: int = await pool.fetchval("SELECT $1::int + 1", number)
            async with pool.acquire() as connection, connection.transaction():
                await connection.executemany("SELECT $1::int", [(number,), (number,)])
                assert await connection.fetchval("SHOW timezone") == "UTC"
                assert await connection.fetchval("SELECT $1::jsonb", {"n": number}) == {"n": number}
            return found

        assert await asyncio.gather(*map(ask, range(100))) == list(range(1, 101))


async def test_statements_prepared_ahead_are_lost_there(database_url: str, tmp_path: Path) -> None:
    """With asyncpg's own defaults a statement is missing in the next session: what is avoided does happen."""
    async with transaction_pooling(database_url, tmp_path, sessions=2) as url:
        one, other = await asyncpg.connect(url), await asyncpg.connect(url)
        try:
            assert await one.fetchval("SELECT $1::int", 1) == 1
            async with other.transaction():
                await other.execute("SELECT 1")  # takes the session that has prepared the statement
                with pytest.raises(asyncpg.InvalidSQLStatementNameError):
                    await one.fetchval("SELECT $1::int", 2)
        finally:
            one.terminate()
            other.terminate()


async def test_the_service_runs_behind_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole cycles, with late rows and events, give the numbers of a direct connection."""
    place = lay_out(tmp_path / "place", days=12)
    measured = {}
    file = place.root / "monitors/toy.yaml"
    async with transaction_pooling(database_url, tmp_path) as url:
        for name, dsn in (("pooled", url), ("direct", database_url)):
            monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", dsn)
            file = file.rename(place.root / f"monitors/{name}.yaml")
            done = await asyncio.to_thread(place.command, "run", "--max-cycles", "20")
            assert done.returncode == 0, done.stderr
            printed = await asyncio.to_thread(
                place.command, "metrics", "--format", "csv", "--monitor", name, "--aspect", "drift"
            )
            rows = csv.DictReader(printed.stdout.splitlines())
            keys = ("window_end", "column_name", "metric", "definition", "value")
            measured[name] = [tuple(row[key] for key in keys) for row in rows]
    assert len(measured["pooled"]) > 50
    assert measured["pooled"] == measured["direct"]


async def test_check_says_that_a_pooler_lies_in_between(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` runs behind a pooler, finds no fault and names it; on a direct connection it says nothing."""
    place = lay_out(tmp_path / "place", days=2)
    said = {}
    async with transaction_pooling(database_url, tmp_path) as url:
        for name, dsn in (("pooled", url), ("direct", database_url)):
            monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", dsn)
            done = await asyncio.to_thread(place.command, "check")
            assert done.returncode == 0, done.stderr
            said[name] = done.stdout + done.stderr
    note = "note: database: a connection pooler lies in between; statements are not prepared ahead"
    assert note in said["pooled"]
    assert "pooler" not in said["direct"]


async def test_starters_migrate_once_and_leave_no_lock(empty_database_url: str, tmp_path: Path) -> None:
    """Four starters behind the pooler apply every file once, and no session keeps the lock."""
    folder = migrations_folder()
    async with transaction_pooling(empty_database_url, tmp_path) as url, await open_pool(url) as pool:
        results = await asyncio.gather(*(migrate(pool, folder) for _ in range(4)))
        applied = sorted(name for names in results for name in names)
        assert applied == [migration.name for migration in read_migrations(folder)]
        assert await pending(pool, folder) == []
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1::bigint::oid"
        assert await pool.fetchval(held, LOCK & 0xFFFF_FFFF) == 0
