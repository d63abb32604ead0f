"""The rights of the service's role: what is missing, and the SQL that an administrator runs to give it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.errors import StoreError

if TYPE_CHECKING:
    import asyncpg

READER = "tidegauge_reader"

# Of each table (a partition's rights do not count) and sequence what cycles, commands and retention need.
_LACKING = """
SELECT current_user AS role, current_database() AS database,
    has_schema_privilege('tidegauge', 'USAGE') AS usage,
    has_schema_privilege('tidegauge', 'CREATE') AS create,
    (SELECT array_agg(format('%I.%I', 'tidegauge', c.relname) ORDER BY c.relname) FROM pg_class c
     WHERE c.relnamespace = 'tidegauge'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
    ) AS tables,
    (SELECT NOT pg_has_role(c.relowner, 'USAGE') FROM pg_class c
     WHERE c.oid = 'tidegauge.sample'::regclass) AS foreign_sample
"""


@dataclass(frozen=True, slots=True)
class MissingRights:
    """What our role may not do and has to.

    - `what`: the role, the database, and the tables that it may not use.
    - `statements`: what an administrator runs to give it.
    """

    what: str
    statements: tuple[str, ...]

    @property
    def message(self) -> str:
        """What is missing, and the SQL that helps."""
        return f"{self.what}: let an administrator run {'; '.join(self.statements)}"


async def check_rights(executor: asyncpg.Connection | asyncpg.Pool) -> None:
    """Raise StoreError, with the SQL that helps, where the role may not do what a cycle does."""
    missing = await missing_rights(executor)
    if missing is not None:
        raise StoreError(missing.message)


async def missing_rights(executor: asyncpg.Connection | asyncpg.Pool) -> MissingRights | None:
    """Return what the role lacks on a schema that was migrated; None where it lacks nothing."""
    row = await executor.fetchrow(_LACKING)
    if row is None:
        return None
    role = quoted(row["role"])
    needed = []
    if not (row["usage"] and row["create"]):
        needed.append(f"GRANT USAGE, CREATE ON SCHEMA tidegauge TO {role}")
    if row["tables"]:
        needed.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tidegauge TO {role}")
    if row["foreign_sample"]:
        # Only an owner can attach a month's partition, or drop it.
        needed.append(f"ALTER TABLE tidegauge.sample OWNER TO {role}")
    if not needed:
        return None
    lacking = f"; it may not use {', '.join(row['tables'])}" if row["tables"] else ""
    what = f"the role {row['role']} lacks rights in the database {row['database']}{lacking}"
    return MissingRights(what, tuple(needed))


async def may_create_schema(executor: asyncpg.Connection | asyncpg.Pool) -> MissingRights | None:
    """Return what the role lacks to lay out a database that has no schema of ours yet."""
    row = await executor.fetchrow(
        "SELECT current_user AS role, current_database() AS database, "
        "has_database_privilege(current_database(), 'CREATE') AS create"
    )
    if row is None or row["create"]:
        return None
    what = f"the role {row['role']} may not create the schema tidegauge in the database {row['database']}"
    return MissingRights(
        what, (grant_for("permission denied for database", quoted(row["role"]), quoted(row["database"])),)
    )


async def reader_may_read(executor: asyncpg.Connection | asyncpg.Pool) -> bool:
    """Say whether the role that dashboards read with exists and may read."""
    found: bool = await executor.fetchval(
        "SELECT coalesce(bool_and(has_schema_privilege(r.oid, 'tidegauge', 'USAGE') AND "
        "has_table_privilege(r.oid, 'tidegauge.metrics', 'SELECT')), false) "
        "FROM pg_roles r WHERE rolname = $1",
        READER,
    )
    return found


async def missing_right(connection: asyncpg.Connection, error: BaseException) -> str:
    """Return the SQL that gives what a refused statement lacked, for the role of `connection`."""
    if connection.is_closed():
        return grant_for(str(error), "the_role_of_the_service", "the_database")
    row = await connection.fetchrow("SELECT current_user AS role, current_database() AS database")
    return grant_for(str(error), quoted(row["role"]), quoted(row["database"]))


def grant_for(message: str, role: str, database: str) -> str:
    """Return the statement that gives `role` (quoted) the right that Postgres' `message` speaks of."""
    owned = re.search(r"must be owner of (?P<kind>[a-z ]+?) (?P<name>\S+)", message)
    if owned:
        return f"ALTER {owned['kind'].upper()} tidegauge.{owned['name'].strip(chr(34))} OWNER TO {role}"
    refused = re.search(r"permission denied (?:for|to create) (?P<kind>[a-z]+)(?: (?P<name>\S+))?", message)
    kind = refused["kind"] if refused else ""
    name = ((refused and refused["name"]) or "").strip('"')
    grants = {
        "database": f"GRANT CONNECT, CREATE ON DATABASE {database} TO {role}",
        "schema": f"GRANT USAGE, CREATE ON SCHEMA {name or 'tidegauge'} TO {role}",
        "table": f"GRANT SELECT, INSERT, UPDATE, DELETE ON tidegauge.{name} TO {role}",
        "view": f"GRANT SELECT ON tidegauge.{name} TO {role}",
        "sequence": f"GRANT USAGE ON SEQUENCE tidegauge.{name} TO {role}",
        "function": f"GRANT EXECUTE ON FUNCTION tidegauge.{name} TO {role}",
        "role": f"ALTER ROLE {role} CREATEROLE",
    }
    return grants.get(kind, f"ALTER DATABASE {database} OWNER TO {role}")


def quoted(name: str) -> str:
    """Return an SQL identifier, in double quotes where it needs them."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        return name
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def reader_sql(database: str, owner: str) -> str:
    """Return the SQL by which an administrator makes the role that dashboards read with.

    It can be run before or after the first migration, and again.
    """
    return f"""\
-- Run as an administrator, connected to the database {quoted(database)}:
--   tidegauge migrate --reader-sql | psql ADMINISTRATORS_URL
-- Then give the role its password: ALTER ROLE {READER} PASSWORD '...'
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{READER}') THEN
        CREATE ROLE {READER};
    END IF;
END;
$$;
ALTER ROLE {READER} LOGIN CONNECTION LIMIT 40;
ALTER ROLE {READER} SET default_transaction_read_only = on;
ALTER ROLE {READER} SET statement_timeout = '30s';
GRANT CONNECT ON DATABASE {quoted(database)} TO {READER};
DO $$
BEGIN
    -- Before the first migration there is nothing to grant; the service does it then.
    IF to_regnamespace('tidegauge') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA tidegauge TO {READER};
        GRANT SELECT ON ALL TABLES IN SCHEMA tidegauge TO {READER};
        ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(owner)} IN SCHEMA tidegauge
            GRANT SELECT ON TABLES TO {READER};
    END IF;
    IF to_regclass('tidegauge.access_token') IS NOT NULL THEN
        REVOKE ALL ON tidegauge.access_token FROM {READER};
    END IF;
    IF to_regclass('tidegauge.inbox_batch') IS NOT NULL THEN
        REVOKE ALL ON tidegauge.inbox_batch, tidegauge.inbox_label FROM {READER};
    END IF;
    IF to_regclass('tidegauge.inbox_half') IS NOT NULL THEN
        REVOKE ALL ON tidegauge.inbox_half FROM {READER};
    END IF;
    IF to_regclass('tidegauge.taken_file') IS NOT NULL THEN
        REVOKE ALL ON tidegauge.taken_file FROM {READER};
    END IF;
END;
$$;
"""  # noqa: S608 - names that `quoted` has quoted
