"""Rows with any values, for tables that a test knows by the catalogue alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

# What a row needs: columns without a default that may not be NULL.
NEEDED = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
WHERE a.attrelid = format('tidegauge.%I', $1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attname <> 'monitor'
ORDER BY a.attnum
"""

VALUES = {
    "bigint": "1", "smallint": "1", "integer": "1", "text": "'rows'", "boolean": "true", "bytea": "'\\x01'",
    "jsonb": "'{}'", "timestamp with time zone": "now()", "double precision": "1", "bigint[]": "'{1}'",
    "text[]": "'{a}'", "double precision[]": "'{1}'", "smallint[]": "'{1}'",
}  # fmt: skip

# What a constraint wants.
CHECKED = {
    ("cycle_log", "outcome"): "'idle'", ("event", "kind"): "'breach'", ("series", "aspect"): "'drift'",
    ("series", "worse"): "'both'",
}  # fmt: skip


async def fill(pool: asyncpg.Pool, table: str, monitor: str) -> None:
    """Enter a row of a monitor, with any values."""
    needed = await pool.fetch(NEEDED, table)
    names = ", ".join(["monitor", *(f'"{row["name"]}"' for row in needed)])
    values = ", ".join(["$1", *(_value(table, row["name"], row["type"]) for row in needed)])
    await pool.execute(
        f'INSERT INTO tidegauge."{table}" ({names}) VALUES ({values}) ON CONFLICT DO NOTHING',
        monitor,
    )


def _value(table: str, column: str, kind: str) -> str:
    return CHECKED.get((table, column)) or VALUES[kind]
