"""A real headless Chromium (Debian's package) in front of the real service."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from service.store.embedded.server import EmbeddedServer
from tests.conftest import TEMPLATE, fresh_database
from tests.service_process import Place, end, lay_out

PATIENCE_MS = 30_000
PATIENCE_SECONDS = 60
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--no-first-run",
)  # fmt: skip

# Before the page's own scripts: what its policy refused.
WATCH_POLICY = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.refused.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Service:
    """The service, which can be stopped and started again on the same port."""

    place: Place
    url: str
    variables: dict[str, str]
    process: subprocess.Popen[str] | None = None

    async def start(self) -> None:
        before = self.place.log.count('"http"') if (self.place.root / "service.log").exists() else 0
        self.process = self.place.start(**self.variables)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(re.findall('"http"', self.place.log)) == before:
                assert self.process.poll() is None, self.place.log
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self.process is not None:
            assert await asyncio.to_thread(end, self.process, signal.SIGTERM) == 0, self.place.log
            self.process = None


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Give Chromium's path; without it these tests are left out."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_path: str) -> AsyncIterator[Browser]:
    """Give a browser with a user-data folder of its own, which goes with it."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS, headless=True)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    chromium: Browser, server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """Give the running service on a small data set, a cycle every half second."""
    del chromium  # where there is none, nothing is started
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    place = lay_out(tmp_path_factory.mktemp("page") / "place", days=900)
    (place.root / "service.log").touch()
    async with fresh_database(server, TEMPLATE) as url:
        variables = {
            "TIDEGAUGE_DATABASE_URL": url,
            "TIDEGAUGE_HTTP_PORT": str(port),
            "TIDEGAUGE_CYCLE_SECONDS": "0.5",
        }
        running = Service(place, f"http://127.0.0.1:{port}", variables)
        await running.start()
        try:
            yield running
        finally:
            await running.stop()


@dataclass
class DuplicateSketch:
    """A page, and what went wrong in it."""

    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def refused(self) -> list[str]:
        return [str(one) for one in await self.page.evaluate("window.refused")]


Opened = Callable[..., Awaitable[DuplicateSketch]]


@pytest_asyncio.fixture(loop_scope="session")
async def opened(chromium: Browser) -> AsyncIterator[Opened]:
    """Give what opens an address in a window of its own; every window is closed at the end."""
    contexts: list[BrowserContext] = []

    async def opens(url: str, *, width: int = 1280, height: int = 900, **more: Any) -> DuplicateSketch:
        context = await chromium.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(WATCH_POLICY)
        seen = DuplicateSketch(await context.new_page())
        seen.page.on(
            "console", lambda message: seen.faults.append(message.text) if message.type == "error" else None
        )
        seen.page.on("pageerror", lambda error: seen.faults.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        await seen.page.goto(url)
        return seen

    yield opens
    for context in contexts:
        await context.close()


@asynccontextmanager
async def unchanged(seen: DuplicateSketch) -> AsyncIterator[None]:
    """Fail where the page was reloaded within the context."""
    await seen.page.evaluate("window.stays = true")
    yield
    assert await seen.page.evaluate("window.stays === true"), "the page was reloaded"
