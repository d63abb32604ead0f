"""Charts of the page: ranges by drag and by keyboard, windows compared, links."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Opened, Service
from tests.browser.test_page import AXE
from tests.browser.year import DAYS, SERIES, Year

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


RANGE = "from=2013-03-05T00:00:00Z&to=2013-04-25T00:00:00Z"


async def ready(page: Page) -> Locator:
    """Wait for the charts; give the first plot over time."""
    plot = page.locator(".shown [role=slider]").first
    await expect(plot.locator("path.value[d^=M]")).to_be_attached()
    return plot


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).fragment.partition("?")[2])


async def drag(page: Page, plot: Locator, start: float, end: float) -> None:
    """Drag over a plot, from one share of its width to another."""
    await plot.scroll_into_view_if_needed()
    box = await plot.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + start * box["width"], y)
    await page.mouse.down()
    await page.mouse.move(box["x"] + (start + end) / 2 * box["width"], y, steps=3)
    await expect(plot.locator("path.selected")).to_be_attached()
    await page.mouse.move(box["x"] + end * box["width"], y, steps=3)
    await page.mouse.up()


async def test_a_range_is_dragged_and_is_a_step_in_the_history(opened: Opened) -> None:
    """The windows dragged over are shown alone; back and forward, reload and reset work."""
    year = Year()
    async with year.open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}")
        page = seen.page
        plot = await ready(page)
        await expect(plot).to_have_attribute("aria-valuemax", str(DAYS))
        await drag(page, plot, 0.4, 0.7)
        await expect(plot).not_to_have_attribute("aria-valuemax", str(DAYS))
        shown = int(str(await plot.get_attribute("aria-valuemax")))
        assert 12 <= shown <= 24
        asked = query_of(page)
        since, until = (datetime.fromisoformat(asked[end][0]) for end in ("from", "to"))
        assert year.asked[-1] == ("window_end", (since, until))
        assert (until - since).days == shown - 1
        await expect(page.locator(".view-hint")).to_contain_text(f"{shown} windows.")
        await page.reload()
        await ready(page)
        await expect(plot).to_have_attribute("aria-valuemax", str(shown))
        await page.go_back()
        await expect(plot).to_have_attribute("aria-valuemax", str(DAYS))
        await page.go_forward()
        await expect(plot).to_have_attribute("aria-valuemax", str(shown))
        await page.locator("#whole").click()
        await expect(plot).to_have_attribute("aria-valuemax", str(DAYS))
        assert "from" not in query_of(page)
        assert seen.faults == []
        assert await seen.refused() == []


async def test_a_range_follows_windows_that_are_measured_again(opened: Opened) -> None:
    """After a cycle only what was computed since is read, and shown where it lies in the range."""
    year = Year()
    async with year.open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}&{RANGE}")
        page = seen.page
        plot = await ready(page)
        await expect(plot).to_have_attribute("aria-valuemax", "52")
        await plot.focus()
        await page.keyboard.press("Home")
        before = str(await plot.get_attribute("aria-valuetext"))
        year.again = {4: 9.5, 58: 7.5}
        year.broadcaster.notify("shop")
        await expect(plot).to_have_attribute("aria-valuetext", re.compile("^5 Mar 2013, 00:00: 9.5,"))
        await expect(plot).to_have_attribute("aria-valuemax", "52")
        assert "9.5" not in before
        assert year.asked[-1][0] == "computed_at"
        assert seen.faults == []


async def test_a_range_is_chosen_by_keyboard(opened: Opened) -> None:
    """Shift and arrows select, Enter shows the range, Escape first drops a selection, then the range."""
    async with Year().open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}")
        page = seen.page
        plot = await ready(page)
        await plot.focus()
        await page.keyboard.press("Home")
        for _ in range(4):
            await page.keyboard.press("Shift+ArrowRight")
        await expect(plot).to_have_attribute(
            "aria-valuetext", re.compile("1 Mar 2013.*5 Mar 2013.*5 windows")
        )
        await page.keyboard.press("Escape")
        await expect(plot.locator("path.selected")).to_have_count(0)
        await page.keyboard.press("Shift+PageUp")
        await page.keyboard.press("Enter")
        await expect(plot).to_have_attribute("aria-valuemax", "11")
        await expect(plot).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(plot).to_have_attribute("aria-valuemax", str(DAYS))
        assert seen.faults == []


async def test_a_range_is_typed(opened: Opened) -> None:
    """The ends are fields in UTC, whatever the machine's zone; a range without a window says so."""
    async with Year().open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}", timezone_id="Asia/Tokyo")
        page = seen.page
        plot = await ready(page)
        await expect(page.locator("#from")).to_have_value("2013-03-01T00:00")
        await page.locator("#to").fill("2013-03-10T12:00")
        await page.locator("#to").blur()
        await expect(plot).to_have_attribute("aria-valuemax", "10")
        assert query_of(page)["to"] == ["2013-03-10T12:00:00Z"]
        await page.goto(f"{url}/#/shop?{SERIES}&from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z")
        await expect(page.locator(".shown .chart .empty").first).to_have_text(
            "No window of this range has measured this."
        )
        await page.goto(f"{url}/#/shop?{SERIES}&from=never&to=1")
        await expect(plot).to_have_attribute("aria-valuemax", str(DAYS))
        assert seen.faults == []


