"""The live page's files as they are served."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from service.api.app import build
from service.api.static_page import FOLDER
from tests.unit.api.doors import callables

MAX_BYTES = 300_000
DOCS = Path(__file__).parents[3] / "docs" / "page.md"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of an API without monitors."""
    transport = httpx.ASGITransport(app=build(callables()))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as opened:
        yield opened


@pytest.mark.parametrize("path", ["/", "/app.js", "/style.css"])
async def test_a_file_carries_a_strict_policy(client: httpx.AsyncClient, path: str) -> None:
    """Nothing inline and nothing from elsewhere may run, whatever a column is named."""
    answer = await client.get(path)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_the_browser_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    """The ETag is answered by 304, so that a reload costs nothing and a new version is seen at once."""
    tag = (await client.get("/app.js")).headers["etag"]
    again = await client.get("/app.js", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/app.js", headers={"if-none-match": '"other"'})).status_code == 200


async def test_head_gives_the_headers_alone(client: httpx.AsyncClient) -> None:
    """HEAD answers as GET does, without the body."""
    head = await client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/html")


async def test_files_are_compressed(client: httpx.AsyncClient) -> None:
    """A script is sent as gzip to clients that accept it, and plainly to others."""
    packed = await client.get("/app.js", headers={"accept-encoding": "gzip"})
    plain = await client.get("/app.js", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == (FOLDER / "app.js").read_text()


async def test_a_path_that_is_none_is_said_in_json(client: httpx.AsyncClient) -> None:
    """The page takes no path from programs: what does not exist is not found."""
    for path in ("/v1/nothing", "/../page.py", "/%2e%2e/page.py", "/v1/monitors/nobody/state"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "detail" in answer.json()


def test_the_page_stands_alone() -> None:
    """All files together stay under the budget, name no other host and hold no inline script or style."""
    files = list(FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) < MAX_BYTES
    for file in files:
        hosts = set(re.findall(r"https?://[^\"'\s)]+", file.read_text()))
        assert hosts <= {"http://www.w3.org/2000/svg"}, file.name
    page = (FOLDER / "index.html").read_text()
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)", page)


def test_every_module_is_fetched_ahead() -> None:
    """A module that is found only while another one runs would cost a round trip before the first chart."""
    ahead = set(re.findall(r'modulepreload" href="([^"]+)"', (FOLDER / "index.html").read_text()))
    assert ahead == {file.name for file in FOLDER.glob("*.js")}


def test_the_docs_say_how_much_is_loaded() -> None:
    """The sizes of the page's files, whole and compressed one by one, are about what the docs say."""
    said = re.search(r"all files together are (\d+) kB, (\d+) kB compressed", DOCS.read_text())
    assert said is not None
    files = [path.read_bytes() for path in FOLDER.iterdir()]
    sizes = (sum(map(len, files)), sum(len(gzip.compress(each)) for each in files))
    for size, kilobytes in zip(sizes, said.groups(), strict=True):
        assert size / 1_000 == pytest.approx(int(kilobytes), rel=0.1)
