"""Connections to the database that a table is in: time limits, and a transaction that writes nothing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg

from service.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service.sources.context import OwnDatabase

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0
GRACE_SECONDS = 5.0  # that the server has to say itself that a statement took too long


class Database:
    """Gives transactions on the database of a table; it keeps one connection open between them."""

    def __init__(
        self, url: Callable[[], str] | None, own: OwnDatabase | None, *, statement_seconds: float, what: str
    ) -> None:
        """Take the URL, or None for the service's `own` database; `what` is read there, for messages."""
        self._url = url
        self._own = own
        self._seconds = statement_seconds
        self._what = what
        self._connection: asyncpg.Connection | None = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[asyncpg.Connection]:
        """Give a transaction that reads one state of the database. Raises SourceError."""
        try:
            async with self._connected() as connection, _reading(connection):
                await connection.execute(self._settings())
                yield connection
        except SourceError:
            await self.close()
            raise
        except asyncpg.InsufficientPrivilegeError as error:
            await self.close()
            raise SourceError(
                f"{self._what}: {error.args[0]}; let its owner run GRANT SELECT ON ... TO the "
                "role of the url, and ALTER ROLE ... BYPASSRLS where policies hide rows"
            ) from error
        except (asyncpg.QueryCanceledError, TimeoutError) as error:
            await self.close()
            raise SourceError(
                f"{self._what}: no answer within {self._seconds:g} s (timeout); on a large table, lookback "
                "and an index on the column of times let less of it be read"
            ) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            await self.close()
            said = " ".join(str(error).split()) or type(error).__name__
            raise SourceError(f"{self._what}: {said}") from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            connection.terminate()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        if self._url is None:
            if self._own is None:
                raise SourceError(f"{self._what}: there is no database; expected a url")
            async with self._own.connection() as connection:
                yield connection
            return
        if self._connection is None or self._connection.is_closed():
            self._connection = await _connect(self._url(), self._seconds, self._what)
        yield self._connection

    def _settings(self) -> str:
        # For the transaction alone: behind a pooler the session is another client's afterwards.
        return (
            f"SET LOCAL statement_timeout = {round(self._seconds * 1_000)}; SET LOCAL timezone = 'UTC'; "
            "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'iso_8601'; "
            "SET LOCAL extra_float_digits = 3; SET LOCAL standard_conforming_strings = on; "
            "SET LOCAL bytea_output = 'hex'; "
            "SET LOCAL row_security = off"  # a policy that hides rows is an error, not silence
        )


def _reading(connection: asyncpg.Connection) -> Any:
    return connection.transaction(isolation="repeatable_read", readonly=True)


async def _connect(url: str, seconds: float, what: str) -> asyncpg.Connection:
    options: dict[str, Any] = {
        "timeout": CONNECT_SECONDS,
        "command_timeout": seconds + GRACE_SECONDS,
        "statement_cache_size": 0,  # a pooler would not find a statement that was prepared ahead
        "server_settings": {"application_name": "tidegauge"},
    }
    try:
        return await asyncpg.connect(url, **options)
    except ValueError:  # its text, and that of its traceback, may hold a piece of the password
        raise SourceError(
            f"{what}: the url cannot be read; expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{what}: no connection to {_place(url)}: {said}") from error


def _place(url: str) -> str:
    # Without the password.
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or 5432
    except ValueError:
        return "the url"
    user = f" as {parts.username}" if parts.username else ""
    return f"{parts.path.lstrip('/') or 'the default database'} on {host}:{port}{user}"
