"""Open a pool with time limits, on a database that is created where it is missing."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import asyncpg

from service.errors import StoreError
from service.store.driver_errors import reason
from service.store.encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

LARGEST = 10  # connections: every monitor's cycle holds one for some milliseconds
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
IDLE_SECONDS = 300.0
RETRY_SECONDS = 0.2

# What a server says that is on its way up, or not there yet (its name included).
_NOT_YET = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
)


async def open_pool(
    dsn: str, *, application_name: str = "tidegauge", wait_seconds: float = 30.0
) -> asyncpg.Pool:
    """Open a pool on `dsn`; make its database where that is missing.

    Waits up to `wait_seconds` for a server that is not up yet. Raises StoreError where it stays away, refuses
    the role or lacks the database and may not make it.
    """
    deadline = time.monotonic() + wait_seconds

    async def open_once() -> asyncpg.Pool:
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=LARGEST,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            init=_prepare,
            server_settings={"application_name": application_name, "timezone": "UTC"},
        )

    try:
        return await _patiently(open_once, dsn, deadline)
    except asyncpg.InvalidCatalogNameError:
        await _create_database(dsn, deadline)
        return await _patiently(open_once, dsn, deadline)


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=to_json, decoder=json.loads)


async def _patiently(attempt: Callable[[], Awaitable[T]], dsn: str, deadline: float) -> T:
    started = time.monotonic()
    while True:
        try:
            return await attempt()
        except asyncpg.InvalidCatalogNameError:
            raise
        except _NOT_YET as error:
            if time.monotonic() + RETRY_SECONDS > deadline:
                waited = time.monotonic() - started
                raise StoreError(
                    f"{place(dsn)}: no connection after {waited:.0f} s: {reason(error)}; "
                    "check TIDEGAUGE_DATABASE_URL and that the server is running"
                ) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise StoreError(f"{place(dsn)}: {reason(error)}; check TIDEGAUGE_DATABASE_URL") from error
        await asyncio.sleep(RETRY_SECONDS)


async def _create_database(dsn: str, deadline: float) -> None:
    name = _database(dsn)

    async def connect(database: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            dsn, database=database, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS
        )

    try:
        connection = await _patiently(lambda: connect("postgres"), dsn, deadline)
    except (StoreError, asyncpg.InvalidCatalogNameError):
        connection = await _patiently(lambda: connect("template1"), dsn, deadline)
    quoted = name.replace('"', '""')
    try:
        await connection.execute(f'CREATE DATABASE "{quoted}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # another starter was quicker
    except asyncpg.PostgresError as error:
        raise StoreError(
            f"{place(dsn)}: database {name!r} does not exist and could not be created: {reason(error)}; "
            f'let an administrator run CREATE DATABASE "{quoted}" OWNER <the role>'
        ) from error
    finally:
        await connection.close()


def _database(dsn: str) -> str:
    parts = urlsplit(dsn)
    return parts.path.lstrip("/") or parts.username or ""


def place(dsn: str) -> str:
    """Return where a URL points, without its password."""
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname or "localhost", parts.port or 5432
    except ValueError:
        return "the database URL"
    user = f" as {parts.username}" if parts.username else ""
    return f"database {parts.path.lstrip('/') or '(default)'} on {host}:{port}{user}"
