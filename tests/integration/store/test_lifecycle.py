"""Reset, rename and purge reach everything that is kept of a monitor, whichever table a migration adds."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from service.core.checkpoint import Checkpoint
from service.core.labels.matching import LabelMatching
from service.core.labels.remeasure import LabelProgress
from service.store import lifecycle
from service.store.postgres import PostgresStore
from service.store.tables import checkpoint as checkpoints
from tests.integration.store.test_store_commit import LAYOUT, record

if TYPE_CHECKING:
    import asyncpg

# Tables that have no column `monitor`, and what deletes their rows.
REACHED = {
    "sample": "its series, by lifecycle.purge",
    "window_aspect": "its window_run",
    "window_distribution": "its window_run",
    "webhook_outbox": "its event",
    "dummy": "a table of the demonstration, of no monitor",
    "schema_migration": "of no monitor",
}

TABLES = """
SELECT c.relname AS name, c.relname = ANY($1::text[]) AS reached, EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'monitor' AND NOT a.attisdropped
) AS has_monitor
FROM pg_class c WHERE c.relnamespace = 'tidegauge'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
ORDER BY c.relname
"""

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


async def _tables(pool: asyncpg.Pool) -> list[str]:
    found = await pool.fetch(TABLES, list(REACHED))
    unknown = [row["name"] for row in found if not row["has_monitor"] and not row["reached"]]
    assert not unknown, f"what deletes a monitor's rows in {', '.join(unknown)}?"
    return [row["name"] for row in found if row["has_monitor"]]


async def _fill(pool: asyncpg.Pool, table: str, monitor: str) -> None:
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


async def _held(pool: asyncpg.Pool, tables: list[str], monitor: str) -> dict[str, int]:
    counts = {
        table: await pool.fetchval(
            f'SELECT count(*) FROM tidegauge."{table}" WHERE monitor = $1',
            monitor,
        )
        for table in tables
    }
    return {table: count for table, count in counts.items() if count}


async def test_rename_and_purge_reach_every_table(pool: asyncpg.Pool) -> None:
    """A row in each table that names a monitor goes to the new name, and is gone after a purge."""
    tables = await _tables(pool)
    assert {"story", "season_choice", "inbox_batch", "inbox_key", "inbox_label", "inbox_audit"} <= {*tables}
    await PostgresStore(pool).commit(record(1))
    for table in tables:
        await _fill(pool, table, "flights")
    assert [*await _held(pool, tables, "flights")] == tables
    await lifecycle.rename(pool, "flights", "boats")
    assert await _held(pool, tables, "flights") == {}
    assert [*await _held(pool, tables, "boats")] == tables
    await _fill(pool, "checkpoint", "flights")
    await lifecycle.rename(pool, "flights", "boats", replace=True)
    assert {*await _held(pool, tables, "boats")} == {"checkpoint", "event", "monitor"}
    for table in tables:
        await _fill(pool, table, "boats")
    await lifecycle.remove(pool, "boats")
    await lifecycle.purge(pool, "boats")
    assert await _held(pool, tables, "boats") == {}
    for table in ("sample", "window_aspect", "window_distribution"):
        assert await pool.fetchval(f"SELECT count(*) FROM tidegauge.{table}") == 0


FULL = Checkpoint(
    cycle=1,
    position={"row": 5},
    rows=100,
    watermark=10,
    closed=3,
    alarms={"drift|size": "x.!"},
    detectors={"adwin": "{}"},
    labelling=LabelProgress(((1, 2),), 4, 5, LabelMatching()),
    ended=True,
    tolerances={"mae": "[]"},
)


async def test_a_reset_leaves_nothing_of_the_checkpoint(pool: asyncpg.Pool) -> None:
    """Evidence, alarms and detectors start without a past, as rows that come again would count twice."""
    empty = Checkpoint()
    assert all(getattr(FULL, each.name) != getattr(empty, each.name) for each in fields(Checkpoint))
    assert await PostgresStore(pool).commit(replace(record(1), after=FULL))
    assert await checkpoints.read(pool, "flights", LAYOUT) == FULL
    assert await lifecycle.reset(pool, "flights")
    assert await checkpoints.read(pool, "flights", LAYOUT) == Checkpoint(cycle=2)


@pytest.mark.parametrize("table", ["story", "season_choice", "inbox_key", "inbox_audit"])
async def test_the_reader_may_read_new_tables(pool: asyncpg.Pool, table: str) -> None:
    """Dashboards read as a role of their own."""
    may = "SELECT has_table_privilege('tidegauge_reader', $1, 'SELECT')"
    assert await pool.fetchval(may, f"tidegauge.{table}")
