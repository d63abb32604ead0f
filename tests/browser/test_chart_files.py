"""Charts of the page as files: CSV and PNG."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Locator, Page, expect

from service.core.read_models import (
    SeriesFilter,
)
from tests.browser.conftest import Opened
from tests.browser.test_charts import ready
from tests.browser.year import DAYS, SERIES, TEMP, Year, drawn

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


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
        assert text.count("\r\n") == 4
        assert "\n" not in text.replace("\r\n", "")
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


async def test_a_name_of_thousands_of_characters_is_cut_on_the_page_and_whole_in_the_file(
    opened: Opened,
) -> None:
    """The heading of a distribution stays a line or two; the CSV has every character."""
    name = "a_column_" * 600
    async with Year("shop", replace(TEMP, column_name=name)).open() as url:
        seen = await opened(f"{url}/#/shop", width=390)
        figure = seen.page.locator("[data-slot^=bars] figure")
        await expect(figure.locator("path.bar").first).to_be_attached()
        assert len(await figure.locator("h3").inner_text()) < 80
        assert len(str(await figure.locator("[role=img]").get_attribute("aria-label"))) < 400
        file, content = await saved(seen.page, figure.locator("[data-kind=csv]"))
        assert len(file) < 130
        assert next(csv.DictReader(io.StringIO(content.decode(), newline="")))["column"] == name
        assert seen.faults == []


# As text both ways: Playwright takes half a minute for a list of a million numbers.
PIXELS = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const data = canvas.getContext("2d").getImageData(0, 0, picture.width, picture.height).data;
  let found = "";
  for (let at = 0; at < data.length; at += 8192) {
    found += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return btoa(found);
}"""
COLOUR = """(name) => {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
  return context.fillStyle;
}"""


async def pixels(page: Page, png: bytes) -> np.ndarray:
    """Decode a PNG: rows, columns, channels."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    found = base64.b64decode(await page.evaluate(PIXELS, base64.b64encode(png).decode()))
    return np.frombuffer(found, dtype=np.uint8).astype(np.int64).reshape(height, width, 4)


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
            found = await pixels(seen.page, png)
            for variable in ("--panel", "--ink", "--soft", drawn_as):
                text = await seen.page.evaluate(COLOUR, variable)
                colour = [int(text[place : place + 2], 16) for place in (1, 3, 5)]
                there = (np.abs(found[:, :, :3] - colour).max(axis=2) <= 2).sum()
                assert there > 20, (slot, variable)
            assert (
                np.abs(found[: 2 * 32, :, :3] - found[0, 0, :3]).max(axis=2) > 60
            ).sum() > 200  # the title
        assert seen.faults == []
        assert await seen.refused() == []
