"""The page where there is little to show, or something unusual; the API has prepared answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from service.api.app import build
from service.api.server import serving
from service.core.paging import PageRequest, page_of
from service.core.read_models import (
    ColumnDistribution,
    ColumnShares,
    IntakeState,
    MeasuredWindow,
    MonitorEvent,
    NewestWindow,
    SeriesFilter,
    SparkPoint,
    StoredEvent,
    StoredMeasurement,
    StoredValue,
    WindowValue,
)
from service.core.report_status import ReportState, ReportStatus
from service.core.story.newest import newest_window
from service.errors import StoreError
from service.status.columns import ColumnPage, ColumnRow, column_heads
from service.status.live_feed import EventBroadcaster
from service.status.monitor_state import CycleStatus, MonitorState, monitor_state
from service.status.overview import Overview, text_of
from service.status.window_page import MeasurementFilter, WindowPage, window_page
from tests.browser.conftest import Opened
from tests.unit.api.doors import callables, cycle_status
from tests.unit.status.values import latest, window_value

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NOW = datetime.now(UTC)
WINDOW = MeasuredWindow(
    window_start=NOW - timedelta(days=7), window_end=NOW, revision=1, rows=9, computed_at=NOW
)
HOSTILE = "<img src=x onerror=alert(1)>\"'~|&%/? ü"


NOTHING_COMES_IN = IntakeState(
    taken=0, refused=0, repeated=None, unpaired=None, lag_seconds=None, backlog=None, waiting=None, reasons=[]
)


class Door:
    """One monitor, whose answers a test writes."""

    def __init__(self, name: str = "shop", *values: WindowValue, **more: Any) -> None:
        self.name = name
        self.values = list(values)
        self.away: StoreError | None = None
        self.refused: dict[str, str] = {}
        self.report = ReportStatus(ReportState.IMPOSSIBLE, reason="no window has been measured yet")
        self.incoming = NOTHING_COMES_IN
        self.broadcaster = EventBroadcaster()
        self.cycles = cycle_status(name, **{"cycles": 1, "last_cycle": datetime.now(UTC), **more})

    def monitors(self) -> list[CycleStatus]:
        return [self.cycles]

    def columns(self, _: str) -> set[str]:
        return {value.column_name for value in self.values}

    async def overview(self, request: PageRequest, name: str | None = None) -> Overview:
        known = [await self.state("")] if name in {None, self.name} else []
        monitors = page_of(known, request, text_of)
        alarms = sum(one.verdict == "alarm" for one in monitors.entries)
        return Overview(total=1, alarms=alarms, matched=monitors.matched, monitors=monitors.entries)

    async def newest_events(self, _: PageRequest) -> list[MonitorEvent]:
        return []

    async def window_page(self, _: str, wanted: MeasurementFilter, request: PageRequest) -> WindowPage:
        return window_page(await self.latest_window(""), wanted, request)

    async def column_page(self, _: str, request: PageRequest) -> ColumnPage:
        heads = page_of(column_heads(await self.latest_window(""), ()), request, lambda one: one.column_name)
        rows = [
            ColumnRow(
                column_name=head.column_name,
                drift=head.drift,
                missing=head.missing,
                history=[SparkPoint(window_end=NOW, value=0.1, breached=False)],
                distribution=ColumnShares(window=[0.5, 0.5, 0.0], reference=[0.4, 0.6, 0.0]),
            )
            for head in heads.entries
        ]
        return ColumnPage(window=WINDOW, columns=rows, total=heads.total, matched=heads.matched)

    async def intake(self, _: str) -> IntakeState:
        return self.incoming

    async def report_status(self, *_: Any) -> ReportStatus:
        return self.report

    async def state(self, _: str) -> MonitorState:
        if self.away:
            raise self.away
        return monitor_state(self.cycles, await self.latest_window(""), [], None)

    async def latest_window(self, _: str) -> NewestWindow:
        return newest_window(latest(*self.values, window=WINDOW if self.values else None))

    async def measurements(self, wanted: SeriesFilter, **_: Any) -> list[StoredMeasurement]:
        names = [field.name for field in fields(StoredValue)]
        window = {name: value for name, value in asdict(WINDOW).items() if name != "rows"}
        return [
            StoredMeasurement(monitor=self.name, **window, **{name: getattr(value, name) for name in names})
            for value in self.values
            if (value.metric, value.column_name) == (wanted.metric, wanted.column)
        ]

    async def events(self, _: str, **__: Any) -> list[StoredEvent]:
        return []

    async def distribution(self, _: str, column: str, *__: datetime | None) -> ColumnDistribution:
        return ColumnDistribution(column_name=column, window=None, bins=[])

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        door = callables(
            queries=self,
            broadcaster=self.broadcaster,
            refused=lambda: self.refused,
            report_status=self.report_status,
        )
        app = build(door)
        async with serving(app, host="127.0.0.1", port=0) as url:
            try:
                yield url
            finally:
                self.broadcaster.close()


async def test_before_the_first_cycle_it_says_what_comes(opened: Opened) -> None:
    """A monitor that has done nothing yet is waiting, not fine and not broken."""
    async with Door(last_cycle=None, cycles=0).open() as url:
        seen = await opened(url)
        await expect(seen.page.locator(".card .why")).to_have_text(
            "Waiting: no window has been measured yet."
        )
        await expect(seen.page.locator(".events, .panel .empty").last).to_contain_text("No events yet")
        await seen.page.get_by_role("link", name="shop").first.click()
        await expect(seen.page.locator(".head .lead")).to_have_text(
            "Waiting: no window has been measured yet."
        )
        await expect(seen.page.locator(".list .empty")).to_have_text("No window has been measured yet.")
        assert seen.faults == []


async def test_missing_labels_are_a_reason_not_a_zero(opened: Opened) -> None:
    """A number without a value shows why, in its aspect, its row, its chart and its table."""
    why = "no row of the window has its label yet"
    async with Door("shop", window_value("performance", "mae", None, reason=why)).open() as url:
        seen = await opened(f"{url}/#/shop?s=performance~~~mae~")
        page = seen.page
        await expect(page.locator(".tiles a.unmeasured")).to_contain_text(why)
        await expect(page.locator(".numbers .reason")).to_have_text(why)
        await expect(page.locator("path.gap[d^=M]").first).to_be_attached()
        await expect(page.locator(".readout")).to_contain_text(why)
        await page.locator(".chart summary").first.click()
        await expect(page.locator(".chart td.note")).to_have_text(why)
        assert seen.faults == []


async def test_a_file_that_cannot_be_used_is_said_until_it_can(opened: Opened) -> None:
    """No monitor runs by it, so that nothing else on the page could say so; it goes without a reload."""
    door = Door()
    door.refused = {"monitors/new.yaml": "monitors/new.yaml:1: sauce: no such key"}
    async with door.open() as url:
        seen = await opened(url)
        box = seen.page.get_by_role("alert")
        await expect(box).to_contain_text("A monitor file cannot be used. monitors/new.yaml:1: sauce:")
        door.refused = {}
        door.broadcaster.notify_list()
        await expect(box).to_be_hidden()
        assert seen.faults == []


async def test_a_name_is_only_ever_text(opened: Opened) -> None:
    """Monitors and columns may be named anything: it is shown as it is, in links and back again."""
    bad = window_value(
        "quality",
        "missing_share",
        0.2,
        column_name=HOSTILE,
        unit="share",
        threshold=0.1,
        breached=True,
        severity=2.0,
    )
    async with Door(HOSTILE.replace("/", ":"), bad).open() as url:
        seen = await opened(url)
        await seen.page.locator(".card h2 a").click()
        await expect(seen.page.locator("h1")).to_contain_text("<img src=x")
        await seen.page.locator(".fold summary").click()
        await seen.page.locator(".numbers tbody a").click()
        await expect(seen.page.locator(".shown h3").first).to_have_text(f"{HOSTILE} · missing share")
        await expect(seen.page.locator(".shown .latest strong").first).to_have_text("20 %")
        await expect(seen.page.locator(".shown .empty")).to_contain_text("No window has a distribution")
        assert seen.faults == []
        assert await seen.refused() == []


async def test_a_silent_monitor_is_not_fine(opened: Opened) -> None:
    """When cycles stop, the service sends nothing more: the page itself says so."""
    silent = Door(
        "shop", window_value("drift", "drift_share", 0.1, threshold=0.5, breached=False, severity=0.2)
    )
    silent.cycles = replace(silent.cycles, last_cycle=NOW - timedelta(hours=2))
    async with silent.open() as url:
        seen = await opened(url)
        await expect(seen.page.locator(".card.alarm .why")).to_contain_text("No cycle for 2 h")


async def test_a_database_that_is_away_is_said(opened: Opened) -> None:
    """The page says what the service says, and fills itself when the database is back."""
    door = Door(
        "shop", window_value("drift", "drift_share", 0.1, threshold=0.5, breached=False, severity=0.2)
    )
    door.away = StoreError("read the latest window: connection refused")
    async with door.open() as url:
        seen = await opened(url)
        await expect(seen.page.locator("#lost")).to_contain_text("connection refused")
        door.away = None
        await expect(seen.page.locator(".card.fine")).to_be_visible()
        await expect(seen.page.locator("#lost")).to_be_hidden()


async def test_a_monitor_that_is_gone_is_said(opened: Opened) -> None:
    """An old link leads back, not into an error."""
    async with Door("shop", window_value("drift", "drift_share")).open() as url:
        seen = await opened(f"{url}/#/closed")
        await expect(seen.page.locator("h1")).to_have_text("No such monitor")
        await seen.page.get_by_role("link", name="All monitors").click()
        await expect(seen.page.locator(".card")).to_have_count(1)
        assert seen.faults == []
