"""Charts of the page: ranges by drag and by keyboard, windows compared, links, files."""

from __future__ import annotations

import asyncio
import csv
import io
import math
import re
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from service.core.profile import profile
from service.core.read_models import (
    ColumnDistribution,
    DistributionBin,
    MeasuredWindow,
    SeriesFilter,
    StoredMeasurement,
    StoredValue,
)
from service.core.reference import bins
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from tests.browser.conftest import Opened, Service
from tests.browser.test_page import AXE
from tests.browser.test_states import Door
from tests.unit.status.values import window_value

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

DAYS = 60
START = datetime(2013, 3, 1, tzinfo=UTC)
TEMP = window_value(
    "drift", "wasserstein", 1 / 3, column_name="temp", definition="evidently", threshold=0.2, breached=True,
    severity=1.7, reference=0.05,
)  # fmt: skip
MAE = window_value("performance", "mae", 12.25, unit="minutes", threshold=12.0, breached=True, severity=1.02)
SERIES = "s=drift~temp~~wasserstein~evidently"


class Year(Door):
    """A monitor with a window a day, each with a value and a distribution that wanders out of the reference."""

    def __init__(self, name: str = "shop", *values: Any, **more: Any) -> None:
        super().__init__(name, *(values or (TEMP, MAE)), **more)
        self.asked: list[tuple[str, Any]] = []

    def window(self, day: int) -> MeasuredWindow:
        end = START + timedelta(days=day)
        late = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
            minutes=DAYS - day
        )  # the newest was computed first
        return MeasuredWindow(
            window_start=end - timedelta(days=7), window_end=end, revision=1, rows=900 + day, computed_at=late
        )

    async def measurements(
        self,
        wanted: SeriesFilter,
        *,
        axis: str = "window_end",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1_000,
    ) -> list[StoredMeasurement]:
        self.asked.append((axis, (since, until)))
        found = []
        for day in range(DAYS):
            window = self.window(day)
            names = [field.name for field in fields(StoredValue)]
            for value in self.values:
                if (value.metric, value.column_name) == (wanted.metric, wanted.column):
                    wandered = None if value.value is None else value.value * (1 + math.sin(day / 9) / 2)
                    held = replace(value, value=wandered, rows=window.rows, breached=day > 40)
                    found.append(
                        StoredMeasurement(
                            monitor=self.name, window_start=window.window_start, window_end=window.window_end,
                            computed_at=window.computed_at, revision=1,
                            **{name: getattr(held, name) for name in names},
                        )
                    )  # fmt: skip
        at = "window_end" if axis == "window_end" else "computed_at"
        ranged = [
            row for row in found
            if (since is None or getattr(row, at) >= since) and (until is None or getattr(row, at) <= until)
        ]  # fmt: skip
        return sorted(ranged, key=lambda row: row.window_end)[-limit:]

    async def distribution(
        self, _: str, column: str, window_end: datetime | None = None, against: datetime | None = None
    ) -> ColumnDistribution:
        day = DAYS - 1 if window_end is None else (window_end - START).days
        other = None if against is None else (against - START).days
        reason = None
        if other is not None and not 0 <= other < DAYS:
            other, reason = None, "no window with values of this column ends then"
        return ColumnDistribution(
            column_name=column,
            window=self.window(day),
            bins=drawn(day, other),
            against=None if other is None else self.window(other),
            against_reason=reason,
        )


TEMPERATURE = Schema((Column("temp", Kind.NUMERICAL),))


def temperatures(mean: float) -> profile.Profile:
    values = np.random.default_rng(7).normal(mean, 8.0, 2_000).round(1)
    return profile.of(
        Batch(len(values), np.zeros(len(values), np.int64), {"temp": Numbers(values)}), TEMPERATURE
    )


WINTER = bins.of_reference(temperatures(35.0), TEMPERATURE)


