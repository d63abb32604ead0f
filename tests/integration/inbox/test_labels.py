"""Labels that are sent after their rows, or ahead of them."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from service.core.labels.join import LABELLED as LABELLED_ALREADY
from tests.integration.inbox.live import MINUTE, living, row, rows

DAY = 24 * 60 * MINUTE
LABELLED = """
SELECT value FROM tidegauge.metrics WHERE metric = 'mae' AND segment = '' ORDER BY window_start
"""


async def test_a_label_finds_its_row_after_its_window_was_measured(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The window is measured again with the label, under a new revision."""
    async with living(pool, tmp_path) as live:
        await live.send(rows("abc", 0) + rows("d", 1))
        await live.run()
        answer = await live.send([{"key": "a", "truth": 12.0}, {"key": "b", "truth": 13.0}], "labels")
        assert answer.json()["accepted"] == 2
        report = await live.run()
        assert report.record.labels is not None
        assert report.record.labels.labels == 2
        assert await live.windows() == [(0, 1, 3), (0, 2, 3)]
        assert await pool.fetchval(LABELLED) == 2.5


async def test_a_label_ahead_of_its_row_waits_for_it(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A label may come cycles before its row; it counts once, and nothing of it is left."""
    async with living(pool, tmp_path) as live:
        await live.send([{"key": "a", "truth": 12.0}], "labels")
        report = await live.run()
        assert (report.record.rejected, await live.count("inbox_label")) == (0, 1)
        await live.run()
        await live.send(rows("ab", 0) + rows("c", 1))
        report = await live.run()
        assert report.record.labels is not None
        assert (report.record.labels.labels, await live.count("inbox_label")) == (1, 0)
        assert await pool.fetchval(LABELLED) == 2.0
        assert await live.count("pending_row") == 2


async def test_a_label_and_its_row_may_come_in_one_cycle_in_any_order(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """What waits in the inbox together is joined at once."""
    async with living(pool, tmp_path) as live:
        await live.send([{"key": "b", "truth": 14.0}], "labels")
        await live.send(rows("ab", 0) + rows("c", 1))
        await live.send([{"key": "a", "truth": 12.0}], "labels")
        report = await live.run()
        assert report.record.labels is not None
        assert report.record.labels.labels == 2
        assert await pool.fetchval(LABELLED) == 3.0


async def test_a_label_whose_row_never_comes_is_a_reject_in_the_end(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """After the wait of the monitor file it is rejected with the reason, and counted."""
    async with living(pool, tmp_path) as live:
        await live.send([{"key": "nobody", "truth": 12.0}], "labels")
        await live.run()
        live.clock.now += DAY + MINUTE
        report = await live.run()
        assert (report.record.rejected, await live.count("inbox_label")) == (1, 0)
        (reject,) = await pool.fetch('SELECT reason, "row" AS cells FROM tidegauge.rejected_row')
        assert "no row waits for a label under this id" in reject["reason"]
        assert reject["cells"]["id"] == "nobody"


async def test_labels_without_id_or_label_are_refused_or_rejected(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A request without the columns is 422; a single label without one of them is a reject."""
    async with living(pool, tmp_path) as live:
        answer = await live.send([{"truth": 1.0}], "labels")
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            "the labels have no 'key'; expected key and truth in each",
        )
        await live.send(rows("ab", 0), "rows")
        await live.send([{"key": "a", "truth": None}, {"key": None, "truth": 1.0}], "labels")
        report = await live.run()
        assert report.record.rejected == 2


async def test_a_monitor_that_expects_no_labels_says_so(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Labels for it are 409 with what to write."""
    async with living(pool, tmp_path, labels=None) as live:
        answer = await live.send([{"key": "a", "truth": 1.0}], "labels")
        assert (answer.status_code, "write id, target and `labels" in answer.json()["detail"]) == (409, True)


async def test_a_key_of_rows_and_one_of_labels_are_two(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Rows and labels may be sent under the same key, such as a request's id."""
    async with living(pool, tmp_path) as live:
        await live.send([row("a", 0)], idempotency_key="k")
        answer = await live.send([{"key": "a", "truth": 12.0}], "labels", idempotency_key="k")
        assert (answer.status_code, answer.json()["repeated"]) == (202, False)


async def test_a_second_label_is_refused_at_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Whether the first was sent or came with the row; it neither waits nor counts as one without a row."""
    async with living(pool, tmp_path) as live:
        await live.send([*rows("abc", 0), row("d", 1, truth=9.0)])
        await live.run()
        await live.send([{"key": "a", "truth": 12.0}], "labels")
        await live.run()
        await live.send([{"key": each, "truth": 15.0} for each in "ad"], "labels")
        report = await live.run()
        assert report.record.rejected == 2
        assert {reject.reason for reject in report.record.rejects} == {LABELLED_ALREADY}
        assert (await live.count("inbox_label"), await live.count("labelled_id")) == (0, 2)
        assert report.record.after.labelling.matching.unmatched == 0
        assert await pool.fetchval(LABELLED) == 2.0
