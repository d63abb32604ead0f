"""The page on a seeded store: every state, and lists that are too long to be shown whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from service.core.report_status import ReportState, ReportStatus
from service.store.embedded.server import EmbeddedServer
from service.store.pool import open_pool
from tests import seeded_page
from tests.browser.conftest import Opened
from tests.browser.pictures import KINDS, OF_STATES, REASONS, settled
from tests.browser.test_page import AXE
from tests.conftest import TEMPLATE, fresh_database
from tests.seeded_page import LONG_NAME, SeededPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MANY = 45
ON_PHONE = ("overview", "alarm", "columns", "long-name")  # what is laid out in another way there


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def states(chromium_path: str, server: EmbeddedServer) -> AsyncIterator[tuple[SeededPage, str]]:
    """Give the page with a monitor in each state, and its address."""
    del chromium_path  # where there is none, nothing is filled
    async with fresh_database(server, TEMPLATE) as url:
        pool = await open_pool(url)
        try:
            page = await seeded_page.fill_states(pool)
            async with page.open() as address:
                yield page, address
        finally:
            pool.terminate()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def many(chromium_path: str, server: EmbeddedServer) -> AsyncIterator[tuple[SeededPage, str]]:
    """Give the page with many monitors, and its address."""
    del chromium_path
    async with fresh_database(server, TEMPLATE) as url:
        pool = await open_pool(url)
        try:
            page = await seeded_page.fill_many(pool, MANY)
            async with page.open() as address:
                yield page, address
        finally:
            pool.terminate()


COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}  # all that the dark changes


async def faults_of(page: Page, options: dict[str, Any] = AXE) -> str:
    found = await Axe().run(page, options=options)
    return str(found.generate_report()) if found.violations_count else ""


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_is_shut_out_of_any_state(
    states: tuple[SeededPage, str], opened: Opened, kind: str
) -> None:
    """Axe finds nothing in any state, nor in the colours of the dark; on a phone nothing is too wide."""
    seeded, address = states
    scheme, width, height = KINDS[kind]
    seen = await opened(address, width=width, height=height, color_scheme=scheme, reduced_motion="reduce")
    for name, where in OF_STATES.items():
        await seen.page.goto(f"{address}/{where}")
        await settled(seen.page)
        if kind != "phone" or name in ON_PHONE:
            assert await faults_of(seen.page, COLOURS if kind == "dark" else AXE) == "", name
        assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    for state in ReportState if kind == "light" else ():
        seeded.report = ReportStatus(state, reason=REASONS.get(state))
        await seen.page.goto("about:blank")
        await seen.page.goto(f"{address}/#/ended")
        await settled(seen.page)
        assert await faults_of(seen.page) == "", state
    seeded.report = ReportStatus(ReportState.POSSIBLE)
    assert seen.faults == []


async def test_the_sentence_and_the_list_have_one_order(
    states: tuple[SeededPage, str], opened: Opened
) -> None:
    """What is called the worst is the first of the list, and performance comes before drift."""
    seen = await opened(f"{states[1]}/#/flights")
    await settled(seen.page)
    await expect(seen.page.locator(".head .lead")).to_contain_text("mean absolute error")
    await expect(seen.page.locator(".numbers tbody tr a").first).to_have_text("mae")


async def test_a_recovery_reads_as_one(states: tuple[SeededPage, str], opened: Opened) -> None:
    """The end of an alarm is no alarm: it says so, and has the mark of what is healthy."""
    seen = await opened(f"{states[1]}/#/recovered")
    ended = seen.page.locator(".events li.recovery").first
    await expect(ended.locator(".kind")).to_have_text("Recovered ")
    await expect(ended.locator("svg.mark.fine")).to_be_visible()
    await expect(ended).to_contain_text("no longer above")


async def test_second_opinions_are_one_group(states: tuple[SeededPage, str], opened: Opened) -> None:
    """It is closed at first, opens by keyboard, and stays as the link says."""
    seen = await opened(f"{states[1]}/#/flights?aspect=drift")
    page = seen.page
    await settled(page)
    summary = page.locator(".fold summary")
    await expect(summary).to_have_text(re.compile(r"^\d+ second opinions beyond their thresholds$"))
    await expect(page.locator(".fold table")).to_have_count(0)
    await summary.focus()
    await page.keyboard.press("Enter")
    rows = page.locator(".fold tbody tr")
    await expect(rows.first).to_be_visible()
    assert await rows.count() == int((await summary.inner_text()).split()[0])
    assert (await page.locator("main").inner_text()).count("no alarm of their own") == 1
    await page.reload()
    await expect(rows.first).to_be_visible()
    await summary.click()
    await expect(page.locator(".fold table")).to_have_count(0)
    assert "second" not in page.url
    assert seen.faults == []


async def test_all_columns_are_searched_and_paged(states: tuple[SeededPage, str], opened: Opened) -> None:
    """A row per column, the worst first; the server searches and pages; a row leads to its charts."""
    seen = await opened(f"{states[1]}/#/wide/columns")
    page = seen.page
    await settled(page)
    rows = page.locator(".multiples tbody tr")
    await expect(rows).to_have_count(25)
    await expect(rows.first.locator("path.value")).to_have_count(1)
    await expect(rows.first.locator("path.bar")).to_have_count(1)
    await expect(page.locator(".pager")).to_contain_text("Page 1 of 12")
    await page.get_by_role("link", name="Next").click()
    await expect(page.locator(".pager")).to_contain_text("Page 2 of 12")
    await page.goto(f"{states[1]}/#/wide/columns?page=99")
    await expect(page.locator(".pager")).to_contain_text("There is no page 99; the last is page 12.")
    await page.get_by_role("link", name="Last page").click()
    await expect(page.locator(".pager")).to_contain_text("Page 12 of 12")
    await page.locator("#find").fill("sensor_0007")
    await expect(rows).to_have_count(1)
    await rows.locator("a").click()
    await expect(page.locator(".shown h3").first).to_contain_text("sensor_0007 · wasserstein")
    assert seen.faults == []


async def test_a_name_of_five_thousand_characters_is_cut(
    states: tuple[SeededPage, str], opened: Opened
) -> None:
    """It takes a line, is whole on demand, and its chart is found by it."""
    seen = await opened(f"{states[1]}/#/wide?find=five+thousand")
    page = seen.page
    await settled(page)
    link = page.locator(".numbers tbody a").first
    assert len(await link.inner_text()) < 80
    await page.locator(".whole-name summary").first.click()
    await expect(page.locator(".whole-name[open]")).to_contain_text(LONG_NAME)
    await link.click()
    await expect(page.locator(".shown path.value[d^=M]").first).to_be_attached()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.faults == []


async def test_many_monitors_are_paged_and_searched(many: tuple[SeededPage, str], opened: Opened) -> None:
    """The worst come first; what is not shown is not read."""
    seen = await opened(many[1])
    page = seen.page
    await settled(page)
    cards = page.locator(".card")
    await expect(cards).to_have_count(20)
    await expect(page.locator(".spark path.value[d^=M]")).to_have_count(20)
    await expect(page.locator(".lead")).to_have_text(f"{-(-MANY // 7)} of {MANY} monitors in alarm.")
    assert await page.locator(".card.alarm").count() == -(-MANY // 7)
    asked = [url for url in seen.requests if "/v1/monitors/" in url]
    assert len(asked) == 20, "a chart per card that is shown"
    await page.get_by_role("link", name="Next").click()
    await expect(page.locator(".pager")).to_contain_text("Page 2 of 3")
    await page.locator("#find").fill("MODEL number 44")
    await expect(cards).to_have_count(1)
    await expect(page.locator(".card h2")).to_have_text(re.compile("model_0044"))
    assert seen.faults == []


async def test_the_stream_of_many_monitors_is_small(many: tuple[SeededPage, str], opened: Opened) -> None:
    """A cycle of every monitor is one event of names, and only what is shown is read again."""
    seeded, address = many
    seen = await opened(address)
    await expect(seen.page.locator(".spark path.value[d^=M]")).to_have_count(20)
    before = len(seen.requests)
    seeded.broadcaster._publish("cycled", _cycled(seeded), brief=True)
    await expect(seen.page.locator("#announcer")).to_have_text("1 new alarm: model_0000: x")
    async with seen.page.expect_response(lambda answer: "/v1/overview" in answer.url):
        pass
    await settled(seen.page)
    assert len(seen.requests) - before <= 22, "the page of monitors, their events, and a chart per card"


def _cycled(seeded: SeededPage) -> dict[str, Any]:
    alarms = [{"monitor": "model_0000", "message": "x"}]
    return {"monitors": dict.fromkeys(seeded.jobs, 1), "new_alarms": 1, "alarms": alarms}


async def test_a_report_is_made_by_one_click(states: tuple[SeededPage, str], opened: Opened) -> None:
    """It says that it is being made, then links to it; a failure says why and can be tried again."""
    seeded, address = states
    seeded.report, seeded.outcome = (
        ReportStatus(ReportState.POSSIBLE),
        ReportStatus(ReportState.FAILED, reason="the worker ended"),
    )
    seeded.may_end.clear()
    seen = await opened(f"{address}/#/flights")
    state = seen.page.locator(".report-state")
    await seen.page.get_by_role("button", name="Make the report").click()
    await expect(state).to_contain_text("Being made.")
    seeded.may_end.set()
    await expect(state).to_contain_text("It could not be made: the worker ended")
    seeded.outcome = ReportStatus(ReportState.READY)
    await seen.page.get_by_role("button", name="Try again").click()
    link = seen.page.get_by_role("link", name="open the report")
    await expect(link).to_be_visible()
    assert re.search(r"v1/monitors/flights/windows/\d+/report$", str(await link.get_attribute("href")))
    seeded.report = ReportStatus(ReportState.POSSIBLE)


async def test_what_no_report_can_be_made_of_is_said(states: tuple[SeededPage, str], opened: Opened) -> None:
    """Without a window there is no button, but the reason."""
    seen = await opened(f"{states[1]}/#/new")
    await expect(seen.page.locator(".report-state")).to_have_text(
        "Not possible: no window has been measured yet."
    )
    await expect(seen.page.get_by_role("button", name="Make the report")).to_have_count(0)
