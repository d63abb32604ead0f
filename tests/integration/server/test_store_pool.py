from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from service.errors import StoreError
from service.store.embedded.cluster import free_port
from service.store.pool import open_pool, place
from tests.conftest import as_admin, on_database

if TYPE_CHECKING:
    from service.store.embedded.server import EmbeddedServer


async def test_a_missing_database_is_made(server: EmbeddedServer):
    """Two starters on a database that does not exist make it together, where their role may."""
    await as_admin(server, "ALTER ROLE tidegauge CREATEDB")
    try:
        url = on_database(server.dsn, 'made-"here"')
        pools = await asyncio.gather(open_pool(url), open_pool(url))
        assert [await pool.fetchval("SELECT current_database()") for pool in pools] == ['made-"here"'] * 2
        await asyncio.gather(*(pool.close() for pool in pools))
    finally:
        await as_admin(
            server, 'DROP DATABASE IF EXISTS "made-""here""" WITH (FORCE)', "ALTER ROLE tidegauge NOCREATEDB"
        )


async def test_a_missing_database_that_may_not_be_made_is_told(server: EmbeddedServer):
    """Without the right to make databases, the error says what an administrator has to do."""
    with pytest.raises(StoreError, match=r"'nowhere' does not exist and could not be created.*administrator"):
        await open_pool(on_database(server.dsn, "nowhere"))


async def test_a_wrong_password_is_told_at_once_and_not_shown(server: EmbeddedServer):
    """A refused role is an error without waiting, and no password appears in it."""
    url = f"postgresql://tidegauge:secret-word@127.0.0.1:{server.port}/tidegauge"
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        await asyncio.wait_for(open_pool(url, wait_seconds=60), 20)
    assert "secret-word" not in str(caught.value)
    assert f"127.0.0.1:{server.port} as tidegauge" in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://somewhere/db", "no url at all", "postgresql://host:port/db"])
async def test_a_url_that_is_none_is_told(url: str):
    """What cannot be read as a database URL is an error that names the variable."""
    with pytest.raises(StoreError, match="TIDEGAUGE_DATABASE_URL"):
        await open_pool(url, wait_seconds=0.1)


async def test_a_server_that_stays_away_is_waited_for_and_told():
    """With nobody listening the wait is bounded, and the error says where it looked."""
    port = free_port()
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(StoreError, match=rf"127\.0\.0\.1:{port}.*no connection after"):
        await open_pool(f"postgresql://me@127.0.0.1:{port}/db", wait_seconds=0.5)
    assert loop.time() - started < 10


async def test_a_server_that_comes_late_is_waited_for(server: EmbeddedServer, database_url: str):
    """A server that begins to listen while we wait is used."""
    port = free_port()
    opening = asyncio.create_task(
        open_pool(database_url.replace(f":{server.port}/", f":{port}/"), wait_seconds=30)
    )
    await asyncio.wait([opening], timeout=0.3)
    assert not opening.done()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Fetches from the real server: what is tested is the wait.
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    late = await asyncio.start_server(forward, "127.0.0.1", port)
    async with late:
        pool = await opening
        assert await pool.fetchval("SELECT 1") == 1
        await pool.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_sessions_are_named_and_in_utc(database_url: str):
    """The pool's sessions carry the application's name, and jsonb is Python's own types."""
    async with await open_pool(database_url, application_name="gauge") as pool:
        assert await pool.fetchval("SHOW application_name") == "gauge"
        assert await pool.fetchval("SHOW timezone") == "UTC"
        assert await pool.fetchval("SELECT $1::jsonb", {"a": [1, None]}) == {"a": [1, None]}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:word@db:6543/gauge?sslmode=disable", "database gauge on db:6543 as me"),
        ("postgresql://db/gauge", "database gauge on db:5432"),
        ("postgresql://", "database (default) on localhost:5432"),
    ],
)
def test_a_place_is_told_without_its_password(url: str, expected: str):
    """Messages name the server, the database and the role, never the password."""
    assert place(url) == expected
