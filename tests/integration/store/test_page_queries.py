"""What the page asks of many monitors or columns at once, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from service.core.event import Event
from service.core.measurement import Aspect
from service.core.paging import PageRequest
from service.core.read_models import MeasuredWindow, SeriesFilter
from service.status.queries import StatusQueries
from service.store import page_queries, queries
from tests import seeded_page
from tests.seeded_page import SeededPage, commit, flights, job, wide

COLUMNS = [f"sensor_{number}" for number in range(10)]


@pytest_asyncio.fixture
async def page(pool: asyncpg.Pool) -> SeededPage:
    """Give a store with a monitor that errs and drifts, one that only drifts, and one that is calm."""
    seeded = SeededPage(pool)
    await commit(pool, "errs", flights([0.0, 2.0, 2.0]), Event("ended", seeded_page.START, "over"))
    await commit(pool, "drifts", wide(COLUMNS, 8))
    await commit(pool, "calm", flights([0.0, 0.0]))
    for name in ("errs", "drifts", "calm"):
        seeded.add(job(name), f"The monitor {name}", COLUMNS if name == "drifts" else ())
    return seeded


@pytest_asyncio.fixture
async def asking(page: SeededPage) -> AsyncIterator[StatusQueries]:
    """Give the page's queries on that store."""
    yield StatusQueries(page.pool, page.jobs, page.descriptions, page.columns)


async def test_how_monitors_stand_agrees_with_their_states(page: SeededPage, asking: StatusQueries) -> None:
    """The order is decided by one query for all; it says what each monitor's whole state says."""
    found = await page_queries.standings(page.pool, list(page.jobs))
    assert set(found) == set(page.jobs)
    for name in page.jobs:
        state = await asking.state(name)
        assert set(found[name].raised) == {one.aspect for one in state.aspects if one.alarms}
        assert set(found[name].breached) == {one.aspect for one in state.aspects if one.breaches}
    assert Aspect.PERFORMANCE in found["errs"].raised


async def test_the_overview_is_a_page_of_whole_states(asking: StatusQueries) -> None:
    """The worst first; totals of all, whatever the page and the search."""
    first = await asking.overview(PageRequest(limit=2))
    assert [one.name for one in first.monitors] == ["errs", "drifts"]
    assert (first.total, first.alarms, first.matched) == (3, 2, 3)
    assert first.monitors[0] == await asking.state("errs")
    last = await asking.overview(PageRequest(number=2, limit=2))
    assert [one.name for one in last.monitors] == ["calm"]
    found = await asking.overview(PageRequest("THE calm", limit=2))
    assert ([one.name for one in found.monitors], found.matched, found.total) == (["calm"], 1, 3)
    named = await asking.overview(PageRequest(limit=2), "drifts")
    assert ([one.name for one in named.monitors], named.alarms) == (["drifts"], 2)
    assert list((await asking.overview(PageRequest(limit=2), "gone")).monitors) == []


async def test_events_of_all_monitors_come_newest_first(page: SeededPage, asking: StatusQueries) -> None:
    """As if they were one monitor's; a search leaves those of the monitors that match."""
    every = await asking.newest_events(PageRequest(limit=500))
    assert {one.monitor for one in every} == {"errs", "drifts"}
    assert every == sorted(every, key=lambda one: (one.recorded_at, one.id), reverse=True)
    assert await asking.newest_events(PageRequest(limit=3)) == every[:3]
    own = await asking.newest_events(PageRequest("errs", limit=500))
    alone = await queries.events(page.pool, monitor="errs", since=None, kind=None, limit=500)
    assert [one.id for one in own] == [one.id for one in alone]


