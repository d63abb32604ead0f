"""What became of the rows and labels that were sent, held against what their sender had acknowledged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from service.commands.audit import lines_of, read_record, sums_in
from service.core.inbox import BatchKind
from service.core.profile.codec.profile import rows_in
from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.row_hash import of_texts
from service.errors import CodecError, ConfigurationError
from service.inbox.drain import Drain
from service.inbox.spool_account import spooled
from service.sources.http import source
from service.store import retention
from service.store.tables.inbox import audit
from service.store.tables.inbox.audit import Account
from tests.integration.inbox.live import MINUTE, Live, living, row, rows
from tests.integration.inbox.test_database_away import away

EQUAL = "    equal: nothing was lost, and nothing counted twice"
DAY = 24 * 60 * MINUTE


async def send_recorded(
    live: Live, record: Path, key: str, sent: list[dict[str, Any]], what: str = "rows"
) -> None:
    """Send rows or labels under a key, and keep the sender's own record of it."""
    assert (await live.send(sent, what, idempotency_key=key)).status_code == 202
    ids = np.array([each["key"] or "" for each in sent], dtype=np.str_)
    sums = sums_of(of_texts(ids), len(sent))
    line = {"monitor": "toy", "what": what, "key": key}
    with record.open("a") as file:
        file.write(json.dumps(line | {"rows": sums.rows, "ids": sums.ids, "mixed": sums.mixed}) + "\n")


async def _account(pool: asyncpg.Pool, folder: Path) -> Account:
    on_disk, troubles = spooled(folder / "inbox", sums_in)
    assert not troubles
    return await audit.read(pool, "toy", sums_in, on_disk, rows_in=rows_in)


async def _differences(pool: asyncpg.Pool, folder: Path) -> list[str]:
    """Return the lines that say what differs; none where the audit is green."""
    lines, agrees = lines_of("toy", await _account(pool, folder), read_record(folder / "sent.jsonl"))
    found = [line.strip() for line in lines if "DIFFERENT" in line]
    assert agrees == (not found)
    assert found or EQUAL in lines
    return found


def _counts(terms: dict[str, IdSums]) -> dict[str, int]:
    return {term: sums.rows for term, sums in terms.items() if sums.rows}


