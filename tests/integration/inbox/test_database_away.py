"""The database goes away while rows are sent: they are kept on the disk, and each counts once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import numpy as np
import pytest
from structlog.testing import capture_logs

from service.config.settings import Settings
from service.inbox.spool import SUFFIX
from service.store.lifecycle import remove, rename
from service.store.pool import open_pool
from tests.integration.inbox.live import Live, living, row, rows
from tests.integration.inbox.proxy import Proxy, proxied

PATIENCE_SECONDS = 30
WAITING = "SELECT monitor, sum(rows)::int FROM tidegauge.inbox_batch GROUP BY 1 ORDER BY 1"
YEARS = 10 * 365 * 86_400 * 1_000_000  # from the clock of the tests to after that of the database


@dataclass
class Away:
    live: Live
    proxy: Proxy
    folder: Path

    @property
    def files(self) -> list[Path]:
        return sorted((self.folder / "inbox").rglob(f"*{SUFFIX}"))

    async def drained_despite_cuts(self) -> None:
        """Wait until nothing is left on the disk; a cut is followed by another way in."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.files:
                if not self.proxy.is_open:
                    self.proxy.open()
                await asyncio.sleep(0.02)
        self.proxy.answers_left = None
        self.proxy.open()

    async def drained(self) -> None:
        """Open the way to the database and wait until nothing is left on the disk."""
        self.proxy.open()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.files:  # noqa: ASYNC110  # a folder says so by no event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def away(url: str, folder: Path, settings: Settings | None = None) -> AsyncIterator[Away]:
    async with proxied(url) as (proxy, through):
        pool = await open_pool(through)
        try:
            async with living(pool, folder, settings=settings) as live:
                yield Away(live, proxy, folder)
                proxy.open()
        finally:
            pool.terminate()


async def _counted(pool: asyncpg.Pool, live: Live) -> int:
    while (await live.run()).record.rows:
        pass
    found: int = await pool.fetchval("SELECT coalesce(sum(rows), 0)::bigint FROM tidegauge.pane")
    return found