async def test_the_axis_of_time_is_chosen(opened: Opened) -> None:
    """Over the time of computation the windows are in its order, and a range is one of that time."""
    year = Year()
    async with year.open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}")
        page = seen.page
        plot = await ready(page)
        await page.locator("#axis").select_option("computed_at")
        await plot.focus()
        await page.keyboard.press("Home")
        await expect(plot).to_have_attribute("aria-valuetext", re.compile("^29 Apr 2013"))
        await page.keyboard.press("Shift+ArrowRight")
        await page.keyboard.press("Enter")
        await expect(plot).to_have_attribute("aria-valuemax", "2")
        assert year.asked[-1][0] == "computed_at"
        assert query_of(page)["axis"] == ["computed_at"]
        assert query_of(page)["from"] == ["2026-01-01T00:01:00Z"]
        assert seen.faults == []


async def test_two_windows_are_compared(opened: Opened) -> None:
    """A click shows a window's distribution, with Shift it is the one compared with; both are marked."""
    async with Year().open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}")
        page = seen.page
        plot = await ready(page)
        figure = page.locator("[data-slot^=bars] figure")
        await expect(figure.locator(".legend")).to_contain_text("newest window, until 29 Apr 2013, 00:00")
        await expect(figure.locator(".legend")).to_contain_text("beyond the reference's bins")
        await plot.focus()
        await page.keyboard.press("Home")
        await page.keyboard.press("Enter")
        await expect(figure.locator(".legend")).to_contain_text("window until 1 Mar 2013")
        await expect(figure.locator("path.beyond[d^=M]")).to_have_count(0)
        await plot.scroll_into_view_if_needed()
        box = await plot.bounding_box()
        assert box is not None
        await page.mouse.click(box["x"] + box["width"] - 14, box["y"] + 60)
        await expect(page.locator("#w")).to_have_value("2013-04-29T00:00:00Z")
        await page.keyboard.down("Shift")
        await page.mouse.click(box["x"] + 56, box["y"] + 60)
        await page.keyboard.up("Shift")
        await expect(page.locator("#against")).to_have_value("2013-03-01T00:00:00Z")
        await expect(plot.locator(".chosen text")).to_have_text(["A", "B"])
        await expect(figure.locator(".legend")).to_contain_text("window until 1 Mar 2013")
        await figure.locator("summary").click()
        heads = figure.locator("thead th")
        await expect(heads).to_have_text(
            ["Bin", "A: window until 29 Apr 2013, 00:00", "B: window until 1 Mar 2013, 00:00", "Reference"]
        )
        address = page.url
        await page.reload()
        await expect(page.locator("#against")).to_have_value("2013-03-01T00:00:00Z")
        await page.locator("#against").select_option("")
        await expect(figure.locator(".legend")).to_contain_text("reference")
        await page.go_back()
        assert page.url == address
        await page.goto(address.replace("against=2013-03-01", "against=1999-03-01"))
        await expect(figure.locator(".readout")).to_have_text(
            "Compared with the reference: no window with values of this column ends then."
        )
        assert seen.faults == []