async def test_the_sums_are_equal_whatever_became_of_each_row(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Measured, rejected, too late, repeated and still waiting rows add up to what was acknowledged."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        live.clock.now += 30 * MINUTE
        await send_recorded(live, record, "1", [*rows("abc", 0), row("bad", 1, at="soon")])
        await send_recorded(live, record, "2", rows("de", 20))
        await live.run()
        await send_recorded(live, record, "3", [row("late", 15), row("too late", 1)])
        await send_recorded(live, record, "1", [*rows("abc", 0), row("bad", 1, at="soon")])
        await live.run()
        await send_recorded(live, record, "4", [row("waits", 20), row("waits in vain", 20, at="soon")])
        found = await _account(pool, tmp_path)
        assert _counts(found.rows) == {"in panes": 6, "rejected": 2, "waiting": 2}
        assert await _differences(pool, tmp_path) == []
        await live.run()
        assert await _differences(pool, tmp_path) == []


async def test_the_sums_of_labels_are_equal_whatever_became_of_each(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Attached, ahead, repeated, useless, given up and still waiting labels add up."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await send_recorded(live, record, "1", rows("abcd", 0))
        await live.run()
        await send_recorded(live, record, "2", [{"key": key, "truth": 1.0} for key in "aab"], "labels")
        ahead = [{"key": "ahead", "truth": 1.0}, {"key": None, "truth": 2.0}]
        await send_recorded(live, record, "3", ahead, "labels")
        await send_recorded(live, record, "4", [{"key": "never", "truth": 1.0}], "labels")
        await live.run()
        found = await _account(pool, tmp_path)
        assert _counts(found.labels) == {"attached": 2, "rejected": 2, "ahead of rows": 2}
        assert await _differences(pool, tmp_path) == []
        await send_recorded(live, record, "5", [row("ahead", 1)])
        await send_recorded(
            live, record, "6", [{"key": "c", "truth": None}, {"key": "d", "truth": 3.0}], "labels"
        )
        found = await _account(pool, tmp_path)
        assert _counts(found.labels)["waiting"] == 2
        live.clock.now += DAY + 10 * MINUTE
        await live.run()
        found = await _account(pool, tmp_path)
        assert _counts(found.labels) == {"attached": 4, "rejected": 4}
        assert await _differences(pool, tmp_path) == []


async def test_labels_that_are_expected_no_more_are_rejects(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Where the monitor file drops its labels while some wait, each is a reject with its reason."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await send_recorded(live, record, "1", rows("ab", 0))
        await send_recorded(live, record, "2", [{"key": "a", "truth": 1.0}], "labels")
    async with living(pool, tmp_path, labels=None) as live:
        report = await live.run()
        assert report.record.rejected == 1
        assert "expects none any more" in report.record.rejects[0].reason
    assert _counts((await _account(pool, tmp_path)).labels) == {"rejected": 1}
    assert await _differences(pool, tmp_path) == []


async def test_rows_on_the_disk_of_a_stopped_service_are_counted(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """What was acknowledged while the database was away is in the sums, and once drained it is not twice."""
    record = tmp_path / "sent.jsonl"
    async with away(database_url, tmp_path) as found:
        await send_recorded(found.live, record, "1", rows("ab", 0))
        found.proxy.loses_commits = 1
        await send_recorded(found.live, record, "2", rows("cd", 0))  # in the database and on the disk
        found.proxy.cut()
        await send_recorded(found.live, record, "3", rows("efg", 0))
        await send_recorded(found.live, record, "1", rows("ab", 0))
        await send_recorded(found.live, record, "4", [{"key": "a", "truth": 1.0}], "labels")
        kept = {file: file.read_bytes() for file in found.files}
        account = await _account(pool, tmp_path)
        assert _counts(account.rows) == {"waiting": 4, "on disk": 3}
        assert _counts(account.labels) == {"on disk": 1}
        assert await _differences(pool, tmp_path) == []
        await found.drained()
    for file, content in kept.items():  # as if the process had died before it removed them
        file.write_bytes(content)
    assert _counts((await _account(pool, tmp_path)).rows) == {"waiting": 7}
    assert await _differences(pool, tmp_path) == []
    for file in kept:  # set aside, before any of it was kept
        file.rename(file.with_suffix(".refused"))
    await pool.execute("TRUNCATE tidegauge.inbox_batch, tidegauge.inbox_key")
    assert _counts((await _account(pool, tmp_path)).rows) == {"on disk": 5}


async def test_panes_that_were_deleted_leave_their_sums(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Retention, and an edit of the windows, delete panes whose rows are still accounted for."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await send_recorded(live, record, "1", rows("ab", 0) + rows("cd", 3) + rows("e", 4))
        await live.run()
        first = "SELECT min(key) FROM tidegauge.pane"
        await pool.execute(f"DELETE FROM tidegauge.window_run WHERE first_pane = ({first})")
        await pool.execute("DELETE FROM tidegauge.pending_row")
        assert await retention.drop_panes(pool, {"toy": 0}) == 1
        assert _counts((await _account(pool, tmp_path)).rows) == {"in panes": 3, "in deleted panes": 2}
        assert await _differences(pool, tmp_path) == []
    async with living(pool, tmp_path, window={"size": "2m", "min_rows": 2}) as live:
        await send_recorded(live, record, "2", rows("fg", 4))
        await live.run()
    assert _counts((await _account(pool, tmp_path)).rows) == {"in panes": 2, "in deleted panes": 5}
    assert await _differences(pool, tmp_path) == []


LOST = "DELETE FROM tidegauge.inbox_batch WHERE id = (SELECT min(id) FROM tidegauge.inbox_batch)"
TWICE = """
INSERT INTO tidegauge.inbox_batch (monitor, kind, received_at, rows, rejected, rejects, payload)
SELECT monitor, kind, received_at, rows, rejected, rejects, payload FROM tidegauge.inbox_batch LIMIT 1
"""
MIXED_UP = """
UPDATE tidegauge.inbox_batch
SET payload = (SELECT payload FROM tidegauge.inbox_batch ORDER BY id LIMIT 1)
"""
FAULTS = {
    LOST: "3 rows are missing",
    TWICE: "3 rows are too many",
    MIXED_UP: "as many rows, but not the same ones",
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.items(), ids=["lost", "twice", "mixed up"])
async def test_a_fault_of_the_inbox_turns_it_red(
    pool: asyncpg.Pool, tmp_path: Path, fault: str, said: str
) -> None:
    """A batch that is lost, counted twice, or taken for another one is noticed."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await send_recorded(live, record, "1", rows("abc", 0))
        await send_recorded(live, record, "2", rows("def", 0))
        await pool.execute(fault)
        await live.run()
        assert await _differences(pool, tmp_path) == [f"DIFFERENT: {said}"]


EVENTS = """
INSERT INTO tidegauge.inbox_batch (monitor, kind, received_at, rows, rejected, rejects, payload)
VALUES ('toy', 'events', now(), 0, 1, '{"rejects": []}', '')
"""
OFF_BY_ONE: dict[str, tuple[Any, str | None]] = {
    "one less": (lambda found: found[1:], "2 rows are missing"),
    "one twice": (lambda found: [*found, found[-1]], "1 rows are too many"),
    "none": (list, None),
}


@pytest.mark.parametrize("wrong", OFF_BY_ONE)
async def test_an_off_by_one_in_the_drain_turns_it_red(
    database_url: str,
    pool: asyncpg.Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    """A drain of the spool that leaves the first request out, or takes the last one twice, is noticed."""
    (change, said), keep = OFF_BY_ONE[wrong], Drain._keep

    async def _wrong(drain: Drain, name: str, sent: Any) -> Any:
        return await keep(drain, name, change(list(sent)))

    monkeypatch.setattr(Drain, "_keep", _wrong)
    record = tmp_path / "sent.jsonl"
    async with away(database_url, tmp_path) as found:
        found.proxy.cut()
        await send_recorded(found.live, record, "1", rows("ab", 0))
        assert (await found.live.send(rows("c", 0))).status_code == 202  # under no key
        sums = sums_of(of_texts(np.array(["c"])), 1)
        line = {"monitor": "toy", "key": "c", "rows": 1, "ids": sums.ids, "mixed": sums.mixed}
        with record.open("a") as file:
            file.write(json.dumps(line) + "\n")
        await found.drained()
        await found.live.run()
    assert await _differences(pool, tmp_path) == ([] if said is None else [f"DIFFERENT: {said}"])


@pytest.mark.parametrize("keep", [slice(1, None), slice(None, -1)], ids=["first", "last"])
async def test_a_row_that_a_take_drops_turns_it_red(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: slice
) -> None:
    """A cycle whose panes lack one row of what its source took says so, as does the sender's record."""
    put_together = source.concatenated
    monkeypatch.setattr(source, "concatenated", lambda parts, schema: put_together(parts, schema).take(keep))
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await send_recorded(live, record, "1", rows("abc", 0))
        await live.run()
    assert await _differences(pool, tmp_path) == [
        "DIFFERENT: 1 rows are missing",
        "DIFFERENT: cycles measured 3 rows, and panes hold 2",
    ]


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    """A file of another kind is named, with what was expected."""
    path = tmp_path / "sent.jsonl"
    path.write_text("rows\n")
    with pytest.raises(ConfigurationError, match="cannot be read as a sender's record"):
        read_record(path)
    path.write_text("")
    assert read_record(path) == {}


def test_a_line_that_was_broken_off_is_left_out(tmp_path: Path) -> None:
    """A sender that died while it wrote its last line knows of the others."""
    path = tmp_path / "sent.jsonl"
    line = json.dumps({"monitor": "toy", "key": "1", "rows": 1, "ids": 2, "mixed": 3})
    path.write_text(f"{line}\n{line[:20]}")
    assert read_record(path) == {("toy", BatchKind.ROWS): IdSums(1, 2, 3)}


async def test_events_of_another_kind_of_source_stay(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A monitor whose file had another source type when they came neither fails by them nor forgets them."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await pool.execute(EVENTS)
        await send_recorded(live, record, "1", rows("ab", 0))
        await live.run()
        assert await live.count("inbox_batch") == 1
    assert _counts((await _account(pool, tmp_path)).rows) == {"in panes": 2, "waiting": 1}


PANE = "UPDATE tidegauge.pane SET {} WHERE rows = 3"
BATCH = "UPDATE tidegauge.inbox_batch SET {}"
OTHER = "SELECT payload FROM tidegauge.pane WHERE rows = 1"
# What somebody or something does to the database, and what the audit says of it.
TAMPERED = [
    (PANE.format(f"payload = ({OTHER})"), "is said to hold 3 rows, and its profile holds 1"),
    (PANE.format("payload = substr(payload, 1, length(payload) - 1)"), "damaged or cut short"),
    (PANE.format("payload = set_byte(payload, 40, get_byte(payload, 40) # 1)"), "damaged or cut short"),
    (PANE.format("payload = ''"), "cut short"),
    (PANE.format("rows = 4"), "measured 4 rows, and panes hold 5"),
    (PANE.format("ids = ids + 1"), "panes hold 4 others"),
    (PANE.format("mixed = mixed + 1"), "panes hold 4 others"),
    ("UPDATE tidegauge.inbox_audit SET rejected_rows = rejected_rows + 1", "1 rows are too many"),
    ("UPDATE tidegauge.inbox_audit SET measured_rows = measured_rows - 1", "measured 3 rows"),
    (BATCH.format("payload = substr(payload, 1, 60)"), "of the inbox is not counted"),
    (BATCH.format("payload = '\\x09'"), "begins with 09; expected 01 or 02"),
    (BATCH.format("rejected_ids = 1"), "as many rows, but not the same ones"),
    ("DELETE FROM tidegauge.inbox_batch", "1 rows are missing"),
]


async def test_what_is_changed_behind_its_back_turns_it_red(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Each change of a pane, a sum or a batch that waits is seen; what is put back is equal again."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await send_recorded(live, record, "1", rows("abc", 0))
        await send_recorded(live, record, "2", rows("d", 1))
        await live.run()
        await send_recorded(live, record, "3", rows("e", 1))
    assert await _differences(pool, tmp_path) == []
    tables = ("pane", "inbox_audit", "inbox_batch")
    await pool.execute(";".join(f"CREATE TABLE kept_{each} AS TABLE tidegauge.{each}" for each in tables))
    back = "INSERT INTO tidegauge.{0} OVERRIDING SYSTEM VALUE TABLE kept_{0}"
    put_back = ";".join([f"TRUNCATE tidegauge.{', tidegauge.'.join(tables)}", *map(back.format, tables)])
    for statement, said in TAMPERED:
        await pool.execute(statement)
        found = await _differences(pool, tmp_path)
        assert any(said in line for line in found), (statement, found)
        await pool.execute(put_back)
    assert await _differences(pool, tmp_path) == []


async def test_a_batch_that_cannot_be_read_says_how_to_go_on(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Its rows were acknowledged, so that its monitor waits; the message has the batch and both ways out."""
    async with living(pool, tmp_path) as live:
        await live.send(rows("abc", 0))
        await pool.execute(BATCH.format("payload = '\\x09'"))
        with pytest.raises(CodecError) as caught:
            await live.run()
        ((batch,),) = await pool.fetch("SELECT id FROM tidegauge.inbox_batch")
        assert f"batch {batch} of the inbox, 3 rows that came at " in str(caught.value)
        await pool.execute(str(caught.value).rpartition(": ")[2])
        await live.send(rows("d", 0))
        await live.run()
        assert _counts((await _account(pool, tmp_path)).rows) == {"in panes": 1}


def test_requests_without_a_key_count_one_by_one(tmp_path: Path) -> None:
    """A sender's record may have several under no key; none of them is another one again."""
    path = tmp_path / "sent.jsonl"
    line = json.dumps({"monitor": "toy", "key": None, "rows": 1, "ids": 2, "mixed": 3})
    path.write_text(f"{line}\n{line}\n")
    assert read_record(path) == {("toy", BatchKind.ROWS): IdSums(2, 4, 6)}
