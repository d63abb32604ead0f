"""A lock that bars everybody is seen, named, and waited for no longer than a while."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest
from structlog.testing import capture_logs

from service.core.read_models import SeriesFilter
from service.errors import StoreError
from service.status.readiness import readiness_checks
from service.store import held_locks as module
from service.store import queries
from service.store.driver_errors import translated
from service.store.held_locks import held_locks
from service.wiring.lock_watch import lock_watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def holder(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Hold the strongest lock on the samples by another session."""
    connection = await asyncpg.connect(database_url, server_settings={"application_name": "a report"})
    await connection.execute("BEGIN; LOCK TABLE tidegauge.sample")
    yield connection
    connection.terminate()


async def test_a_lock_held_for_long_is_named(
    pool: asyncpg.Pool, holder: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table, mode, process and program are in `/readyz` and once in the log; a short one is in neither."""
    assert await held_locks(pool) == []
    monkeypatch.setattr(module, "LONG_SECONDS", 0.0)
    (lock,) = await held_locks(pool)
    pid = holder.get_server_pid()
    assert (lock.table, lock.mode, lock.pid, lock.application) == (
        "sample", "AccessExclusiveLock", pid, "a report",
    )  # fmt: skip
    checks = await readiness_checks(pool, [], 0)
    assert f"pg_terminate_backend({pid})" in checks["locks"]
    with capture_logs() as lines:
        async with lock_watch(pool, pause_seconds=0.01):
            await asyncio.sleep(0.3)  # many rounds of the watch
    assert [(line["event"], line["table"], line["pid"]) for line in lines] == [
        ("table locked", "sample", pid)
    ]
    await holder.execute("ROLLBACK")
    assert await held_locks(pool) == []


@pytest.mark.usefixtures("holder")
async def test_a_wait_for_a_lock_ends(pool: asyncpg.Pool) -> None:
    """A statement gives up by itself and says where the holder is named."""

    async def read(connection: asyncpg.Connection) -> None:
        with translated("read"):
            await connection.fetchval("SELECT count(*) FROM tidegauge.sample")

    async with pool.acquire() as connection:
        assert await connection.fetchval("SHOW lock_timeout") == "10s"
        await connection.execute("SET lock_timeout = '50ms'")
        with pytest.raises(StoreError, match="another session holds a lock on the table; /readyz names it"):
            await read(connection)


@pytest.mark.usefixtures("holder")
async def test_a_read_for_people_gives_up_by_itself(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page does not wait as long as a cycle may: its reads have a limit of their own."""
    monkeypatch.setattr(queries, "READ_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(StoreError, match="no answer in time"):
        await queries.measurements_by_event_time(pool, SeriesFilter(monitor="flights"), since=None, limit=5)
    assert time.monotonic() - began < 5
