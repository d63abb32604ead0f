"""Nothing of a monitor is written without its lease, whichever statement writes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from service.core.inbox import SentReference
from service.core.sharing import Fence
from service.errors import LeaseLostError
from service.store import lifecycle, retention
from service.store.driver_errors import DRIVER_ERRORS
from service.store.leases import leases
from service.store.leases.fence import OneFence, hold
from service.store.postgres import PostgresStore
from service.store.tables import checkpoint, dummy, webhook_outbox
from service.store.tables.inbox import reference
from service.store.tables.monitors import monitor as monitor_table
from service.store.tables.references.alarm_model import AlarmModelTable, KeptModel
from service.store.tables.references.season_choice import SeasonChoiceTable
from tests.integration.store.any_rows import fill
from tests.integration.store.test_store_commit import record

LEASE, DUTY = "under the monitor's lease", "under a duty"
ANY = "by any replica: "
# Which module writes which tables, and what keeps a replica from it that does not hold the lease.
WRITERS = {
    "lifecycle.py": {"*": "by an operator's command, which locks the checkpoint"},
    "migrate.py": {"schema_migration": "at the start, one process at a time"},
    "retention.py": {"checkpoint": LEASE, "pane": LEASE, "*": DUTY, "window_run": DUTY, "cycle_log": DUTY,
                     "rejected_row": DUTY, "event": DUTY},
    "leases/leases.py": {"replica": "each its own", "lease": "where nobody holds it", "duty": "likewise",
                         "monitor": "where no live replica holds or defines it"},
    "tables/access_token.py": {"access_token": "by an operator's command, but for the time of its last use"},
    "tables/checkpoint.py": {"checkpoint": LEASE, "pane": LEASE},
    "tables/inbox/counted_ids.py": {"counted_id": LEASE, "counted_block": LEASE},
    "tables/cycle_log.py": {"cycle_log": LEASE},
    "tables/distribution.py": {"column_bins": LEASE, "window_distribution": LEASE},
    "tables/dummy.py": {"dummy_metrics": LEASE},
    "tables/event.py": {"event": LEASE, "webhook_outbox": LEASE},
    "tables/inbox/audit.py": {"inbox_audit": LEASE},
    "tables/inbox/batches.py": {"inbox_batch": f"{LEASE} where it is taken, {ANY}what was sent to it",
                                "inbox_key": f"{ANY}what was sent to it"},
    "tables/inbox/files.py": {"taken_file": LEASE},
    "tables/inbox/halves.py": {"inbox_half": LEASE},
    "tables/inbox/labels.py": {"inbox_label": LEASE},
    "tables/inbox/sent_monitors.py": {"sent_monitor": f"{ANY}what was sent to it"},
    "tables/inbox/reference.py": {"inbox_reference": LEASE},
    "tables/monitors/rename.py": {"monitor_rename": "by an operator's command"},
    "tables/monitors/monitor.py": {"monitor": f"{LEASE} where a file is gone, {ANY}that there is one"},
    "tables/pane.py": {"pane": LEASE},
    "tables/pending_row.py": {"pending_row": LEASE, "labelled_id": LEASE},
    "tables/rejected_row.py": {"rejected_row": LEASE},
    "tables/sample.py": {"sample": LEASE, "window_aspect": LEASE},
    "tables/references/alarm_model.py": {"alarm_model": LEASE},
    "tables/references/season_choice.py": {"season_choice": LEASE},
    "tables/series.py": {"series": LEASE},
    "tables/story.py": {"story": LEASE},
    "tables/webhook_outbox.py": {"webhook_outbox": DUTY},
    "tables/window_run.py": {"window_run": LEASE},
}  # fmt: skip
STATEMENT = re.compile(
    r"(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|TRUNCATE|DROP TABLE|COPY) "
    r"(?:ONLY )?tidegauge\.(\"?[a-z_{]+)"
)
SAID = "said, not run"  # the comment of a statement that a message only names
COPY = re.compile(r'copy_(?:records_)?to_table\(\s*"([a-z_]+)"')

# A transaction that holds a lease has a limit for its pauses (`fence.py`); no other has one here.
GUARD = """
CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('idle_in_transaction_session_timeout') = '0' THEN
        RAISE EXCEPTION 'written without a lease: % of %', TG_OP, TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$
