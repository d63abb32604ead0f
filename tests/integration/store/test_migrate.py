from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.errors import MigrationError
from service.store.migrate import (
    LOCK,
    migrate,
    migrations_folder,
    pending,
    read_migrations,
)
from service.store.pool import open_pool
from tests.conftest import as_admin, on_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from service.store.embedded.server import EmbeddedServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the real migrations, to be changed."""
    return shutil.copytree(migrations_folder(), tmp_path / "migrations")


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool on a database with nothing in it."""
    async with await open_pool(empty_database_url) as pool:
        yield pool


async def test_the_real_migrations_apply_once(empty: asyncpg.Pool):
    """An empty database gets every file in order, and a second run does nothing."""
    folder = migrations_folder()
    names = [migration.name for migration in read_migrations(folder)]
    assert await pending(empty, folder) == names
    assert await migrate(empty, folder) == names
    assert await migrate(empty, folder) == []
    assert await pending(empty, folder) == []


async def test_four_starters_at_once_migrate_once(empty: asyncpg.Pool, folder: Path):
    """Of four starters each file is applied by one, in order, and all return when all are applied."""
    results = await asyncio.gather(*(migrate(empty, folder) for _ in range(4)))
    applied = sorted(name for names in results for name in names)
    assert applied == [migration.name for migration in read_migrations(folder)]
    assert await pending(empty, folder) == []


async def test_a_starter_waits_for_another_without_blocking_it(empty: asyncpg.Pool, folder: Path):
    """While one starter holds the lock the others poll, so that CREATE INDEX CONCURRENTLY can go on."""
    async with empty.acquire() as holder:
        await holder.execute("CREATE TABLE big (x int)")
        await holder.execute("SELECT pg_advisory_lock($1)", LOCK)
        waiting = asyncio.create_task(migrate(empty, folder))
        await asyncio.wait([waiting], timeout=0.2)
        await asyncio.wait_for(holder.execute("CREATE INDEX CONCURRENTLY ON big (x)"), 20)
        assert not waiting.done()
        await holder.execute("SELECT pg_advisory_unlock($1)", LOCK)
    assert len(await waiting) == len(read_migrations(folder))


def change(file: Path) -> None:
    file.write_text(file.read_text() + "-- a remark\n")


async def test_an_edited_file_is_refused_by_name(empty: asyncpg.Pool, folder: Path):
    """A file that was changed after it was applied stops the start and is named."""
    await migrate(empty, folder)
    edited = folder / read_migrations(folder)[1].name
    change(edited)
    for look in (migrate, pending):
        with pytest.raises(MigrationError, match=rf"{edited.name} was edited after it was applied"):
            await look(empty, folder)


async def test_a_newer_database_is_refused(empty: asyncpg.Pool, folder: Path):
    """A database with a migration that this program does not have stops the start, and the file is named."""
    (folder / "9999_create_future.sql").write_text("CREATE TABLE tidegauge.future ()")
    await migrate(empty, folder)
    with pytest.raises(MigrationError, match=r"9999_create_future\.sql.*newer version"):
        await migrate(empty, migrations_folder())


async def test_a_failing_file_leaves_nothing_and_earlier_files_stay(empty: asyncpg.Pool, folder: Path):
    """A file is applied whole or not at all, and can be put right before the next try."""
    wrong = folder / "9998_create_wrong.sql"
    wrong.write_text("CREATE TABLE tidegauge.half (); SELECT no_such_thing")
    with pytest.raises(MigrationError, match=r"9998_create_wrong\.sql could not be applied.*no_such_thing"):
        await migrate(empty, folder)
    assert await empty.fetchval("SELECT to_regclass('tidegauge.half')") is None
    assert await pending(empty, folder) == [wrong.name]
    wrong.write_text("CREATE TABLE tidegauge.half ()")
    assert await migrate(empty, folder) == [wrong.name]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no migration files"),
        (["0001_create.sql", "0001_other.sql"], "version 0001 is also"),
        (["1_create.sql"], "expected a name like"),
    ],
)
async def test_a_folder_that_makes_no_sense_is_told(tmp_path: Path, names: list[str], message: str):
    """An empty folder, a version used twice and a name that is none are errors before anything runs."""
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=message):
        read_migrations(tmp_path)


async def test_a_role_that_may_not_create_the_schema_is_told(
    server: EmbeddedServer, empty_database_url: str, folder: Path
):
    """Without the right to make the schema, the error says what an administrator has to do."""
    async with await open_pool(
        on_database(server.reader_dsn, urlsplit(empty_database_url).path.lstrip("/"))
    ) as pool:
        with pytest.raises(MigrationError, match="let an administrator"):
            await migrate(pool, folder)


async def test_without_the_right_to_make_roles_the_rest_goes_on(
    server: EmbeddedServer, empty: asyncpg.Pool, folder: Path
):
    """A reader role that is missing and may not be made is a notice; made later, it gets its rights."""
    await as_admin(server, "ALTER ROLE tidegauge_reader RENAME TO tidegauge_away")
    notices: list[str] = []
    try:
        async with empty.acquire() as connection:
            connection.add_log_listener(heard := lambda _, message: notices.append(message.message))
            await migrate(connection, folder)
            connection.remove_log_listener(heard)
    finally:
        await as_admin(server, "ALTER ROLE tidegauge_away RENAME TO tidegauge_reader")
    assert any("tidegauge_reader is missing" in notice for notice in notices)
    readable = "SELECT has_table_privilege('tidegauge_reader', 'tidegauge.metrics', 'SELECT')"
    assert not await empty.fetchval(readable)
    assert await migrate(empty, folder) == []
    assert await empty.fetchval(readable)


async def test_with_the_right_to_make_roles_the_reader_is_made(
    server: EmbeddedServer, empty: asyncpg.Pool, folder: Path
):
    """Where the role is missing and may be made, the migration makes it."""
    await as_admin(
        server, "ALTER ROLE tidegauge_reader RENAME TO tidegauge_away", "ALTER ROLE tidegauge CREATEROLE"
    )
    try:
        await migrate(empty, folder)
        assert await empty.fetchval(
            "SELECT has_table_privilege('tidegauge_reader', 'tidegauge.metrics', 'SELECT')"
        )
    finally:
        name = await empty.fetchval("SELECT current_database()")
        await as_admin(server, "DROP OWNED BY tidegauge_reader", database=name)
        await as_admin(
            server,
            "DROP ROLE tidegauge_reader",
            "ALTER ROLE tidegauge NOCREATEROLE",
            "ALTER ROLE tidegauge_away RENAME TO tidegauge_reader",
        )
