"""Readiness: the database answers, the schema is current, and every monitor's cycles run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from service.runtime.job import CycleResult, Job
from service.status.readiness import OK, STALE_CYCLES, freshness, is_ok, readiness_checks

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND


async def _never(slot: int) -> CycleResult:
    raise AssertionError(f"nothing runs here, not even slot {slot}")


def job(
    name: str = "shop",
    *,
    interval: float = 60.0,
    ago: float | None = 0.0,
    failures: int = 0,
    error: str = "",
) -> Job:
    """Return a job whose last good cycle ended so many seconds ago (None: never)."""
    end = None if ago is None else round(NOW - ago * SECOND)
    return Job(name, interval, _never, failures=failures, error=error, last_end=end)


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (job(), OK),
        (job(ago=None), "no cycle yet"),
        (
            job(failures=1, error="a.csv: the file is empty"),
            "its last cycle failed: a.csv: the file is empty",
        ),
        (job(failures=3, ago=None), "its last 3 cycles failed"),
        (job(ago=STALE_CYCLES * 60), OK),
        (job(ago=STALE_CYCLES * 60 + 1), "silent for 3 min"),
        # However short the interval, a minute of silence is no fault.
        (job(interval=0.0, ago=60), OK),
        (job(interval=0.0, ago=61), "silent for 61 s"),
        (job(interval=5.0, ago=59), OK),
        (job(interval=3_600.0, ago=3 * 3_600), OK),
        (job(interval=3_600.0, ago=3 * 3_600 + 1), "silent for 3 h"),
    ],
)
def test_a_monitor_is_fresh_while_its_cycles_run(one: Job, wanted: str) -> None:
    """Failures in a row, no cycle yet and a silence of more than three intervals are said."""
    assert freshness(one, NOW) == wanted


def test_a_monitor_that_waits_is_ready_and_says_what_for() -> None:
    """The rows of its reference are still to come: nothing is wrong."""
    one = job()
    one.waits = "2 of 6 rows of its reference have come"
    assert freshness(one, NOW) == "ok: waiting: 2 of 6 rows of its reference have come"
    assert is_ok(freshness(one, NOW))
    assert not is_ok("okay")


def test_a_monitor_that_has_finished_may_be_silent() -> None:
    """Where nothing will follow no cycle is missed; but failures are said all the same."""
    done = job(ago=10**6)
    done.finished.set()
    assert freshness(done, NOW) == OK
    done.failures = 2
    assert freshness(done, NOW) == "its last 2 cycles failed"


@pytest_asyncio.fixture
async def unreachable() -> AsyncIterator[asyncpg.Pool]:
    """Give a pool whose database cannot be reached: nobody listens there."""
    async with asyncpg.create_pool("postgresql://somebody@127.0.0.1:9/nowhere", min_size=0) as pool:
        yield pool


async def test_without_a_database_the_reason_is_given_and_monitors_are_still_checked(
    unreachable: asyncpg.Pool,
) -> None:
    """What cannot be looked up is not said to be right: there is no word about migrations."""
    found = await readiness_checks(unreachable, [job("a"), job("b", failures=2)], NOW)
    assert "look for locks" in found.pop("database")
    assert found == {"monitor a": OK, "monitor b": "its last 2 cycles failed"}


@pytest.mark.postgres
async def test_with_a_current_schema_everything_is_ready(pool: asyncpg.Pool) -> None:
    """Database, migrations and each monitor are named."""
    assert await readiness_checks(pool, [job("a")], NOW) == {
        "database": OK, "locks": OK, "migrations": OK, "monitor a": OK,
    }  # fmt: skip


@pytest.mark.postgres
async def test_migrations_that_wait_are_counted(empty_database_url: str) -> None:
    """A schema of an earlier version is not ready."""
    async with asyncpg.create_pool(empty_database_url, min_size=1) as empty:
        found = await readiness_checks(empty, [], NOW)
    assert found["database"] == OK
    assert found["migrations"].endswith(" not applied")