def drawn(day: int, other: int | None) -> list[DistributionBin]:
    """Give the bins as the store does, in Python: the reference's, and those above that a window needs."""
    days = [day] if other is None else [day, other]
    counted = [bins.counted(WINTER, temperatures(35.0 + day))[0] for day in days]
    reach = max(one.reach.above for one in counted)
    fixed, edges = WINTER[0], WINTER[0].further.above

    def cut(counts: tuple[int, ...], tail: Any) -> list[float]:
        further = dict(zip(tail.places, tail.counts, strict=True))
        shown = [further.get(place, 0) for place in range(1, reach + 1)]
        return [count / 2_000 for count in (*counts[:-2], *shown, counts[-2] - sum(shown), counts[-1])]

    further = [(f"{edges[k]:g} to {edges[k + 1]:g}", edges[k], edges[k + 1]) for k in range(reach)]
    last = (f"{edges[reach]:g} and above" if reach else fixed.labels[-2], edges[reach], None)
    ends = [
        *zip(fixed.labels[:-2], fixed.low, fixed.high, strict=False),
        *further,
        last,
        (bins.MISSING, None, None),
    ]
    shares = [cut(one.counts, one.tail) for one in counted]
    return [
        DistributionBin(
            label=label, low=low, high=high, share=shares[0][place],
            reference_share=cut(fixed.counts, fixed.tail)[place],
            against_share=None if other is None else shares[1][place],
            further=(label, low, high) in further,
        )
        for place, (label, low, high) in enumerate(ends)
    ]  # fmt: skip


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
    """The windows dragged over are shown alone, as read for that range; back and forward, reload and reset work."""
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
    """A click shows a window's distribution, with Shift it is the one compared with; both are marked and linked."""
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


Saved = Callable[[Locator], Awaitable[tuple[str, bytes]]]


async def saved(page: Page, button: Locator) -> tuple[str, bytes]:
    """Press a button and give the file's name and bytes."""
    async with page.expect_download() as waited:
        await button.click()
    download = await waited.value
    return download.suggested_filename, await asyncio.to_thread(Path(await download.path()).read_bytes)


async def test_a_chart_is_saved_as_csv(opened: Opened) -> None:
    """Every window shown, numbers with all their digits, lines as RFC 4180 wants them."""
    year = Year()
    async with year.open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}&from=2013-03-03T00:00:00Z&to=2013-03-05T00:00:00Z")
        plot = await ready(seen.page)
        await expect(plot).to_have_attribute("aria-valuemax", "3")
        name, content = await saved(seen.page, seen.page.locator("[data-slot^=line] [data-kind=csv]"))
        assert name == "shop_temp_wasserstein_evidently_2013-03-03T00-00-00Z_2013-03-05T00-00-00Z.csv"
        text = content.decode()
        assert text.count("\r\n") == 4 and "\n" not in text.replace("\r\n", "")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        truth = await year.measurements(SeriesFilter(metric="wasserstein", column="temp"))
        assert [float(row["value"]) for row in rows] == [one.value for one in truth[2:5]]
        assert rows[0]["window_end"] == "2013-03-03T00:00:00Z"
        assert {row["unit"] for row in rows} == {TEMP.unit}
        name, content = await saved(seen.page, seen.page.locator("[data-slot^=bars] [data-kind=csv]"))
        bins_rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        found = drawn(DAYS - 1, None)
        assert [float(row["share"]) for row in bins_rows] == [bin_.share for bin_ in found]
        assert [row["bin"] for row in bins_rows] == [bin_.label for bin_ in found]
        assert bins_rows[0]["low"] == ""
        assert seen.faults == []