async def test_a_column_has_what_its_chart_and_its_distribution_have(
    page: SeededPage, asking: StatusQueries
) -> None:
    """A row of the table says the same as the routes of one series and of one column."""
    found = await asking.column_page("drifts", PageRequest(limit=4))
    assert (found.total, found.matched, len(found.columns)) == (10, 10, 4)
    assert {row.column_name for row in found.columns[:2]} == {"sensor_0", "sensor_5"}, "those that drift"
    for row in found.columns:
        assert row.drift is not None
        assert row.missing is not None
        assert row.distribution is not None
        series = SeriesFilter(
            monitor="drifts", aspect="drift", column=row.column_name, segment="", metric=row.drift.metric,
            definition=row.drift.definition,
        )  # fmt: skip
        chart = await queries.measurements_by_event_time(page.pool, series, limit=100)
        assert [(one.window_end, one.value, one.breached) for one in row.history] == [
            (one.window_end, one.value, one.breached) for one in chart
        ]
        whole = await asking.distribution("drifts", row.column_name, None, None)
        assert row.distribution.window == [bin_.share for bin_ in whole.bins]
        assert row.distribution.reference == [bin_.reference_share for bin_ in whole.bins]
    (found_one,) = (await asking.column_page("drifts", PageRequest("sensor_7", limit=4))).columns
    assert found_one.history


async def test_a_column_that_was_never_measured_is_a_row(page: SeededPage, asking: StatusQueries) -> None:
    """Before the first window the watched columns are known."""
    page.add(job("new"), columns=["size"])
    found = await asking.column_page("new", PageRequest(limit=4))
    assert found.window is None
    (row,) = found.columns
    assert (row.column_name, row.drift, row.history, row.distribution) == ("size", None, [], None)


async def test_a_page_follows_every_cycle(page: SeededPage, asking: StatusQueries) -> None:
    """What is kept between cycles is never shown after the next one."""
    before = await asking.latest_window("calm")
    assert await asking.latest_window("calm") is before
    version = await page_queries.version(page.pool, "calm")
    await commit(page.pool, "other", flights([0.0]))
    assert await page_queries.version(page.pool, "calm") == version
    await page.pool.execute("DELETE FROM tidegauge.checkpoint WHERE monitor = 'calm'")
    await commit(page.pool, "calm", flights([0.0, 0.0, 0.0]))
    after = await asking.latest_window("calm")
    assert before.window is not None
    assert after.window is not None
    assert after.window.window_end > before.window.window_end


async def test_nothing_is_found_of_a_window_that_is_gone(page: SeededPage) -> None:
    """Retention may take a window between two questions: a row without a distribution, no fault."""
    window = (await queries.latest_window(page.pool, "drifts")).window
    assert isinstance(window, MeasuredWindow)
    await page.pool.execute("DELETE FROM tidegauge.window_distribution")
    assert await page_queries.shares(page.pool, "drifts", window, COLUMNS) == {}
    assert await page_queries.sparklines(page.pool, "drifts", [], 9) == []


async def test_what_comes_in_is_added_up(page: SeededPage, asking: StatusQueries) -> None:
    """The last hour's counts, the newest cycle's lag, and the reasons of refused rows, the newest first."""
    found = await asking.intake("calm")
    assert (found.taken, found.refused, found.lag_seconds) == (1_800, 0, 0.5)
    assert (found.repeated, found.backlog, found.waiting, found.unpaired) == (None, None, None, None)
    await page.pool.execute(
        "UPDATE tidegauge.cycle_log SET rejected = 3, duplicates = 2, backlog_rows = 7, waiting_events = 1, "
        "unpaired_events = 0 WHERE monitor = 'calm'"
    )
    await page.pool.execute(
        "INSERT INTO tidegauge.cycle_log (monitor, slot, started_at, finished_at, outcome, rows, rejected) "
        "VALUES ('calm', now(), now(), now() - interval '2 hours', 'measured', 50, 50), "
        "('calm', now(), now(), now() + interval '1 second', 'failed', 0, 0)"
    )
    await page.pool.execute(
        """INSERT INTO tidegauge.rejected_row (monitor, reason, "row", received_at) VALUES
        ('calm', 'no time', '{}', now() - interval '1 hour'), ('calm', 'no number', '{}', now()),
        ('calm', 'no time', '{}', now() - interval '2 hours'), ('errs', 'another', '{}', now()),
        ('calm', 'of last week', '{}', now() - interval '7 days')"""
    )
    found = await asking.intake("calm")
    assert (found.refused, found.repeated, found.backlog, found.waiting, found.unpaired) == (6, 4, 7, 1, 0)
    assert [(each.reason, each.rows) for each in found.reasons] == [("no number", 1), ("no time", 2)]