async def test_a_link_opens_just_this_view(opened: Opened) -> None:
    """The link names everything that is shown, and shows it in another window of another person."""
    async with Year().open() as url:
        seen = await opened(f"{url}/#/shop?aspect=drift", permissions=["clipboard-read", "clipboard-write"])
        await ready(seen.page)
        await expect(seen.page.locator("[data-slot^=bars] path.bar").first).to_be_attached()
        await seen.page.locator("#link").click()
        await expect(seen.page.locator("#copied")).to_have_text("Copied.")
        copied = await seen.page.evaluate("navigator.clipboard.readText()")
        assert copied == seen.page.url
        asked = query_of(seen.page)
        assert asked["s"] == ["drift~temp~~wasserstein~evidently"]
        assert (asked["from"], asked["to"]) == (["2013-03-01T00:00:00Z"], ["2013-04-29T00:00:00Z"])
        assert asked["w"] == ["2013-04-29T00:00:00Z"]
        other = await opened(copied)
        plot = await ready(other.page)
        await expect(plot).to_have_attribute("aria-valuemax", str(DAYS))
        await expect(other.page.locator("#w")).to_have_value("2013-04-29T00:00:00Z")


async def test_the_real_service_answers_a_range_and_a_comparison(service: Service, opened: Opened) -> None:
    """A range and two windows of the running service, from its own database, by keyboard and select."""
    seen = await opened(f"{service.url}/#/toy?s=drift~size~~ks~evidently")
    page = seen.page
    plot = await ready(page)
    for _ in range(3):  # at least four windows
        windows = await plot.get_attribute("aria-valuemax")
        await expect(plot).not_to_have_attribute("aria-valuemax", str(windows))
    await plot.focus()
    await page.keyboard.press("Home")
    for _ in range(2):
        await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("Enter")
    await expect(plot).to_have_attribute("aria-valuemax", "3")
    ends = [await option.get_attribute("value") for option in await page.locator("#w option").all()]
    assert len(ends) == 4
    await page.locator("#w").select_option(ends[1])
    await page.locator("#against").select_option(ends[3])
    figure = page.locator("[data-slot^=bars] figure")
    await figure.locator("summary").click()
    await expect(figure.locator("thead th")).to_have_count(4)
    await expect(figure.locator("tbody tr").first.locator("td").nth(1)).to_contain_text("%")
    assert seen.faults == []


CHOSEN = f"{SERIES}&{RANGE}&w=2013-04-20T00:00:00Z&against=2013-03-10T00:00:00Z"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_chosen_views_are_for_everyone_and_for_phones(opened: Opened, scheme: str) -> None:
    """With a range and two windows chosen, axe finds nothing and 390 pixels are wide enough."""
    async with Year().open() as url:
        seen = await opened(f"{url}/#/shop?{CHOSEN}", width=390, color_scheme=scheme, reduced_motion="reduce")
        page = seen.page
        await ready(page)
        await expect(page.locator("path.bar").first).to_be_attached()
        await expect(page.locator("#w")).to_have_value("2013-04-20T00:00:00Z")
        for summary in await page.locator(".chart summary").all():
            await summary.click()
        assert await page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
        found = await Axe().run(page, options=AXE)
        assert found.violations_count == 0, found.generate_report()
        assert seen.faults == []


async def test_a_range_is_dragged_by_touch(opened: Opened) -> None:
    """A finger that goes sideways selects, one that goes down scrolls the page."""
    async with Year().open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}", width=390, is_mobile=True, has_touch=True)
        page = seen.page
        plot = await ready(page)
        await plot.scroll_into_view_if_needed()
        box = await plot.bounding_box()
        assert box is not None
        session = await page.context.new_cdp_session(page)

        async def touch(kind: str, *points: tuple[float, float]) -> None:
            await session.send(
                "Input.dispatchTouchEvent",
                {"type": kind, "touchPoints": [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]},
            )

        await touch("touchStart", (100.0, 80.0))
        for x in (120.0, 160.0, 200.0):
            await touch("touchMove", (x, 82.0))
        await touch("touchEnd")
        await expect(plot).not_to_have_attribute("aria-valuemax", str(DAYS))
        assert 10 < int(str(await plot.get_attribute("aria-valuemax"))) < 30
        assert "from" in query_of(page)
        assert seen.faults == []
