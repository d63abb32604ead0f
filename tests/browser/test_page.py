"""The live page in a real browser, in front of the real service."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import Opened, Service, unchanged

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FIRST_CHART = "performance.getEntriesByName('first-chart')[0]?.startTime"
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def charted(page: Page) -> None:
    await expect(page.locator("path.value[d^=M]").first).to_be_attached()


async def newest(page: Page) -> str:
    return str(await page.locator(".card time, .head time").last.get_attribute("datetime"))


async def test_it_loads_without_a_fault(service: Service, opened: Opened, record_property: object) -> None:
    """No console error, nothing that the policy refused, nothing from elsewhere; the first chart is timed."""
    seen = await opened(service.url)
    await charted(seen.page)
    await expect(seen.page.locator("#connection")).to_have_text("Live")
    record_property("first_chart_ms", await seen.page.evaluate(FIRST_CHART))  # type: ignore[operator]
    assert seen.faults == []
    assert await seen.refused() == []
    assert {urlsplit(url).netloc for url in seen.requests} == {urlsplit(service.url).netloc}
    await expect(seen.page.locator("#lost")).to_be_hidden()


async def test_a_new_cycle_appears_by_itself(service: Service, opened: Opened) -> None:
    """The newest window, the chart and the list follow the cycles; the page is never reloaded."""
    seen = await opened(f"{service.url}/#/toy")
    await charted(seen.page)
    plot = seen.page.locator("[role=slider]").first
    async with unchanged(seen):
        for _ in range(2):
            windows, window = await plot.get_attribute("aria-valuemax"), await newest(seen.page)
            await expect(plot).not_to_have_attribute("aria-valuemax", str(windows))
            await expect(seen.page.locator(f".head time[datetime='{window}']")).to_have_count(0)
    assert seen.faults == []


async def test_a_chart_is_reached_by_keyboard_alone(service: Service, opened: Opened) -> None:
    """From the top to a monitor, to a measurement, to its chart, to one window of it: Tab, Enter, arrows."""
    seen = await opened(service.url)
    page = seen.page
    await charted(page)

    async def tab_to(wanted: str) -> None:
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await page.evaluate("(css) => document.activeElement.matches(css)", wanted):
                return
        raise AssertionError(f"Tab never comes to {wanted}")

    await tab_to(".skip")
    await tab_to(".card h2 a")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text(re.compile("toy"))
    assert await page.evaluate("document.activeElement.tagName") == "H1"
    await tab_to("#find")
    await page.keyboard.type("colour")
    await expect(page.locator(".numbers tbody tr").first).to_contain_text("colour")
    await tab_to(".numbers tbody a")
    await page.keyboard.press("Enter")
    await expect(page.locator(".shown h3").first).to_contain_text("colour")
    await tab_to("[role=slider]")
    plot = page.locator("[role=slider]:focus")
    newest_window = await plot.get_attribute("aria-valuetext")
    await page.keyboard.press("Home")
    await expect(plot).to_have_attribute("aria-valuenow", "1")
    assert await plot.get_attribute("aria-valuetext") != newest_window
    outline = await plot.evaluate("(element) => getComputedStyle(element).outlineStyle")
    assert outline == "solid"


async def test_the_address_holds_what_is_shown(service: Service, opened: Opened) -> None:
    """A reload shows the same, the back button goes one step back, and a letter typed is no step."""
    seen = await opened(f"{service.url}/#/toy")
    page = seen.page
    await charted(page)
    await page.get_by_role("link", name=re.compile("^Quality", re.IGNORECASE)).click()
    await page.locator("#find").fill("size")
    uncharted = page.locator(".numbers tbody tr:not(.charted)").first
    row = page.locator(f'.numbers tr[data-key="{await uncharted.get_attribute("data-key")}"]')
    name = await row.locator("a").inner_text()
    await row.locator("input").check()
    await expect(page.locator(".shown h3", has_text=name)).to_be_visible()
    await page.reload()
    await expect(page.locator("#find")).to_have_value("size")
    await expect(page.locator(".tiles [aria-current]")).to_contain_text("quality")
    await expect(row.locator("input")).to_be_checked()
    await page.go_back()
    await expect(row.locator("input")).not_to_be_checked()
    await page.go_back()
    await expect(page.locator("#find")).to_have_value("")
    assert seen.faults == []


@pytest.mark.parametrize("path", ["/", "/#/toy?aspect=quality&all=1"])
async def test_a_phone_needs_no_sideways_scrolling(service: Service, opened: Opened, path: str) -> None:
    """At 360 pixels nothing is wider than the window."""
    seen = await opened(service.url + path, width=360, height=740, is_mobile=True, has_touch=True)
    await charted(seen.page)
    widths = await seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths == [360, 360]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/#/toy?s=drift~size~~ks~evidently"])
async def test_nobody_is_shut_out(service: Service, opened: Opened, path: str, scheme: str) -> None:
    """Axe finds nothing, contrast included, in the light and in the dark; the scheme is the reader's."""
    seen = await opened(service.url + path, color_scheme=scheme, reduced_motion="reduce")
    await charted(seen.page)
    for summary in await seen.page.locator(".chart summary").all():
        await summary.click()
    found = await Axe().run(seen.page, options=AXE)
    assert found.violations_count == 0, found.generate_report()
    ground = await seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in re.findall(r"\d+", ground)) > 3 * 128
    assert light == (scheme == "light")


async def test_a_chart_has_its_numbers_as_a_table(service: Service, opened: Opened) -> None:
    """The table beside a chart has a row a window, the newest first, and follows the cycles."""
    seen = await opened(f"{service.url}/#/toy?s=performance~~~mae~")
    await charted(seen.page)
    await seen.page.locator(".chart summary").first.click()
    rows = seen.page.locator(".chart table tbody tr")
    first = await rows.first.locator("th").inner_text()
    await expect(rows.first.locator("th")).not_to_have_text(first)
    await expect(rows.nth(1).locator("th")).not_to_have_text("")


async def test_it_recovers_when_the_service_restarts(service: Service, opened: Opened) -> None:
    """The last state stays, with the loss and the next try; then cycles appear again, without a reload."""
    seen = await opened(f"{service.url}/#/toy")
    await charted(seen.page)
    async with unchanged(seen):
        await service.stop()
        await expect(seen.page.locator("#lost")).to_contain_text("Trying again in")
        await expect(seen.page.locator("#connection")).to_have_text("Connection lost")
        await expect(seen.page.locator("path.value[d^=M]").first).to_be_attached()
        window = await newest(seen.page)
        await service.start()
        await seen.page.get_by_role("button", name="Try now").click()
        await expect(seen.page.locator("#connection")).to_have_text("Live")
        await expect(seen.page.locator("#lost")).to_be_hidden()
        await expect(seen.page.locator(f".head time[datetime='{window}']")).to_have_count(0)
    assert await seen.refused() == []
