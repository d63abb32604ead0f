"""A database that an earlier version has filled is migrated, and can be read."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool
from tests.integration.store.any_rows import fill

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

FROM = 15  # the last migration of the version that is upgraded
RELATIONS = """
SELECT relname, relkind FROM pg_class WHERE relnamespace = 'tidegauge'::regnamespace
AND relkind = ANY($1::"char"[]) AND NOT relispartition ORDER BY relname
"""
FILLED = (
    "calibration", "checkpoint", "column_bins", "cycle_log", "event", "monitor", "pane", "pending_row",
    "rejected_row", "series", "window_run",
)  # fmt: skip

# Tokens' hashes, and values as they were sent.
HIDDEN = {"access_token", "inbox_batch", "inbox_half", "inbox_label", "taken_file"}


async def _rows(pool: asyncpg.Pool, *kinds: bytes) -> dict[str, int]:
    names = [row["relname"] for row in await pool.fetch(RELATIONS, list(kinds))]
    return {name: await pool.fetchval(f'SELECT count(*) FROM tidegauge."{name}"') for name in names}


async def test_a_filled_database_is_upgraded(empty_database_url: str, tmp_path: Path) -> None:
    """No row is lost, and every view answers, for the role of the dashboards as well."""
    before, after = tmp_path / "before", migrations_folder()
    before.mkdir()
    for path in sorted(after.glob("*.sql"))[:FROM]:
        shutil.copy(path, before)
    async with await open_pool(empty_database_url) as pool:
        assert len(await migrate(pool, before)) == FROM
        for table in FILLED:
            await fill(pool, table, "old")
        await pool.execute("SELECT tidegauge.ensure_sample_partition(now())")
        await pool.execute(
            "INSERT INTO tidegauge.sample (run_id, series_id, window_end, computed_at, value, rows) "
            "SELECT r.id, s.id, r.window_end, r.computed_at, 1, 1 "
            "FROM tidegauge.window_run r, tidegauge.series s"
        )
        held = await _rows(pool, b"r", b"p")
        assert held["sample"] == 1
        await migrate(pool, after)
        found = await _rows(pool, b"r", b"p")
        assert {name: found[name] for name in held if name != "schema_migration"} == {
            name: count for name, count in held.items() if name != "schema_migration"
        }
        assert {"metrics", "monitors", "stories", "alarms"} <= (await _rows(pool, b"v")).keys()
        assert await pool.fetchval("SELECT count(*) FROM tidegauge.stories WHERE monitor = 'old'") == 1
        unread = await pool.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'tidegauge'::regnamespace "
            "AND relkind IN ('r', 'p', 'v') AND NOT has_table_privilege('tidegauge_reader', oid, 'SELECT')"
        )
        assert {row["relname"] for row in unread} == HIDDEN
