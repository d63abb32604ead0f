"""Takes pictures of the page: `make pictures`.

Every state of a seeded store, in the light, in the dark and on a phone, into `.data/pictures`, to be looked
at; and, where the demo runs at the given address, the pictures of the docs. It is no test.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import asyncpg
import httpx
from playwright.async_api import Browser, Page, async_playwright, expect

from service.core.report_status import ReportState, ReportStatus
from service.store.embedded.server import EmbeddedServer
from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool
from tests import seeded_page
from tests.browser.conftest import FLAGS
from tests.conftest import HASTY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.seeded_page import SeededPage

DOCS = Path("docs/images")
STATES = Path(".data/pictures")
Scheme = Literal["light", "dark"]
KINDS: dict[str, tuple[Scheme, int, int]] = {
    "light": ("light", 1240, 900),
    "dark": ("dark", 1240, 900),
    "phone": ("light", 390, 844),
}
REASONS = {
    ReportState.IMPOSSIBLE: "no row of the reference is kept: a report needs sample_rows above 0",
    ReportState.FAILED: "the worker process has ended; try again",
}


@dataclass(frozen=True)
class Picture:
    """What is shown, in what kind of window."""

    name: str
    path: str
    width: int
    height: int
    scheme: Scheme = "light"


# Of the running demo, for the docs.
OF_DEMO = (
    Picture("page-overview", "#/", 1240, 760),
    Picture("page-monitor", "#/flights?s=performance~~~mae~&s=drift~temp~~wasserstein~evidently", 1240, 1130),
    Picture("page-dark", "#/flights?aspect=drift", 1240, 900, "dark"),
    Picture("page-phone", "#/", 390, 800, "dark"),
)

# Of the seeded store: where each state is to be seen.
OF_STATES = {
    "overview": "#/",
    "overview-searched": "#/?find=sensor",
    "overview-no-match": "#/?find=zebra",
    "alarm": "#/flights",
    "second-opinions": "#/flights?aspect=drift&second=1",
    "breach": "#/bookings",
    "recovered": "#/recovered",
    "waiting": "#/new",
    "failing": "#/failing",
    "silent": "#/silent",
    "ended": "#/ended",
    "first-rows": "#/first_rows",
    "foreign-names": f"#/{quote(seeded_page.FOREIGN_NAME)}",
    "foreign-columns": f"#/{quote(seeded_page.FOREIGN_NAME)}/columns",
    "no-such-monitor": "#/closed",
    "columns": "#/flights/columns",
    "columns-wide": "#/wide/columns?find=five+thousand",
    "columns-last-page": "#/wide/columns?page=12",
    "wide": "#/wide?page=2",
    "no-such-page": "#/wide?page=99",
    "long-name": "#/wide?find=five+thousand",
}


async def settled(page: Page) -> None:
    """Wait until the page shows what it reads."""
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("main")).not_to_contain_text("Loading")
    await expect(page.locator("main")).not_to_contain_text("Searching.")


async def take(browser: Browser, address: str, picture: Picture, folder: Path, *, whole: bool) -> Path:
    """Take one picture, of the whole page or of what the window shows."""
    context = await browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.scheme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(f"{address}/{picture.path}")
    await settled(page)
    await page.wait_for_timeout(400)  # charts that follow an answer
    path = folder / f"{picture.name}.png"
    await page.screenshot(path=path, full_page=whole)
    await context.close()
    return path


async def take_states(browser: Browser, seeded: SeededPage) -> None:
    """Take every state in the light, in the dark and on a phone."""
    async with seeded.open() as address:
        for kind, (scheme, width, height) in KINDS.items():
            for name, where in OF_STATES.items():
                shown = Picture(f"{name}-{kind}", where, width, height, scheme)
                _say(await take(browser, address, shown, STATES, whole=True))
            for state in ReportState:
                seeded.report = ReportStatus(state, reason=REASONS.get(state))
                shown = Picture(f"report-{state}-{kind}", "#/ended", width, height, scheme)
                _say(await take(browser, address, shown, STATES, whole=True))
            seeded.report = ReportStatus(ReportState.POSSIBLE)


def _say(path: Path) -> None:
    sys.stdout.write(f"{path} {path.stat().st_size / 1000:.0f} kB\n")
    sys.stdout.flush()


@asynccontextmanager
async def seeded_states() -> AsyncIterator[SeededPage]:
    """Give the page on a store with a monitor in each state; the store goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-pictures-"))
    try:
        async with EmbeddedServer(folder, settings=HASTY) as server:
            connection = await asyncpg.connect(server.dsn)
            try:
                await migrate(connection, migrations_folder())
            finally:
                await connection.close()
            pool = await open_pool(server.dsn)
            try:
                yield await seeded_page.fill_states(pool)
            finally:
                pool.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def main(address: str) -> None:
    """Take the pictures of all states, and those of the demo at `address` where it answers."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS, headless=True
        )
        async with seeded_states() as seeded:
            await take_states(browser, seeded)
        if await _answers(address):
            for picture in OF_DEMO:
                _say(await take(browser, address, picture, DOCS, whole=False))
        else:
            sys.stdout.write(f"no demo answers at {address}: the pictures of the docs stay as they are\n")
        await browser.close()


async def _answers(address: str) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"{address}/healthz")).is_success
        except httpx.TransportError:
            return False


if __name__ == "__main__":
    for each in (DOCS, STATES):
        each.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1].rstrip("/")))
