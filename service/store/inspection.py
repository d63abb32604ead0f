"""Look at a database without changing it: the schema's version, our role's rights, locks, the reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from service.errors import StoreError
from service.store.connection_errors import advice, database_of, user_of
from service.store.connections import CONNECT_SECONDS, connect_options, is_behind_pooler
from service.store.driver_errors import DRIVER_ERRORS, reason
from service.store.held_locks import held_locks
from service.store.migrate import applied, pending
from service.store.pool import place
from service.store.rights import (
    MissingRights,
    grant_for,
    may_create_schema,
    missing_rights,
    quoted,
    reader_may_read,
)
from service.store.tables.inbox import sent_monitors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from service.store.tables.inbox.sent_monitors import SentMonitor


@dataclass(frozen=True, slots=True)
class DatabaseLook:
    """What was seen of a database.

    - `place`: where it is, without the password.
    - `exists`: whether the server has it; what follows is empty where it has not.
    - `server_version`: of Postgres.
    - `migrated_to`: the newest migration that was applied, empty before the first.
    - `pending`: the migrations that the next start applies.
    - `missing_rights`: what our role may not do and has to, with the SQL that helps; None where nothing is.
    - `reader_reads`: whether the role that dashboards read by exists and may read.
    - `may_create_reader`: whether the next start could create it.
    - `pooled`: whether a connection pooler lies in between.
    - `locks`: locks on our tables that others have waited for, as messages.
    - `sent`: the monitor files that were sent, by name.
    """

    place: str
    exists: bool = True
    server_version: str = ""
    migrated_to: str = ""
    pending: tuple[str, ...] = ()
    missing_rights: MissingRights | None = None
    reader_reads: bool = False
    may_create_reader: bool = False
    pooled: bool = False
    locks: tuple[str, ...] = ()
    sent: Mapping[str, SentMonitor] = field(default_factory=dict)


async def inspect_database(dsn: str, folder: Path) -> DatabaseLook:
    """Look at the database of `dsn`, in one read-only transaction.

    Raises StoreError where there is no connection or no right to look, and MigrationError where the schema is
    another program's.
    """
    where = place(dsn)
    try:
        connection = await _connect(dsn)
    except asyncpg.InvalidCatalogNameError:
        return await _absent(dsn, where)
    except (*DRIVER_ERRORS, ValueError) as error:
        raise StoreError(f"{where}: no connection: {advice(error, dsn)}") from error
    try:
        async with connection.transaction(readonly=True):
            return await _look(connection, where, folder)
    except asyncpg.InsufficientPrivilegeError as error:
        grant = grant_for(str(error), quoted(user_of(dsn) or "the_role"), quoted(database_of(dsn)))
        raise StoreError(f"{where}: {error}; let an administrator run {grant}") from error
    except DRIVER_ERRORS as error:
        raise StoreError(f"{where}: {reason(error)}") from error
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _connect(dsn: str, **other: str) -> asyncpg.Connection:
    # As behind a pooler, whether there is one or not: nothing is left in the session.
    return await asyncpg.connect(dsn, **connect_options("tidegauge", pooled=True, statement_cache=0), **other)


async def _look(connection: asyncpg.Connection, where: str, folder: Path) -> DatabaseLook:
    done = await applied(connection)
    waiting = tuple(await pending(connection, folder))
    may_create_reader = await connection.fetchval(
        "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    )
    return DatabaseLook(
        where,
        server_version=await connection.fetchval("SHOW server_version"),
        migrated_to=done[max(done)][0] if done else "",
        pending=waiting,
        missing_rights=await (missing_rights if done else may_create_schema)(connection),
        reader_reads=bool(done) and await reader_may_read(connection),
        may_create_reader=may_create_reader,
        pooled=await is_behind_pooler(connection),
        locks=tuple(lock.message for lock in await held_locks(connection)),
        sent=await sent_monitors.read_all(connection) if await connection.fetchval(_HAS_SENT) else {},
    )


_HAS_SENT = "SELECT to_regclass('tidegauge.sent_monitor') IS NOT NULL"


async def _absent(dsn: str, where: str) -> DatabaseLook:
    for database in ("postgres", "template1"):
        try:
            connection = await _connect(dsn, database=database)
        except (*DRIVER_ERRORS, ValueError):
            continue
        try:
            may = await connection.fetchval(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            )
        finally:
            await connection.close(timeout=CONNECT_SECONDS)
        if may:
            return DatabaseLook(where, exists=False)
        break
    statement = f"CREATE DATABASE {quoted(database_of(dsn))} OWNER {quoted(user_of(dsn) or 'the_role')}"
    what = f"the database {database_of(dsn)} does not exist, and our role may not create it"
    return DatabaseLook(where, exists=False, missing_rights=MissingRights(what, (statement,)))
