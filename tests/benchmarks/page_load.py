"""`python -m tests.benchmarks.page_load` measures the page with 1,000 monitors and with 2,000 columns."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import httpx
from playwright.async_api import async_playwright

from service.store.embedded.server import EmbeddedServer
from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool
from tests import seeded_page
from tests.browser.conftest import FLAGS
from tests.conftest import HASTY, as_admin, on_database

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Browser

    from tests.seeded_page import SeededPage

    Fill = Callable[[asyncpg.Pool], Awaitable[SeededPage]]

MONITORS, COLUMNS, WINDOWS = 1_000, 2_000, 12
REPETITIONS = 5
FIRST_CHART = "performance.getEntriesByName('first-chart')[0]?.startTime ?? performance.now()"
LOADS: dict[str, tuple[Fill, tuple[str, ...], tuple[str, ...]]] = {
    f"{MONITORS} monitors": (
        lambda pool: seeded_page.fill_many(pool, MONITORS),
        ("#/", "#/?page=7", "#/model_0000"),
        ("v1/overview", "v1/overview?search=model_0999", "v1/events?limit=12"),
    ),
    f"{COLUMNS} columns": (
        lambda pool: seeded_page.fill_wide(pool, COLUMNS, WINDOWS),
        ("#/", "#/wide", "#/wide/columns", "#/wide?second=1&all=1"),
        (
            "v1/overview",
            "v1/monitors/wide/windows/latest?second_opinions=without&limit=14",
            "v1/monitors/wide/columns",
            "v1/monitors/wide/columns?search=sensor_1999",
        ),
    ),
}


async def first_chart(browser: Browser, address: str) -> float:
    """Return the milliseconds from the start of loading until the first chart is drawn."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto(address)
    await page.locator(".plot path.value[d^=M]").first.wait_for(state="attached")
    found = await page.evaluate(FIRST_CHART)
    await context.close()
    return float(found)


async def answer(client: httpx.AsyncClient, path: str) -> tuple[float, int]:
    """Return how many milliseconds an answer took, and its bytes before compression."""
    began = time.perf_counter()
    found = (await client.get(path)).raise_for_status()
    return 1_000 * (time.perf_counter() - began), len(found.content)


async def measure(browser: Browser, url: str, pages: tuple[str, ...], paths: tuple[str, ...]) -> None:
    """Write the median and the worst of each page's first chart, and of each answer."""
    for page in pages:
        times = [await first_chart(browser, f"{url}/{page}") for _ in range(REPETITIONS)]
        _say(f"  first chart of {page}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for path in paths:
            found = [await answer(client, path) for _ in range(REPETITIONS)]
            times = [each for each, _ in found]
            _say(f"  {path}: median {statistics.median(times):.0f} ms, {found[0][1] / 1_000:.0f} kB")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    """Fill a store for each load and measure the page on it."""
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-load-"))
    try:
        async with EmbeddedServer(folder, settings=HASTY) as server, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS, headless=True
            )
            for number, (name, (fill, pages, paths)) in enumerate(LOADS.items()):
                await as_admin(server, f"CREATE DATABASE load_{number} OWNER tidegauge")
                dsn = on_database(server.dsn, f"load_{number}")
                connection = await asyncpg.connect(dsn)
                try:
                    await migrate(connection, migrations_folder())
                finally:
                    await connection.close()
                pool = await open_pool(dsn)
                try:
                    seeded = await fill(pool)
                    _say(name)
                    async with seeded.open() as url:
                        await measure(browser, url, pages, paths)
                finally:
                    pool.terminate()
            await browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
