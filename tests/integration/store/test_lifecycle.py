"""Reset, rename and purge reach everything that is kept of a monitor, whichever table a migration adds."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from service.core.access import Grant, Scope, Token
from service.core.checkpoint import Checkpoint
from service.core.labels.matching import LabelMatching
from service.core.labels.remeasure import LabelProgress
from service.store import lifecycle
from service.store.postgres import PostgresStore
from service.store.tables import access_token
from service.store.tables import checkpoint as checkpoints
from tests.integration.store.any_rows import fill
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
    "replica": "a process, of no monitor",
    "duty": "what one replica does for all monitors",
    "monitor_rename": "of names, not of monitors: what was accepted under an old name may come weeks later",
    "access_token": "it names monitors; a rename renames them there, and a purge leaves people's tokens",
}

TABLES = """
SELECT c.relname AS name, c.relname = ANY($1::text[]) AS reached, EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'monitor' AND NOT a.attisdropped
) AS has_monitor
FROM pg_class c WHERE c.relnamespace = 'tidegauge'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
ORDER BY c.relname
"""


async def _tables(pool: asyncpg.Pool) -> list[str]:
    found = await pool.fetch(TABLES, list(REACHED))
    unknown = [row["name"] for row in found if not row["has_monitor"] and not row["reached"]]
    assert not unknown, f"what deletes a monitor's rows in {', '.join(unknown)}?"
    return [row["name"] for row in found if row["has_monitor"]]


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
    assert {
        "story",
        "season_choice",
        "alarm_model",
        "inbox_batch",
        "inbox_key",
        "inbox_half",
        "inbox_audit",
        "taken_file",
    } <= {*tables}
    await PostgresStore(pool).commit(record(1))
    for table in tables:
        await fill(pool, table, "flights")
    assert [*await _held(pool, tables, "flights")] == tables
    await lifecycle.rename(pool, "flights", "boats")
    assert await _held(pool, tables, "flights") == {}
    assert [*await _held(pool, tables, "boats")] == tables
    for table in ("checkpoint", "inbox_key"):
        await fill(pool, table, "flights")
    await lifecycle.rename(pool, "flights", "boats", replace=True)
    accepted = {"inbox_batch": 1, "inbox_half": 1, "inbox_label": 1, "inbox_key": 1}  # and not measured yet
    assert await _held(pool, tables, "boats") == accepted | {"checkpoint": 1, "event": 1, "monitor": 1}
    for table in tables:
        await fill(pool, table, "boats")
    await lifecycle.remove(pool, "boats")
    await lifecycle.purge(pool, "boats")
    assert await _held(pool, tables, "boats") == {}
    for table in ("sample", "window_aspect", "window_distribution"):
        assert await pool.fetchval(f"SELECT count(*) FROM tidegauge.{table}") == 0


async def test_a_token_of_a_monitor_follows_its_new_name(pool: asyncpg.Pool) -> None:
    """Whoever may send to a monitor may send to it by its new name, and not by the old one."""
    grant = Grant(frozenset({Scope.ROWS}), frozenset({"boats", "flights"}))
    await access_token.add(pool, Token("0123456789ab", bytes(32), grant), "sender")
    await PostgresStore(pool).commit(record(1))
    await lifecycle.rename(pool, "flights", "planes")
    (found,) = await access_token.StoredTokens(pool).read()
    assert found.grant.monitors == {"boats", "planes"}


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


@pytest.mark.parametrize("table", ["story", "season_choice", "alarm_model", "inbox_key", "inbox_audit"])
async def test_the_reader_may_read_new_tables(pool: asyncpg.Pool, table: str) -> None:
    """Dashboards read as a role of their own."""
    may = "SELECT has_table_privilege('tidegauge_reader', $1, 'SELECT')"
    assert await pool.fetchval(may, f"tidegauge.{table}")
