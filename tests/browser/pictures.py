"""Takes the pictures of the docs from the running demo: `make pictures`.

It is no test: it shows whatever the service at the given address shows.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.conftest import FLAGS

FOLDER = Path("docs/images")


@dataclass(frozen=True)
class Picture:
    """What is shown, in what kind of window."""

    name: str
    path: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"


PICTURES = (
    Picture("page-overview", "#/", 1240, 760),
    Picture("page-monitor", "#/flights?s=performance~~~mae~&s=drift~temp~~wasserstein~evidently", 1240, 1130),
    Picture("page-dark", "#/flights?aspect=drift", 1240, 900, "dark"),
    Picture("page-phone", "#/", 390, 800, "dark"),
)


async def take(browser: Browser, address: str, picture: Picture) -> Path:
    """Take one picture once its charts are drawn and its numbers have come."""
    context = await browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.scheme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(f"{address}/{picture.path}")
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("path.value[d^=M]").last).to_be_attached()
    if "flights" in picture.path:
        await expect(page.locator(".numbers tbody tr").first).to_be_visible()
        await expect(page.locator("path.bar").first).to_be_attached()
    path = FOLDER / f"{picture.name}.png"
    await page.screenshot(path=path)
    await context.close()
    return path


async def main(address: str) -> None:
    """Take every picture of the service at `address`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS, headless=True
        )
        for picture in PICTURES:
            path = await take(browser, address.rstrip("/"), picture)
            sys.stdout.write(f"{path} {path.stat().st_size / 1000:.0f} kB\n")
        await browser.close()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1]))
