"""A row whose id was counted before counts once: `deduplicate: id`."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from service.commands.audit import lines_of, read_record, sums_in
from service.core.deduplicate import DUPLICATE
from service.core.inbox import BatchKind
from service.errors import ConfigurationError
from service.store import lifecycle
from service.store.tables.inbox import audit, counted_ids, counted_memory
from tests.integration.inbox.live import MINUTE, START, living, row, rows
from tests.integration.inbox.test_audit import send_recorded

ONCE = {"deduplicate": {"by": "id", "within": "20m"}}


async def test_a_row_that_comes_again_counts_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """In one request, in another of the same cycle, in a later cycle and after a restart."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path, **ONCE) as live:
        await send_recorded(live, record, "1", [*rows("abc", 1), row("a", 1)])
        await send_recorded(live, record, "2", rows("cd", 2))
        report = await live.run()
        assert (report.record.rows, report.record.duplicates) == (4, 2)
        await send_recorded(live, record, "3", rows("abcde", 3))
        assert (await live.run()).record.duplicates == 4
    async with living(pool, tmp_path, **ONCE) as live:
        await send_recorded(live, record, "4", rows("ef", 4))
        report = await live.run()
        assert (report.record.rows, report.record.duplicates) == (1, 1)
        assert await live.counted() == 6
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.duplicates.rows) == (6, 7)
        acknowledged = read_record(record)
        assert account.total == acknowledged["toy", BatchKind.ROWS]
        lines, agrees = lines_of("toy", account, acknowledged)
        assert agrees
        assert lines[-1].startswith("    equal")
        reasons = await pool.fetch("SELECT reason, count(*) FROM tidegauge.rejected_row GROUP BY 1")
        assert [tuple(each) for each in reasons] == [(DUPLICATE, 7)]
        shown = await pool.fetchval(
            "SELECT sum(value) FROM tidegauge.cycle_metrics WHERE metric = 'repeated_rows'"
        )
        assert shown == 7


async def test_ids_are_told_apart_as_they_are_written(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Leading zeros count, a number and its text are one id, and rows without an id all count."""
    async with living(pool, tmp_path, **ONCE) as live:
        ids = ["07", "7", 7, 7.0, 2**63, str(2**63), 2**63 + 1, None, None]
        await live.send([row("", 1) | {"key": each} for each in ids])
        report = await live.run()
        assert (report.record.rows, report.record.duplicates) == (6, 3)


async def test_an_id_counts_again_beyond_the_horizon(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """What no row that is taken can come near any more is forgotten, so that the table is bounded."""
    async with living(pool, tmp_path, **ONCE) as live:
        live.clock.now += 200 * MINUTE
        await live.send(rows("ab", 1))
        await live.run()
        await live.send([row("a", 20), row("b", 22)])
        assert (await live.run()).record.duplicates == 1
        assert await _remembered(pool) == 3
        await live.send([row("z", 120)])
        await live.run()
        assert await _remembered(pool) == 1


async def _remembered(pool: asyncpg.Pool) -> int:
    found: int = await pool.fetchval(
        "SELECT (SELECT count(*) FROM tidegauge.counted_id) "
        "+ (SELECT coalesce(sum(length(ids)), 0) / 24 FROM tidegauge.counted_block)"
    )
    return found


async def test_ids_that_are_too_many_for_the_memory_are_found_all_the_same(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lie in a table of their own then; each counts once, also where another process reads them."""
    monkeypatch.setattr(counted_memory, "MAX_IN_MEMORY", 7)
    monkeypatch.setattr(counted_memory, "MAX_PART", 4)
    async with living(pool, tmp_path, **ONCE) as live:
        for place in range(8):
            await live.send(rows([f"{place}{letter}" for letter in "abc"], 1))
            assert (await live.run()).record.duplicates == 0
        spilled = await live.count("counted_id")
        assert 24 - 7 <= spilled < 24
        assert await _remembered(pool) == 24
        await live.send(rows([f"{place}{letter}" for place in range(8) for letter in "cd"], 1))
        report = await live.run()
        assert (report.record.rows, report.record.duplicates) == (8, 8)
    async with living(pool, tmp_path, **ONCE) as again:
        await again.send(rows([f"{place}{letter}" for place in range(8) for letter in "abcde"], 1))
        report = await again.run()
        assert (report.record.rows, report.record.duplicates) == (8, 32)
        again.clock.now += 200 * MINUTE
        await again.send([row("z", 120)])
        await again.run()
        assert await _remembered(pool) == 1


async def test_what_another_process_changes_is_read_again(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A reset from a time, under a running service, forgets the ids of the rows after it and no others."""
    async with living(pool, tmp_path, **ONCE) as live:
        await live.send(rows("ab", 1))
        await live.run()
        await live.send(rows("cd", 3))
        await live.run()
        begin = START + 2 * MINUTE
        async with pool.acquire() as connection, connection.transaction():
            await counted_ids.forget(connection, "toy", begin)
            await connection.execute("UPDATE tidegauge.checkpoint SET cycle = cycle + 1")
        assert await _remembered(pool) == 2
        await live.send([*rows("ab", 1), *rows("cd", 3)])
        assert not (await live.cycle.run(live.clock.now)).committed
        report = await live.run()
        assert (report.record.rows, report.record.duplicates) == (2, 2)


async def test_a_reset_forgets_the_ids(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """What is sent again to be measured again counts; so does all once `deduplicate` was taken out."""
    async with living(pool, tmp_path, **ONCE) as live:
        await live.send(rows("ab", 1))
        await live.run()
        await lifecycle.reset(pool, "toy")
    async with living(pool, tmp_path, **ONCE) as live:
        await live.send(rows("ab", 1))
        assert (await live.run()).record.rows == 2
    async with living(pool, tmp_path) as live:
        await live.send(rows("ab", 1))
        assert (await live.run()).record.rows == 2
        assert await _remembered(pool) == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"deduplicate": "key"}, "deduplicate.by: input should be 'id'"),
        ({"deduplicate": "id", "id": None, "labels": None}, "deduplicate: needs id"),
        ({"deduplicate": {"by": "id", "within": "0s"}}, "expected a duration above 0"),
    ],
)
async def test_what_cannot_be_told_apart_is_refused(
    pool: asyncpg.Pool, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    """The message names the key and what was expected."""
    with pytest.raises(ConfigurationError, match=said):
        async with living(pool, tmp_path, **changed):
            pass
