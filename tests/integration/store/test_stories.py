"""What is written of a monitor in words, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from service.core.measurement import Aspect, Measurement, Series
from service.core.paging import PageRequest
from service.core.story.story import Story, StoryState, in_trouble, silent
from service.core.time_units import to_datetime
from service.runtime.clock import now
from service.runtime.job import Job
from service.status.monitor_state import Verdict
from service.status.queries import StatusQueries
from service.store import lifecycle
from service.store.postgres import PostgresStore
from service.store.tables import story
from tests.integration.service.test_page_reading import FIRST_DAY, SEEN, History, psi, raised, window

MAE = Series(Aspect.PERFORMANCE, "mae")
HEALTHY = "Healthy: all 2 measurements are within their thresholds."


def mae(value: float) -> Measurement:
    return Measurement(MAE, value, 10, threshold=12.0, breached=value > 12.0, reference=8.0)


@pytest.fixture
def shop(pool: asyncpg.Pool) -> History:
    return History(pool)


async def told(pool: asyncpg.Pool, monitor: str = "shop") -> tuple[str, str]:
    (found,) = [each for each in await story.read_all(pool) if each.monitor == monitor]
    return found.state, found.story


async def test_a_cycle_writes_the_story_of_what_it_measured(pool: asyncpg.Pool, shop: History) -> None:
    """Before the first window, healthy, in alarm: the view has the story with each commit."""
    await shop.cycle()
    assert await told(pool) == ("waiting", "Waiting: no window has been measured yet.")
    await shop.cycle(window(1, psi(0.05), mae(7.0)))
    assert await told(pool) == ("fine", HEALTHY)
    await shop.cycle(window(2, psi(0.3), mae(7.0)), alarms={SEEN: "xx!"}, events=(raised(2),))
    state, said = await told(pool)
    assert state == "alarm"
    assert said.startswith("Drift since ")
    assert said.endswith("in 1 column: size. Performance holds: the mean absolute error is 7, "
                         "within its threshold of 12.")  # fmt: skip


async def test_the_page_says_what_the_table_says(pool: asyncpg.Pool, shop: History) -> None:
    """The state that the API returns has the text that dashboards read, cycle after cycle."""
    job = Job("shop", 1.0, lambda _: None)  # type: ignore[arg-type, return-value]
    page = StatusQueries(pool, {"shop": job}, {}, {})
    steps = [
        ((), {}, ()),
        ((window(1, psi(0.05), mae(7.0)),), {}, ()),
        ((window(2, psi(0.3), mae(13.0)),), {SEEN: ".x", "performance|||mae|": ".x"}, ()),
        ((window(3, psi(0.3), mae(7.0)),), {SEEN: ".xx!"}, (raised(3),)),
        ((), {SEEN: ".xx!"}, ()),
    ]
    for windows, alarms, events in steps:
        await shop.cycle(*windows, alarms=alarms, events=events)
        assert (await page.state("shop")).story == (await told(pool))[1]


async def test_a_failed_cycle_is_told_and_a_good_one_takes_it_back(pool: asyncpg.Pool, shop: History) -> None:
    """The error of the last cycle, with what held until then; nothing of it after the next good cycle."""
    now = int(datetime.now(UTC).timestamp()) * 1_000_000
    await shop.store.record_failed("shop", now, now, "no\x00such\nfile", seconds=1.0)
    assert await told(pool) == ("failing", "Failing: its last cycle failed: no\ufffdsuch file.")
    await shop.cycle(window(1, psi(0.05), mae(7.0)))
    assert await told(pool) == ("fine", HEALTHY)
    await shop.store.record_failed("shop", now, now, "disk full", seconds=1.0)
    assert await told(pool) == (
        "failing",
        f"Failing: its last cycle failed: disk full. Until then: {HEALTHY}",
    )


async def test_a_dead_service_is_told_by_the_view(pool: asyncpg.Pool, shop: History) -> None:
    """Nobody writes any more: since when no cycle has worked, and what held until then."""
    await shop.cycle(window(1, psi(0.05), mae(7.0)))
    await pool.execute("UPDATE tidegauge.cycle_log SET finished_at = '2013-05-03 07:09:59.9Z'")
    state, said = await told(pool)
    assert state == "silent"
    worked = datetime(2013, 5, 3, 7, 9, 59, tzinfo=UTC)
    assert said == f"Silent: no cycle has worked since 3 May 2013, 07:09 UTC. Until then: {HEALTHY}"
    assert said == in_trouble(silent(worked), Story(StoryState.FINE, HEALTHY))
    await pool.execute("INSERT INTO tidegauge.monitor VALUES ('shop', now())")
    assert (await told(pool))[1].startswith("Silent: it has no file any more; tidegauge monitor remove shop")


async def test_a_story_of_another_state_is_not_shown(pool: asyncpg.Pool, shop: History) -> None:
    """Where windows or alarms were deleted since, the state alone is said, never the old story."""
    await shop.cycle(window(1, psi(0.3), mae(13.0)), alarms={SEEN: "xx!"}, events=(raised(1),))
    await pool.execute("UPDATE tidegauge.story SET state = 'fine', told = $1", HEALTHY)
    assert await told(pool) == ("alarm", "In alarm: 1 alarm is raised.")
    await pool.execute("UPDATE tidegauge.checkpoint SET alarms = '{}'")
    said = "In the newest window, not yet an alarm: 2 measurements are beyond their thresholds."
    assert await told(pool) == ("breach", said)
    await pool.execute("UPDATE tidegauge.window_aspect SET breached = 0")
    await pool.execute("UPDATE tidegauge.story SET told = ''")
    assert await told(pool) == ("fine", "Healthy: no measurement is beyond its threshold.")
    await pool.execute("DELETE FROM tidegauge.window_aspect")
    assert await told(pool) == ("waiting", "Waiting: nothing could be judged yet.")


async def test_a_reset_and_a_rename_take_the_story_along(pool: asyncpg.Pool, shop: History) -> None:
    """A reset ends the alarms, also in words; a renamed monitor keeps its story, also over a failed start."""
    await shop.cycle(window(1, psi(0.3), mae(7.0)), alarms={SEEN: "xx!"}, events=(raised(1),))
    await lifecycle.reset(pool, "shop")
    state, said = await told(pool)
    assert state == "breach"
    assert "alarm is raised" not in said
    await shop.store.record_failed("store", FIRST_DAY, FIRST_DAY, "no file", seconds=1.0)
    await lifecycle.rename(pool, "shop", "store", replace=True)
    assert await told(pool, "store") is not None
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.story") == 1


async def test_since_is_the_alarm_that_was_raised_last(pool: asyncpg.Pool, shop: History) -> None:
    """After a reset earlier windows are measured again: the story has the day that the view `alarms` has."""
    await shop.cycle(window(5, psi(0.3)), alarms={SEEN: "xx!"}, events=(raised(5),))
    await shop.cycle(window(2, psi(0.3)), alarms={SEEN: "xx!"}, events=(raised(2),))
    since = await pool.fetchval("SELECT since_event_time FROM tidegauge.stories")
    assert since == await pool.fetchval("SELECT min(at) FROM tidegauge.event WHERE kind = 'breach'")
    assert f"since {since.day} " in (await told(pool))[1]


async def test_an_alarm_raised_twice_in_one_cycle_began_the_second_time(
    pool: asyncpg.Pool, shop: History
) -> None:
    """Both events have the instant of their transaction: the view and the story take the later one."""
    for first, second in ((3, 4), (6, 8), (10, 11)):
        events = (raised(first), raised(second))
        await shop.cycle(window(second, psi(0.3)), alarms={SEEN: "xx!"}, events=events)
        since = await pool.fetchval("SELECT since_event_time FROM tidegauge.alarms")
        assert since == to_datetime(events[1].at)
        assert f"since {since.day} " in (await told(pool))[1]


async def test_a_story_is_written_when_it_changes(pool: asyncpg.Pool, shop: History) -> None:
    """Cycles that find nothing new leave the row as it is."""
    await shop.cycle(window(1, psi(0.05), mae(7.0)))
    before = await pool.fetchval("SELECT told_at FROM tidegauge.story")
    await shop.cycle()
    await shop.cycle(window(2, psi(0.04), mae(7.5)))
    assert await pool.fetchval("SELECT told_at FROM tidegauge.story") == before


async def test_the_reader_role_may_read_the_stories(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """Dashboards and alerts ask as the role that may only read."""
    await History(pool).cycle(window(1, psi(0.05)))
    rows = await reader.fetch("SELECT monitor, state, story FROM tidegauge.stories")
    assert [tuple(row) for row in rows] == [
        ("shop", "fine", "Healthy: the one measurement with a threshold is within it.")
    ]


async def test_a_monitor_that_waits_for_its_reference_is_no_failing_one(
    pool: asyncpg.Pool, shop: History
) -> None:
    """Table, page and overview say what it waits for, without an alarm, until a cycle works."""
    waits = "2 of 6 rows of its reference have come"
    job = Job("shop", 1.0, lambda _: None, last_end=now(), waits=waits)  # type: ignore[arg-type, return-value]
    page = StatusQueries(pool, {"shop": job}, {}, {})
    await PostgresStore(pool).record_waiting("shop", now(), now(), waits, seconds=0.1)
    assert await told(pool) == ("waiting", f"Waiting: {waits}.")
    state = await page.state("shop")
    assert (state.verdict, state.story, state.alarms) == (Verdict.WAITING, f"Waiting: {waits}.", [])
    assert (await page.overview(PageRequest())).alarms == 0
    await shop.cycle()
    assert await told(pool) == ("waiting", "Waiting: no window has been measured yet.")