async def test_a_csv_runs_no_formula_and_a_name_is_a_name(opened: Opened) -> None:
    """Names that are formulas, quotes and lines come out as text, in the file and in its name."""
    hostile = '=HYPERLINK("http://x","y"),\n1/../ü'
    value = replace(TEMP, column_name=hostile, value=-0.1 - 0.2, reason='-1+1; said "so"')
    async with Year("@shop", value).open() as url:
        seen = await opened(f"{url}/#/%40shop")
        await ready(seen.page)
        name, content = await saved(seen.page, seen.page.locator("[data-slot^=line] [data-kind=csv]"))
        assert re.fullmatch(r"[\w.-]+\.csv", name)
        (first, *_) = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        assert first["monitor"] == "'@shop"
        assert first["column"] == "'" + hostile
        assert first["reason"] == '\'-1+1; said "so"'
        assert float(first["value"]) == -0.1 - 0.2
        assert seen.faults == []
        assert await seen.refused() == []


def pixels(png: bytes) -> np.ndarray:
    """Decode a PNG of 8-bit RGBA as browsers write them: rows, columns, channels."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, data, head = 8, b"", b""
    while place < len(png):
        (size,), kind = struct.unpack(">I", png[place : place + 4]), png[place + 4 : place + 8]
        body = png[place + 8 : place + 8 + size]
        head = body if kind == b"IHDR" else head
        data += body if kind == b"IDAT" else b""
        place += size + 12
    width, height, depth, colour = struct.unpack(">IIBB", head[:10])
    assert (depth, colour) in {(8, 6), (8, 2)}
    channels = 4 if colour == 6 else 3
    raw, step = zlib.decompress(data), width * channels
    rows = np.zeros((height, step), np.int64)
    for row in range(height):
        kind, line = (
            raw[row * (step + 1)],
            np.frombuffer(raw, np.uint8, step, row * (step + 1) + 1).astype(np.int64),
        )
        above = rows[row - 1] if row else np.zeros(step, np.int64)
        rows[row] = unfiltered(kind, line, above, channels)
    return rows.reshape(height, width, channels)


def unfiltered(kind: int, line: np.ndarray, above: np.ndarray, channels: int) -> np.ndarray:
    if kind in {0, 2}:
        return (line + (above if kind else 0)) % 256
    done = np.zeros(len(line) + channels, np.int64)
    upper = np.concatenate([np.zeros(channels, np.int64), above])
    for at in range(channels, len(done)):
        left, up, corner = done[at - channels], upper[at], upper[at - channels]
        guess = left + up - corner
        paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[
            2
        ]
        done[at] = (line[at - channels] + {1: left, 3: (left + up) // 2, 4: paeth}[kind]) % 256
    return done[channels:]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_chart_is_saved_as_a_picture(opened: Opened, scheme: str) -> None:
    """With the theme's ground and line, title, legend and axis above and below, for both kinds of chart."""
    async with Year().open() as url:
        seen = await opened(f"{url}/#/shop?{SERIES}", color_scheme=scheme)
        await ready(seen.page)
        await expect(seen.page.locator("path.bar").first).to_be_attached()
        for slot, drawn_as in (("line", "--value"), ("bars", "--bar")):
            name, png = await saved(seen.page, seen.page.locator(f"[data-slot^={slot}] [data-kind=png]"))
            assert name.endswith(".png")
            found = await asyncio.to_thread(pixels, png)
            for variable in ("--panel", "--ink", "--soft", drawn_as):
                text = await seen.page.evaluate(
                    "(name) => { const c = document.createElement('canvas').getContext('2d');"
                    "c.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name); return c.fillStyle; }",
                    variable,
                )
                colour = [int(text[place : place + 2], 16) for place in (1, 3, 5)]
                there = (np.abs(found[:, :, :3] - colour).max(axis=2) <= 2).sum()
                assert there > 20, (slot, variable)
            assert (
                np.abs(found[: 2 * 32, :, :3] - found[0, 0, :3]).max(axis=2) > 60
            ).sum() > 200  # the title
        assert seen.faults == []
        assert await seen.refused() == []


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


CHOSEN = f"{SERIES}&from=2013-03-05T00:00:00Z&to=2013-04-25T00:00:00Z&w=2013-04-20T00:00:00Z&against=2013-03-10T00:00:00Z"


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
