"""A role that lacks rights is told which, with the SQL that gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.errors import MigrationError, StoreError
from service.store.driver_errors import reason
from service.store.migrate import migrate, migrations_folder, read_migrations
from service.store.pool import open_pool
from service.store.rights import check_rights, grant_for, reader_may_read, reader_sql
from tests.conftest import as_admin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.store.embedded.server import EmbeddedServer

ROLE = "Some role"  # quoted wherever it is named


@pytest.fixture
async def role(server: EmbeddedServer) -> AsyncIterator[str]:
    """Make a role without any right; it is dropped at the end, and what a test set for the reader."""
    await as_admin(server, f"CREATE ROLE \"{ROLE}\" LOGIN PASSWORD 'word' NOCREATEROLE")
    yield ROLE
    await as_admin(server, f'DROP OWNED BY "{ROLE}" CASCADE', f'DROP ROLE "{ROLE}"')
    await as_admin(server, "ALTER ROLE tidegauge_reader RESET ALL")


def _as_role(url: str) -> str:
    server = urlsplit(url)
    return server._replace(netloc=f"Some%20role:word@127.0.0.1:{server.port}").geturl()


def _name(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


async def test_a_role_that_may_not_connect_is_told_the_grant(
    server: EmbeddedServer, role: str, database_url: str
) -> None:
    """Without CONNECT the message has the GRANT, for that role and database."""
    await as_admin(server, f"REVOKE CONNECT ON DATABASE {_name(database_url)} FROM PUBLIC")
    with pytest.raises(StoreError, match=rf'run GRANT CONNECT ON DATABASE {_name(database_url)} TO "{role}"'):
        await open_pool(_as_role(database_url))


async def test_an_empty_database_that_may_not_be_filled_is_told_the_grant(
    server: EmbeddedServer, role: str, empty_database_url: str
) -> None:
    """Without CREATE the message has the GRANT, and with it the migrations pass without CREATEROLE."""
    async with await open_pool(_as_role(empty_database_url)) as pool:
        with pytest.raises(MigrationError) as caught:
            await migrate(pool, migrations_folder())
        grant = f'GRANT CONNECT, CREATE ON DATABASE {_name(empty_database_url)} TO "{role}"'
        assert str(caught.value).endswith(f"let an administrator run {grant}")
        await as_admin(server, grant)
        assert await migrate(pool, migrations_folder()) == [
            each.name for each in read_migrations(migrations_folder())
        ]
        await check_rights(pool)


async def test_a_schema_of_another_role_is_told_the_grants(
    server: EmbeddedServer, role: str, database_url: str
) -> None:
    """The grants in the messages, run one after the other, are all that the role needs."""
    async with await open_pool(_as_role(database_url)) as pool:
        with pytest.raises(
            MigrationError, match=rf'run GRANT USAGE, CREATE ON SCHEMA tidegauge TO "{role}"$'
        ):
            await migrate(pool, migrations_folder())
        await as_admin(server, f'GRANT USAGE ON SCHEMA tidegauge TO "{role}"', database=_name(database_url))
        with pytest.raises(
            StoreError,
            match=r"it may not use tidegauge\.access_token, tidegauge\.alarm_model, tidegauge\.calibration, ",
        ) as caught:
            await check_rights(pool)
        statements = str(caught.value).split("administrator run ")[1].split("; ")
        assert len(statements) == 3
        await as_admin(server, *statements, database=_name(database_url))
        await check_rights(pool)


async def test_the_reader_can_be_made_by_an_administrator(
    server: EmbeddedServer, role: str, empty_database_url: str
) -> None:
    """The printed SQL works before the first migration and after it, and twice; the reader reads then."""
    name = _name(empty_database_url)
    script = reader_sql(name, role)
    await as_admin(server, f'ALTER DATABASE {name} OWNER TO "{role}"')
    await as_admin(server, script, database=name)
    async with await open_pool(_as_role(empty_database_url)) as pool:
        await migrate(pool, migrations_folder())
        assert await reader_may_read(pool)
        await as_admin(server, "REVOKE USAGE ON SCHEMA tidegauge FROM tidegauge_reader", database=name)
        assert not await reader_may_read(pool)
        await as_admin(server, script, script, database=name)
        assert await reader_may_read(pool)
        hashes = "SELECT has_table_privilege('tidegauge_reader', 'tidegauge.access_token', 'SELECT')"
        assert not await pool.fetchval(hashes)  # with them a dashboard could forge a session
        raw = "SELECT bool_or(has_table_privilege('tidegauge_reader', 'tidegauge.' || name, 'SELECT'))"
        assert not await pool.fetchval(
            f"{raw} FROM unnest(ARRAY['inbox_batch', 'inbox_label', 'inbox_half', 'taken_file']) name"
        )
        await pool.execute("CREATE TABLE tidegauge.later ()")
        reads = "SELECT has_table_privilege('tidegauge_reader', 'tidegauge.later', 'SELECT')"
        assert await pool.fetchval(reads)


@pytest.mark.parametrize(
    ("message", "statement"),
    [
        (
            "permission denied for table sample",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON tidegauge.sample TO me",
        ),
        ("permission denied for view metrics", "GRANT SELECT ON tidegauge.metrics TO me"),
        ("permission denied for function severity", "GRANT EXECUTE ON FUNCTION tidegauge.severity TO me"),
        ("must be owner of table checkpoint", "ALTER TABLE tidegauge.checkpoint OWNER TO me"),
        ("permission denied to create role", "ALTER ROLE me CREATEROLE"),
        ("permission denied for something new", "ALTER DATABASE db OWNER TO me"),
    ],
)
def test_each_refusal_has_its_statement(message: str, statement: str) -> None:
    """What Postgres says of the right that is missing decides what an administrator has to run."""
    assert grant_for(message, "me", "db") == statement


def test_a_right_lost_while_running_is_named() -> None:
    """A statement that is refused later says what finds the grant."""
    error = asyncpg.InsufficientPrivilegeError("permission denied for table sample")
    assert reason(error).startswith("permission denied for table sample; `tidegauge check` says which GRANT")
