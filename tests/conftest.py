"""A real Postgres for every test that asks for one, and how far Hypothesis searches.

Tests may run in several processes at once (pytest-xdist): each has its own server in a folder of its own,
and each test its own database.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import Phase, settings

from service.store.embedded.server import EmbeddedServer
from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# No deadline: a machine that runs other things too is no failure. In CI (where `CI` is set) a failing example
# is reported as it was found: shrinking one of many arrays takes minutes, and is done by a developer.
settings.register_profile("dev", deadline=None, max_examples=60)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=60,
    derandomize=True,
    database=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

TEMPLATE = "tidegauge_template"
_numbers = count(1)

# Tests care for speed, not for power cuts.
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("TIDEGAUGE_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def server_dir() -> Iterator[Path]:
    """Give a short-lived folder for the session's server."""
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(server_dir: Path) -> AsyncIterator[EmbeddedServer]:
    """Give the session's server, with a template database made by the real migrations."""
    async with EmbeddedServer(server_dir, settings=HASTY) as running:
        await as_admin(running, f"CREATE DATABASE {TEMPLATE} OWNER tidegauge")
        connection = await asyncpg.connect(on_database(running.dsn, TEMPLATE))
        try:
            await migrate(connection, migrations_folder())
        finally:
            await connection.close()
        yield running


@pytest_asyncio.fixture
async def empty_database_url(server: EmbeddedServer) -> AsyncIterator[str]:
    """Give the URL of a new database with nothing in it, owned by the service's role."""
    async with fresh_database(server, "template1") as url:
        yield url


@pytest_asyncio.fixture
async def database_url(server: EmbeddedServer) -> AsyncIterator[str]:
    """Give the URL of a new migrated database, owned by the service's role."""
    async with fresh_database(server, TEMPLATE) as url:
        yield url


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool on a new migrated database; at the end every connection must be back."""
    opened = await open_pool(database_url)
    try:
        yield opened
        assert opened.get_size() - opened.get_idle_size() == 0, "a connection was not given back"
    finally:
        opened.terminate()


@pytest_asyncio.fixture
async def reader(server: EmbeddedServer, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the test's database as the role that may only read."""
    connection = await asyncpg.connect(
        on_database(server.reader_dsn, urlsplit(database_url).path.lstrip("/"))
    )
    try:
        yield connection
    finally:
        await connection.close()


def on_database(dsn: str, name: str) -> str:
    """Return `dsn` with another database."""
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()


async def as_admin(server: EmbeddedServer, *statements: str, database: str = "postgres") -> None:
    """Run statements as the superuser, each in its own transaction."""
    connection = await asyncpg.connect(on_database(server.admin_dsn, database))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def fresh_database(server: EmbeddedServer, template: str) -> AsyncIterator[str]:
    """Give the URL of a new database made from `template`; it is dropped at the end."""
    name = f"test_{next(_numbers)}"
    await as_admin(server, f"CREATE DATABASE {name} OWNER tidegauge TEMPLATE {template}")
    try:
        yield on_database(server.dsn, name)
    finally:
        await as_admin(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
