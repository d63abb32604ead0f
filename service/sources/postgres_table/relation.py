"""Looks at the table that a monitor names: what it is, and whether it can be read as it is declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from service.errors import SourceError
from service.sources.postgres_table.position import Identity, Snapshot
from service.sources.postgres_table.select import quoted
from service.sources.tables.parsed import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncpg import Connection

MIN_VERSION = 130_000  # the first with 64-bit transaction numbers
OF_QUERY = -1  # in place of a table's object id
TIMES = frozenset({"timestamptz", "timestamp", "date"})

_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}

_SERVER = """
SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS is_standby,
       current_user::text AS role, current_database()::text AS name,
       (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database
"""

_TIMELINE = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"

_MAY_ASK = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"

_SYSTEM = "SELECT system_identifier::text FROM pg_control_system()"

_SNAPSHOT = """
SELECT pg_snapshot_xmin(s)::text::bigint AS oldest, pg_snapshot_xmax(s)::text::bigint AS next
FROM (SELECT pg_current_snapshot() AS s) snapshot
"""

_TABLE = """
SELECT c.oid::bigint AS table, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)::oid
"""

_NAMES = """
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN quote_ident(c.relname)
            ELSE quote_ident(n.nspname) || '.' || quote_ident(c.relname) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'tidegauge')
ORDER BY 1 LIMIT 1000
"""

_COLUMNS = """
SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS type, t.typname::text AS plain,
       t.typcategory::text AS category, t.typtype::text AS sort
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

_KEY = """
SELECT a.attname::text FROM pg_index i
JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, place) ON true
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = $1::bigint::oid AND i.indisprimary ORDER BY k.place
"""

_FILES = """
SELECT c.oid::bigint AS table, coalesce(pg_relation_filenode(c.oid), 0)::bigint AS file
FROM pg_class c WHERE c.oid = $1::bigint::oid AND c.relkind = 'r'
   OR c.oid IN (SELECT relid FROM pg_partition_tree($1::bigint::oid::regclass) WHERE isleaf)
"""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of a column.

    - `sql`: as SQL writes it
    - `plain`: its short name, such as timestamptz
    - `is_nested`: whether a value holds several, as arrays and composite types do
    """

    sql: str
    plain: str
    is_nested: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it is now.

    - `sql`: its name in SQL, with its schema
    - `columns`: the types of its columns, by name
    - `key`: the columns of its primary key, none where it has no such key
    - `identity`: which table it is
    """

    sql: str
    columns: Mapping[str, ColumnType]
    key: tuple[str, ...]
    identity: Identity

    @property
    def shown(self) -> str:
        """Its name, or the query, on one line."""
        return " ".join(self.sql.split())


async def look_at(connection: Connection, table: str) -> Relation:
    """Return the table of this name. Raises SourceError where it cannot be read by its transactions."""
    server = await connection.fetchrow(_SERVER)
    if server["version"] < MIN_VERSION:
        raise SourceError(
            f"{table}: the server is Postgres {server['version'] // 10_000}; expected 13 or newer"
        )
    if server["is_standby"]:
        raise SourceError(
            f"{table}: the server is a standby, on which it is not known what its primary has committed "
            "since; expected the url of the primary"
        )
    try:
        found = await connection.fetchrow(_TABLE, table)
    except (asyncpg.InvalidNameError, asyncpg.PostgresSyntaxError) as error:
        raise SourceError(
            f"table: {table!r} is no name of a table: {error}; expected such as public.predictions"
        ) from error
    if found is None:
        names = [each[0] for each in await connection.fetch(_NAMES)]
        raise SourceError(
            f"table: {table!r} does not exist in the database {server['name']} (as {server['role']})"
            f"{nearest(table, names)}; its tables are {listed(names) if names else 'none'}"
        )
    name = f"{quoted(found['schema'])}.{quoted(found['name'])}"
    _check_kind(found, table)
    if not found["readable"]:
        raise SourceError(
            f"{table}: the role {server['role']} may not read it; let its owner run "
            f"GRANT SELECT ON {name} TO {quoted(server['role'])}"
        )
    files = {str(each["table"]): each["file"] for each in await connection.fetch(_FILES, found["table"])}
    system = ""
    if await connection.fetchval(_MAY_ASK):
        system = await connection.fetchval(_SYSTEM)
    identity = Identity(
        system, await connection.fetchval(_TIMELINE), server["database"], found["table"], files
    )
    columns = {
        each["name"]: ColumnType(
            each["type"], each["plain"], each["category"] in {"A", "C"} or each["sort"] == "m"
        )
        for each in await connection.fetch(_COLUMNS, found["table"])
    }
    key = tuple(each[0] for each in await connection.fetch(_KEY, found["table"]))
    return Relation(name, columns, key, identity)


async def look_at_query(connection: Connection, query: str) -> Relation:
    """Return what a query gives. Raises SourceError where it is no query."""
    server = await connection.fetchrow(_SERVER)
    sql = f"({query.rstrip().rstrip(';')}\n)"  # a comment may end it
    try:
        prepared = await connection.prepare("\n".join(["SELECT *", f"FROM {sql} AS tidegauge_table LIMIT 0"]))
    except (asyncpg.SyntaxOrAccessError, asyncpg.FeatureNotSupportedError) as error:
        raise SourceError(f"query: {error}; expected one SELECT that the url's role may run") from error
    columns = {
        each.name: ColumnType(
            f"{quoted(each.type.schema)}.{quoted(each.type.name)}", each.type.name, each.type.kind != "scalar"
        )
        for each in prepared.get_attributes()
    }
    system = ""
    if await connection.fetchval(_MAY_ASK):
        system = await connection.fetchval(_SYSTEM)
    timeline = "" if server["is_standby"] else await connection.fetchval(_TIMELINE)
    return Relation(sql, columns, (), Identity(system, timeline, server["database"], OF_QUERY))


def check_time(kind: ColumnType, name: str) -> None:
    """Raise SourceError where a column that says when rows were changed holds no times."""
    if kind.plain not in {"timestamptz", "timestamp"}:
        raise SourceError(
            f"updated_at: {name!r} is {kind.plain}; expected a column of type timestamp with time zone"
        )


async def snapshot_of(connection: Connection) -> Snapshot:
    """Return what the transactions are in this one's snapshot."""
    found = await connection.fetchrow(_SNAPSHOT)
    return Snapshot(found["oldest"], found["next"])


def _check_kind(found: asyncpg.Record, table: str) -> None:
    kind = _KINDS.get(found["kind"])
    if kind is not None:
        raise SourceError(
            f"table: {table!r} is {kind}, whose rows do not say which transaction wrote them; expected a "
            "table, or its SELECT as query, with updated_at and gap"
        )
    if found["kind"] not in {"r", "p"}:
        raise SourceError(f"table: {table!r} is no table; expected one")
    if found["schema"] in {"tidegauge", "pg_catalog", "information_schema"}:
        raise SourceError(
            f"table: {table!r} is in the schema {found['schema']}, which is not for rows of a model; "
            "expected another"
        )
