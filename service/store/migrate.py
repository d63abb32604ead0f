"""Migrate the schema to this program's version: plain SQL files, forward only.

Each file is applied once, in one transaction, by one starter at a time. Its checksum is kept: an edited file
is refused by name, and so is a database that is newer than the program.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from service.errors import MigrationError
from service.store.driver_errors import DRIVER_ERRORS, reason, translated
from service.store.rights import missing_right

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOCK = int.from_bytes(hashlib.sha256(b"tidegauge.schema_migration").digest()[:7])
LOCK_WAIT_SECONDS = 300.0
LOCK_POLL_SECONDS = 0.05
FILE_SECONDS = 3_600.0
FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `version` from its name's digits, `checksum` the SHA-256 of its bytes in hex."""

    version: int
    name: str
    checksum: str
    sql: str


def migrations_folder() -> Path:
    """Return the folder of the migration files: in an installed package or in a checkout.

    Raises MigrationError where neither has them.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if folder.is_dir():
            return folder
    raise MigrationError(f"no migrations next to or inside {package}; the installation is not complete")


def read_migrations(folder: Path) -> list[Migration]:
    """Return the folder's files in the order of their versions.

    Raises MigrationError for an empty folder, a name that is no migration's, or a version used twice.
    """
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if not match:
            raise MigrationError(f"{path}: expected a name like 0001_create_series.sql")
        version, content = int(match[1]), path.read_bytes()
        if version in found:
            raise MigrationError(f"{path}: version {match[1]} is also {found[version].name}")
        checksum = hashlib.sha256(content).hexdigest()
        found[version] = Migration(version, path.name, checksum, content.decode())
    if not found:
        raise MigrationError(f"{folder}: no migration files; expected 0001_....sql and so on")
    return list(found.values())


async def migrate(target: asyncpg.Connection | asyncpg.Pool, folder: Path) -> list[str]:
    """Bring the schema up to date and return the names applied now; [] where it was.

    Raises MigrationError where a file fails (its transaction is undone, earlier files stay), was edited after
    it was applied, or where the database is newer than `folder`.
    """
    wanted = await asyncio.to_thread(read_migrations, folder)
    applied_now = []
    with translated("migrate"):
        async with _connection(target) as connection:
            try:
                if not await _has_ground(connection):
                    async with _alone(connection):
                        await _lay_ground(connection)
                while waiting := _unapplied(wanted, await applied(connection)):
                    async with _alone(connection):
                        # Another starter may have been quicker: one looks again when alone.
                        if waiting[0] in _unapplied(wanted, await applied(connection)):
                            await _apply(connection, waiting[0])
                            applied_now.append(waiting[0].name)
                await _grant_reader(connection)
            except asyncpg.InsufficientPrivilegeError as error:
                raise await _lacks_right(connection, error) from error
    return applied_now


async def pending(target: asyncpg.Connection | asyncpg.Pool, folder: Path) -> list[str]:
    """Return the names of the files that are not applied yet; changes nothing.

    Raises StoreError where the database cannot be read, MigrationError as `migrate` does.
    """
    wanted = await asyncio.to_thread(read_migrations, folder)
    with translated("look for pending migrations"):
        async with _connection(target) as connection:
            done = await applied(connection)
    return [migration.name for migration in _unapplied(wanted, done)]


@asynccontextmanager
async def _connection(target: asyncpg.Connection | asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    if isinstance(target, asyncpg.Pool):
        async with target.acquire() as connection:
            yield connection
    else:
        yield target


@asynccontextmanager
async def _alone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Run the block in a transaction that no other starter's overlaps.

    The lock is the transaction's and not the session's: behind a connection pooler the next transaction has
    another session. It is polled, since a starter that blocks for it holds a snapshot, and another's CREATE
    INDEX CONCURRENTLY would wait for that for ever.
    """
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        async with connection.transaction():
            if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                await connection.execute("SET LOCAL lock_timeout = 0")
                yield
                return
        if time.monotonic() > deadline:
            raise MigrationError(
                f"another starter has been migrating for {LOCK_WAIT_SECONDS:.0f} s; wait for it or end it "
                "(pg_locks with locktype advisory names its process)"
            )
        await asyncio.sleep(LOCK_POLL_SECONDS)


async def _has_ground(connection: asyncpg.Connection) -> bool:
    # From the catalogue: what to_regclass finds may be a session's memory from before another's commit.
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'schema_migration' AND relnamespace = "
        "(SELECT oid FROM pg_namespace WHERE nspname = 'tidegauge'))"
    )
    return found


async def _lacks_right(connection: asyncpg.Connection, error: asyncpg.PostgresError) -> MigrationError:
    statement = await missing_right(connection, error)
    return MigrationError(
        f"the schema could not be brought up to date: {error}; let an administrator run {statement}"
    )


async def _lay_ground(connection: asyncpg.Connection) -> None:
    if await _has_ground(connection):
        return
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'tidegauge')"):
        await connection.execute("CREATE SCHEMA tidegauge")
    await connection.execute(
        "CREATE TABLE tidegauge.schema_migration (version integer PRIMARY KEY, name text NOT NULL, "
        "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )


async def applied(connection: asyncpg.Connection) -> dict[int, tuple[str, str]]:
    """Return the name and the checksum of each migration that the database has, by version."""
    if not await _has_ground(connection):
        return {}
    rows = await connection.fetch("SELECT version, name, checksum FROM tidegauge.schema_migration")
    return {row["version"]: (row["name"], row["checksum"]) for row in rows}


def _unapplied(wanted: list[Migration], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    known = {migration.version for migration in wanted}
    newer = [name for version, (name, _) in sorted(applied.items()) if version not in known]
    if newer:
        raise MigrationError(
            f"the database has migrations that this version does not know ({', '.join(newer)}): it was "
            "migrated by a newer version; install that one, or restore a backup from before the upgrade"
        )
    for migration in wanted:
        name, checksum = applied.get(migration.version, (migration.name, migration.checksum))
        if checksum != migration.checksum:
            raise MigrationError(
                f"{migration.name} was edited after it was applied (as {name}, sha256 {checksum[:12]}, now "
                f"{migration.checksum[:12]}); restore the file and put the change into a new migration"
            )
    return [migration for migration in wanted if migration.version not in applied]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.sql, timeout=FILE_SECONDS)
        await connection.execute(
            "INSERT INTO tidegauge.schema_migration (version, name, checksum) VALUES ($1, $2, $3)",
            migration.version,
            migration.name,
            migration.checksum,
        )
    except asyncpg.InsufficientPrivilegeError:
        raise  # answered with the right that is missing
    except DRIVER_ERRORS as error:
        raise MigrationError(
            f"{migration.name} could not be applied: {reason(error)}; nothing of it stays"
        ) from error


async def _grant_reader(connection: asyncpg.Connection) -> None:
    # A reader role that was made after the migrations ran gets its rights here.
    lacking = await connection.fetchval(
        "SELECT NOT has_schema_privilege(oid, 'tidegauge', 'USAGE') FROM pg_roles "
        "WHERE rolname = 'tidegauge_reader'"
    )
    if lacking and await connection.fetchval("SELECT to_regproc('tidegauge.grant_reader') IS NOT NULL"):
        await connection.execute("SELECT tidegauge.grant_reader()")
