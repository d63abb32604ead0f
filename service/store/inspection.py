"""Look at a database without changing it: its schema's version, the rights of our role, the reader's role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from service.errors import StoreError
from service.store.driver_errors import DRIVER_ERRORS, reason
from service.store.migrate import applied, pending
from service.store.pool import CONNECT_SECONDS, place

if TYPE_CHECKING:
    from pathlib import Path

READER = "tidegauge_reader"
TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class MissingRight:
    """A right that our role lacks, and the statement by which an administrator grants it."""

    right: str
    statement: str


@dataclass(frozen=True, slots=True)
class DatabaseLook:
    """What was seen of a database.

    - `place`: where it is, without the password.
    - `exists`: whether the server has it; what follows is empty where it has not.
    - `server_version`: of Postgres.
    - `migrated_to`: the newest migration that was applied, empty before the first.
    - `pending`: the migrations that the next start applies.
    - `missing_rights`: what our role may not do and has to.
    - `reader_exists`: whether there is the role that dashboards read by.
    - `may_create_reader`: whether the next start could create it.
    """

    place: str
    exists: bool = True
    server_version: str = ""
    migrated_to: str = ""
    pending: tuple[str, ...] = ()
    missing_rights: tuple[MissingRight, ...] = ()
    reader_exists: bool = False
    may_create_reader: bool = False


async def inspect_database(dsn: str, folder: Path) -> DatabaseLook:
    """Look at the database of `dsn`, in one read-only transaction.

    Raises StoreError where there is no connection, and MigrationError where the schema is another program's.
    """
    where = place(dsn)
    try:
        connection = await _connect(dsn)
    except asyncpg.InvalidCatalogNameError:
        return await _missing(dsn, where)
    except (*DRIVER_ERRORS, ValueError) as error:
        raise StoreError(
            f"{where}: no connection: {reason(error)}; check TIDEGAUGE_DATABASE_URL and that the server "
            "is running"
        ) from error
    try:
        async with connection.transaction(readonly=True):
            return await _look(connection, where, folder)
    except DRIVER_ERRORS as error:
        raise StoreError(f"{where}: {reason(error)}") from error
    finally:
        await connection.close()


async def _connect(dsn: str, **other: str) -> asyncpg.Connection:
    # No prepared statements are kept: a pooler in transaction mode would lose them.
    return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, statement_cache_size=0, **other)


async def _look(connection: asyncpg.Connection, where: str, folder: Path) -> DatabaseLook:
    done = await applied(connection)
    waiting = tuple(await pending(connection, folder))
    role = await connection.fetchrow(
        "SELECT current_user AS name, rolcreaterole OR rolsuper AS may_create FROM pg_roles "
        "WHERE rolname = current_user"
    )
    has_schema = await connection.fetchval("SELECT to_regnamespace('tidegauge') IS NOT NULL")
    lacking = await (_schema_rights if has_schema else _database_rights)(connection, role["name"])
    if has_schema and waiting:
        lacking += await _ownership(connection, role["name"])
    return DatabaseLook(
        where,
        server_version=await connection.fetchval("SHOW server_version"),
        migrated_to=done[max(done)][0] if done else "",
        pending=waiting,
        missing_rights=tuple(lacking),
        reader_exists=await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", READER
        ),
        may_create_reader=role["may_create"],
    )


async def _database_rights(connection: asyncpg.Connection, role: str) -> list[MissingRight]:
    name = await connection.fetchval("SELECT current_database()")
    if await connection.fetchval("SELECT has_database_privilege(current_database(), 'CREATE')"):
        return []
    grant = f"GRANT CREATE ON DATABASE {_quoted(name)} TO {_quoted(role)}"
    return [MissingRight(f"to create the schema tidegauge in the database {name}", grant)]


async def _schema_rights(connection: asyncpg.Connection, role: str) -> list[MissingRight]:
    lacking = [
        MissingRight(
            f"{right} on the schema tidegauge", f"GRANT {right} ON SCHEMA tidegauge TO {_quoted(role)}"
        )
        for right in ("USAGE", "CREATE")
        if not await connection.fetchval("SELECT has_schema_privilege('tidegauge', $1)", right)
    ]
    for right in TABLE_RIGHTS:
        tables = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'tidegauge'::regnamespace AND relkind IN "
            "('r', 'p') AND NOT has_table_privilege(oid, $1) ORDER BY relname",
            right,
        )
        names = [row["relname"] for row in tables]
        if names:
            grant = f"GRANT {right} ON ALL TABLES IN SCHEMA tidegauge TO {_quoted(role)}"
            lacking.append(MissingRight(f"{right} on {', '.join(names)}", grant))
    return lacking


async def _ownership(connection: asyncpg.Connection, role: str) -> list[MissingRight]:
    owner = await connection.fetchval(
        "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'tidegauge' "
        "AND NOT pg_has_role(nspowner, 'USAGE')"
    )
    if owner is None:
        return []
    grant = f"GRANT {_quoted(owner)} TO {_quoted(role)}"
    return [MissingRight(f"to migrate what the role {owner} owns", grant)]


async def _missing(dsn: str, where: str) -> DatabaseLook:
    parts = urlsplit(dsn)
    name = parts.path.lstrip("/") or parts.username or ""
    role = parts.username or ""
    for database in ("postgres", "template1"):
        try:
            connection = await _connect(dsn, database=database)
        except (*DRIVER_ERRORS, ValueError):
            continue
        try:
            async with connection.transaction(readonly=True):
                may = await connection.fetchval(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                )
        finally:
            await connection.close()
        if may:
            return DatabaseLook(where, exists=False)
        break
    statement = f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(role)}"
    return DatabaseLook(where, False, missing_rights=(MissingRight("to create the database", statement),))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
