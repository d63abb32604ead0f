"""Open a pool with time limits, on a database that is created where it is missing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import asyncpg

from service.errors import StoreError
from service.store.connection_errors import NOT_YET, advice, database_of
from service.store.connections import (
    COMMAND_SECONDS,
    CONNECT_SECONDS,
    connect_options,
    finds_pooler,
    keep_session,
    prepare,
)
from service.store.driver_errors import reason
from service.store.rights import quoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

LARGEST = 10  # connections: every monitor's cycle holds one for some milliseconds
IDLE_SECONDS = 300.0
RETRY_SECONDS = 0.2


async def open_pool(
    dsn: str,
    *,
    application_name: str = "tidegauge",
    wait_seconds: float = 30.0,
    statement_cache: int | None = None,
    largest: int = LARGEST,
) -> asyncpg.Pool:
    """Open a pool of `largest` connections at most on `dsn`; make its database where that is missing.

    A connection pooler in between is noticed, and then no statement is prepared ahead; `statement_cache` (0:
    none is) decides that whatever is noticed. Waits up to `wait_seconds` for a server that is not up yet.
    Raises StoreError where it stays away, refuses the role or lacks the database and may not make it.
    """
    deadline = time.monotonic() + wait_seconds

    async def open_once() -> asyncpg.Pool:
        pooled = statement_cache == 0 or await finds_pooler(dsn)
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=largest,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            init=prepare,
            reset=keep_session if pooled else None,
            **connect_options(application_name, pooled=pooled, statement_cache=statement_cache),
        )

    try:
        return await _patiently(open_once, dsn, deadline)
    except asyncpg.InvalidCatalogNameError:
        await _create_database(dsn, deadline)
        return await _patiently(open_once, dsn, deadline)


async def _patiently(attempt: Callable[[], Awaitable[T]], dsn: str, deadline: float) -> T:
    started = time.monotonic()
    while True:
        try:
            return await attempt()
        except asyncpg.InvalidCatalogNameError:
            raise
        except NOT_YET as error:
            if time.monotonic() + RETRY_SECONDS > deadline:
                waited = time.monotonic() - started
                raise StoreError(
                    f"{place(dsn)}: no connection after {waited:.0f} s: {advice(error, dsn)}"
                ) from error
        except ValueError as error:  # its text, and that of its traceback, may hold a piece of the password
            raise StoreError(f"TIDEGAUGE_DATABASE_URL: {advice(error, dsn)}") from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreError(f"{place(dsn)}: {advice(error, dsn)}; check TIDEGAUGE_DATABASE_URL") from error
        await asyncio.sleep(RETRY_SECONDS)


async def _create_database(dsn: str, deadline: float) -> None:
    name = database_of(dsn)

    async def connect(database: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            dsn,
            database=database,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            statement_cache_size=0,
        )

    try:
        connection = await _patiently(lambda: connect("postgres"), dsn, deadline)
    except (StoreError, asyncpg.InvalidCatalogNameError):
        connection = await _patiently(lambda: connect("template1"), dsn, deadline)
    try:
        await connection.execute(f"CREATE DATABASE {quoted(name)}")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # another starter was quicker
    except asyncpg.PostgresError as error:
        raise StoreError(
            f"{place(dsn)}: database {name!r} does not exist and could not be created: {reason(error)}; "
            f"let an administrator run CREATE DATABASE {quoted(name)} OWNER <the role>"
        ) from error
    finally:
        await connection.close()


def place(dsn: str) -> str:
    """Return where a URL points, without its password."""
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname or "localhost", parts.port or 5432
    except ValueError:
        return "the database URL"
    user = f" as {parts.username}" if parts.username else ""
    return f"database {parts.path.lstrip('/') or '(default)'} on {host}:{port}{user}"