async def test_rows_are_taken_while_the_database_is_away(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """They are acknowledged once they are on the disk, drained in order afterwards, and counted once."""
    async with away(database_url, tmp_path) as found:
        await found.live.send([row("a", 1)])
        found.proxy.cut()
        for key in "bcd":
            assert (await found.live.send([row(key, 2)], idempotency_key=key)).status_code == 202
        assert (await found.live.send([row("b", 2)], idempotency_key="b")).status_code == 202
        assert (await found.live.client.get("/readyz/ingest")).status_code == 200
        assert len(found.files) == 1
        await found.drained()
        received = await pool.fetch("SELECT received_at FROM tidegauge.inbox_batch ORDER BY id")
        assert len(received) == 4
        assert await _counted(pool, found.live) == 4
        assert (await found.live.send([row("c", 2)], idempotency_key="c")).json()["repeated"] is True


async def test_a_commit_whose_answer_was_lost_counts_once(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The database kept the rows, the service could not know: it spools them, asks later, and drops them."""
    async with away(database_url, tmp_path) as found:
        found.proxy.loses_commits = 1
        assert (await found.live.send(rows("abc", 1))).status_code == 202
        assert await pool.fetchval("SELECT count(*) FROM tidegauge.inbox_batch") == 1
        assert len(found.files) == 1
        await found.drained()
        assert await _counted(pool, found.live) == 3


@pytest.mark.parametrize("passing", range(12))
async def test_a_cut_after_any_answer_of_the_database_counts_once(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path, passing: int
) -> None:
    """Whichever answer is the last one that comes, of the first write or of the drain, rows count once."""
    async with away(database_url, tmp_path) as found:
        await found.live.send([row("first", 1)], idempotency_key="first")
        found.proxy.answers_left = passing
        assert (await found.live.send(rows("ab", 1), idempotency_key="k")).status_code == 202
        assert (await found.live.send(rows("cd", 1))).status_code == 202
        assert (await found.live.send(rows("ab", 1), idempotency_key="k")).status_code == 202
        found.proxy.answers_left = None
        found.proxy.open()
        found.proxy.answers_left = passing  # the drain's
        await found.drained_despite_cuts()
        assert await _counted(pool, found.live) == 5


async def test_a_drain_that_died_before_it_removed_the_file_counts_once(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The file's name is a key: the same file drained again by the next start adds nothing."""
    async with away(database_url, tmp_path) as found:
        found.proxy.cut()
        await found.live.send(rows("abc", 1))
        (file,) = found.files
        content = file.read_bytes()
        await found.drained()
    file.write_bytes(content)
    async with away(database_url, tmp_path) as found:
        await found.drained()
        assert await _counted(pool, found.live) == 3


async def test_what_is_on_the_disk_at_the_end_is_drained_by_the_next_start(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """A service that stops without its database loses nothing that it acknowledged."""
    async with away(database_url, tmp_path) as found:
        await found.live.run()
        found.proxy.cut()
        await found.live.send(rows("ab", 1))
        await found.live.send(rows("c", 1))
        kept = {file: file.read_bytes() for file in found.files}
    assert kept
    await pool.execute("TRUNCATE tidegauge.inbox_batch, tidegauge.inbox_key")
    for file, content in kept.items():  # as they were, in the folder of a process that is gone
        gone = tmp_path / "inbox/3" / file.name
        gone.parent.mkdir(exist_ok=True)
        gone.write_bytes(content + b"half a wri")
        file.unlink(missing_ok=True)
    for number in "12":
        (tmp_path / "inbox" / number).mkdir(exist_ok=True)
    async with away(database_url, tmp_path) as found:
        await found.drained()
        assert await _counted(pool, found.live) == 3


async def test_rows_on_the_disk_follow_a_rename_of_their_monitor(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Spooled under a name that is changed twice before the drain: they are kept under the newest one."""
    async with away(database_url, tmp_path) as found:
        await found.live.send([row("a", 1)])
        found.proxy.cut()
        assert (await found.live.send(rows("bc", 1), idempotency_key="k")).status_code == 202
        await rename(pool, "toy", "other")
        await rename(pool, "other", "newest")
        await found.drained()
        names = await pool.fetch(
            "SELECT monitor, sum(rows)::int AS rows FROM tidegauge.inbox_batch GROUP BY 1"
        )
        assert [tuple(name) for name in names] == [("newest", 3)]
        keys = await pool.fetch("SELECT monitor FROM tidegauge.inbox_key WHERE key = 'k'")
        assert [key["monitor"] for key in keys] == ["newest"]
        # Rows that come under the old name afterwards are another monitor's.
        found.proxy.cut()
        found.live.clock.now += YEARS
        assert (await found.live.send(rows("de", 1))).status_code == 202
        await found.drained()
        assert (
            await pool.fetchval("SELECT sum(rows)::int FROM tidegauge.inbox_batch WHERE monitor = 'toy'") == 2
        )


async def test_what_a_dead_replica_had_on_its_disk_counts_once_later(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Another one took the same request and measured it, and the monitor was removed: rows wait for it."""
    one, two = tmp_path / "one", tmp_path / "two"  # machines
    one.mkdir()
    two.mkdir()
    async with away(database_url, one) as found:
        found.proxy.cut()
        assert (await found.live.send(rows("ab", 1), idempotency_key="k")).status_code == 202
        assert (await found.live.send(rows("cd", 1))).status_code == 202
        left = {file: file.read_bytes() for file in found.files}  # as `kill -9` leaves them
    await pool.execute("TRUNCATE tidegauge.inbox_batch, tidegauge.inbox_key")
    async with away(database_url, two) as other:
        assert (await other.live.send(rows("ab", 1), idempotency_key="k")).status_code == 202
        assert (await other.live.send(rows("e", 1))).status_code == 202
        assert await _counted(pool, other.live) == 3
    await remove(pool, "toy")
    for file, content in left.items():
        file.write_bytes(content)
    with capture_logs() as logs:
        async with away(database_url, one) as again:
            await again.drained()
            said = [each for each in logs if each["event"] == "rows of a monitor without a file"]
            assert [(each["monitor"], each["rows"]) for each in said] == [("toy", 2)]
            assert await _counted(pool, again.live) == 5


async def test_a_full_spool_is_a_503(database_url: str, tmp_path: Path) -> None:
    """With no room left a sender is told when to try again, nothing is kept, and it is not ready."""
    settings = Settings(data_dir=tmp_path, spool_mb=16)
    async with away(database_url, tmp_path, settings) as found:
        found.proxy.cut()
        drawn = np.random.default_rng(1).random(100_000).tolist()  # what packing makes no smaller
        large = [row(f"r{place}", 1, size=size, guess=-size) for place, size in enumerate(drawn)]
        statuses = [(await found.live.send(large)).status_code for _ in range(8)]
        assert statuses[0] == 202
        refused = await found.live.send(large)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert "spool of 16 MB is full" in refused.json()["detail"]


async def test_without_a_spool_rows_are_refused_until_the_database_is_back(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Where the folder cannot be used, a sender gets 503 and sends again: nothing is acknowledged in vain."""
    (tmp_path / "inbox").write_text("a file where the folder would be")
    async with away(database_url, tmp_path) as found:
        found.proxy.cut()
        refused = await found.live.send(rows("a", 1))
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        found.proxy.open()
        assert (await found.live.send(rows("a", 1))).status_code == 202
        assert await _counted(pool, found.live) == 1
