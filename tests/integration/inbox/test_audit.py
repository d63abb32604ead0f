"""What became of the rows that were sent, held against what their sender had acknowledged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from service.commands.audit import lines_of, read_record, sums_in
from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.row_hash import of_texts
from service.errors import ConfigurationError
from service.store.tables.inbox import audit
from tests.integration.inbox.live import MINUTE, Live, living, row, rows


async def send_recorded(live: Live, record: Path, key: str, sent: list[dict[str, Any]]) -> None:
    """Send rows under a key, and keep the sender's own record of it."""
    assert (await live.send(sent, idempotency_key=key)).status_code == 202
    ids = np.array([each["key"] for each in sent], dtype=np.str_)
    sums = sums_of(of_texts(ids), len(sent))
    line = {"monitor": "toy", "key": key, "rows": sums.rows, "ids": sums.ids, "mixed": sums.mixed}
    with record.open("a") as file:
        file.write(json.dumps(line) + "\n")


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
        account = await audit.read(pool, "toy", sums_in)
        parts = (account.measured.rows, account.rejected.rows, account.waiting.rows)
        assert parts == (6, 2, 2)
        sent = read_record(record)["toy"]
        assert account.total == sent
        assert lines_of("toy", account, sent)[-1] == "  equal: nothing was lost, and nothing counted twice"
        await live.run()
        assert (await audit.read(pool, "toy", sums_in)).total == sent


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
async def test_a_fault_of_the_drain_turns_it_red(
    pool: asyncpg.Pool, tmp_path: Path, fault: str, said: str
) -> None:
    """A batch that is lost, counted twice, or taken for another one is noticed."""
    record = tmp_path / "sent.jsonl"
    async with living(pool, tmp_path) as live:
        await send_recorded(live, record, "1", rows("abc", 0))
        await send_recorded(live, record, "2", rows("def", 0))
        await pool.execute(fault)
        await live.run()
        account = await audit.read(pool, "toy", sums_in)
        sent = read_record(record)["toy"]
        assert account.total != sent
        assert said in lines_of("toy", account, sent)[-1]


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    """A file of another kind is named, with what was expected."""
    path = tmp_path / "sent.jsonl"
    path.write_text("rows\n")
    with pytest.raises(ConfigurationError, match="cannot be read as a sender's record"):
        read_record(path)
    path.write_text("")
    assert read_record(path) == {}
    assert IdSums() == IdSums(0, 0, 0)