"""


def test_every_statement_that_writes_is_listed() -> None:
    """A new statement that writes says what keeps a replica without the lease from it."""
    found: dict[str, set[str]] = {}
    folder = Path("service/store")
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text()
        tables = {name.strip('"') for name in STATEMENT.findall(text)} | set(COPY.findall(text))
        if tables:
            found[str(path.relative_to(folder))] = {"*" if "{" in name else name for name in tables}
    listed = {path: set(tables) for path, tables in WRITERS.items()}
    listed["lifecycle.py"] |= found.get("lifecycle.py", set())
    assert found == listed
    elsewhere = [
        path
        for path in Path("service").rglob("*.py")
        if any(STATEMENT.search(line) and SAID not in line for line in path.read_text().splitlines())
    ]
    assert all(folder in path.parents for path in elsewhere), "SQL is in the store"


def _guarded() -> set[str]:
    return {
        table
        for tables in WRITERS.values()
        for table, guard in tables.items()
        if guard == LEASE or (guard == DUTY and table != "*")
    } - {"dummy_metrics"}


Write = Callable[[asyncpg.Pool, OneFence, Fence], Awaitable[object]]
AT = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = reference.KeptReference(1, b"x", SentReference(rows=1))


def _store(pool: asyncpg.Pool, fences: OneFence) -> PostgresStore:
    return PostgresStore(pool, fences=fences, deliver_events=True)


WRITES: dict[str, Write] = {
    "commit": lambda pool, own, _: _store(pool, own).commit(record(2)),
    "pending rows": lambda pool, own, _: _store(pool, own).forget_pending("flights"),
    "counted ids": lambda pool, own, _: _store(pool, own).forget_counted_ids("flights"),
    "another layout": lambda pool, own, _: _store(pool, own).checkpoint("flights", "another"),
    "skipped": lambda pool, own, _: _store(pool, own).record_skipped("flights", 1, 1, first=1),
    "failed": lambda pool, own, _: _store(pool, own).record_failed("flights", 1, 1, "oh", seconds=1.0),
    "waiting": lambda pool, own, _: _store(pool, own).record_waiting("flights", 1, 1, "rows", seconds=1.0),
    "season": lambda pool, own, _: SeasonChoiceTable(pool, "flights", own).chosen("r", "UTC", "day", ""),
    "alarms": lambda pool, own, _: AlarmModelTable(pool, "flights", own).keep(KeptModel("r", 1, b"x")),
    "no alarms": lambda pool, own, _: AlarmModelTable(pool, "flights", own).forget(),
    "dummy": lambda pool, own, _: dummy.append_row(pool, "flights", (1, AT, 1, "a", 1.0), own),
    "reference": lambda pool, own, _: reference.keep(pool, "flights", KEPT, own),
    "file gone": lambda pool, own, _: monitor_table.set_file_gone(pool, "flights", own.held),
    "old panes": lambda pool, own, _: retention.drop_panes(pool, {"flights": 0}, own),
    "old measurements": lambda pool, _, duty: retention.drop_older(pool, 1, duty),
    "claimed event": lambda pool, _, duty: webhook_outbox.claim(pool, duty),
    "delivered event": lambda pool, _, duty: webhook_outbox.remove(pool, 1, duty),
}
SILENT = {"file gone", "old panes"}  # nothing failed: the new holder does it


async def _content(pool: asyncpg.Pool) -> dict[str, str]:
    tables = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'tidegauge'::regnamespace AND relkind = 'r'"
    )
    whole = "SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM tidegauge.{} t"
    return {row["relname"]: await pool.fetchval(whole.format(row["relname"])) for row in tables}


async def _prepare(pool: asyncpg.Pool) -> tuple[OneFence, Fence]:
    """Fill the tables, guard them, and take the lease and the duties of a replica `one`."""
    assert await PostgresStore(pool, deliver_events=True).commit(record(1))
    for table in ("pane", "pending_row", "counted_id", "event", "rejected_row"):
        await fill(pool, table, "flights")
    await dummy.create_table(pool)
    await pool.execute("INSERT INTO tidegauge.webhook_outbox (event_id) SELECT id FROM tidegauge.event")
    await pool.execute(GUARD)
    for table in _guarded() - {"monitor"}:
        await pool.execute(
            f"CREATE TRIGGER guard AFTER INSERT OR UPDATE OR DELETE ON tidegauge.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.guard()"
        )
    own = leases.Identity("one", "host:1", "")
    await leases.register(pool, own, "", {"flights": "a"}, 60.0)
    taken = await leases.take(pool, "one", {"flights": "a"})
    duties = [await leases.take_duty(pool, "one", duty) for duty in ("retention", "webhook")]
    assert duties[0] is not None
    assert duties[1] is not None
    await pool.execute("UPDATE tidegauge.duty SET fence = $1", duties[0].number)
    return OneFence(taken["flights"]), duties[0]


async def test_a_stale_fence_writes_nothing(pool: asyncpg.Pool) -> None:
    """A replica whose lease another one took changes no table, and says so; the new holder writes it all."""
    stale, stale_duty = await _prepare(pool)
    await pool.execute("UPDATE tidegauge.replica SET expires_at = clock_timestamp() WHERE id = 'one'")
    await leases.register(pool, leases.Identity("two", "host:2", ""), "", {"flights": "a"}, 60.0)
    fresh = OneFence((await leases.take(pool, "two", {"flights": "a"}))["flights"])
    assert fresh.held is not None
    assert stale.held is not None
    assert fresh.held.number > stale.held.number
    for duty in ("retention", "webhook"):
        assert await leases.take_duty(pool, "two", duty) is not None
    number = await pool.fetchval("SELECT max(fence) FROM tidegauge.duty")
    await pool.execute("UPDATE tidegauge.duty SET fence = $1", number)
    before = await _content(pool)
    for name, write in WRITES.items():
        if name in SILENT:
            await write(pool, stale, stale_duty)
        else:
            with pytest.raises(LeaseLostError, match="another replica"):
                await write(pool, stale, stale_duty)
        assert await _content(pool) == before, name
    for name, write in WRITES.items():
        await write(pool, fresh, Fence("two", number))
        if name not in {"old panes", "old measurements"}:  # of which there are none
            after = await _content(pool)
            assert after != before, name
            before = after


async def test_without_the_lease_not_even_a_store_of_its_own_writes(pool: asyncpg.Pool) -> None:
    """A process that holds no lease at all is refused; what it may do, it does without writing."""
    _, duty = await _prepare(pool)
    before, none = await _content(pool), OneFence(None)
    for name, write in WRITES.items():
        if name in {"file gone", "old measurements", "claimed event", "delivered event"}:
            continue
        if name in {"season", "alarms", "no alarms", *SILENT}:
            await write(pool, none, duty)
        else:
            with pytest.raises(LeaseLostError):
                await write(pool, none, duty)
    assert await _content(pool) == before


async def test_a_holder_that_pauses_inside_a_transaction_keeps_nobody_waiting(pool: asyncpg.Pool) -> None:
    """The server ends its session after a lease time, and what it had written is undone."""
    own, _ = await _prepare(pool)
    hasty = OneFence(own.held, lease_seconds=0.2)
    await pool.execute("UPDATE tidegauge.replica SET expires_at = clock_timestamp() WHERE id = 'one'")
    await leases.register(pool, leases.Identity("two", "host:2", ""), "", {"flights": "a"}, 60.0)
    async with pool.acquire() as connection:
        await connection.execute("BEGIN")
        await hold(connection, "flights", hasty)
        assert await leases.take(pool, "two", {"flights": "a"}) == {}  # it may still be writing
        taken: dict[str, Fence] = {}
        while not taken:
            taken = await leases.take(pool, "two", {"flights": "a"})
        with pytest.raises(DRIVER_ERRORS):
            await connection.execute("COMMIT")
    assert taken["flights"].holder == "two"


LOCKED_OUT = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def test_a_rename_waits_for_the_commit_of_a_cycle(pool: asyncpg.Pool) -> None:
    """Both lock the lease before the checkpoint: neither ends in a deadlock."""
    own, _ = await _prepare(pool)
    await pool.execute("DROP FUNCTION public.guard CASCADE")
    async with pool.acquire() as connection, connection.transaction():
        await hold(connection, "flights", own)
        renaming = asyncio.create_task(lifecycle.rename(pool, "flights", "planes"))
        while not await pool.fetchval(LOCKED_OUT):  # noqa: ASYNC110  # the server says so by no event
            await asyncio.sleep(0.01)
        assert await checkpoint.advance(connection, "flights", record(2).layout, record(2).after)
    await renaming
    assert await pool.fetchval("SELECT monitor FROM tidegauge.checkpoint") == "planes"
    assert await pool.fetchval("SELECT holder IS NULL FROM tidegauge.lease WHERE monitor = 'planes'")
    with pytest.raises(LeaseLostError):
        await _store(pool, own).commit(record(3))
