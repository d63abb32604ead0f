"""Monitor files that change under a running service: edits, new files, deleted files, SIGHUP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.service_process import MONITOR, Place, end, lay_out

PATIENCE_SECONDS = 60
WINDOW = "window: {size: 7d, hop: 1d, min_rows: 20}"


@dataclass
class Service:
    """A running service, its folder, its address and its database."""

    place: Place
    process: subprocess.Popen[str]
    address: str
    pool: asyncpg.Pool

    def file(self, name: str = "toy") -> Path:
        return self.place.root / f"monitors/{name}.yaml"

    def edit(self, old: str, new: str) -> None:
        text = self.file().read_text()
        assert old in text
        self.file().write_text(text.replace(old, new))

    async def get(self, path: str) -> Any:
        return await asyncio.to_thread(_get, f"{self.address}{path}")

    async def names(self) -> list[str]:
        return [monitor["name"] for monitor in await self.get("/v1/monitors")]

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await condition():
                    assert self.process.poll() is None, self.place.log
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(self.place.log) from None


def _get(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # the test's own address
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


@pytest_asyncio.fixture
async def service(
    tmp_path: Path, database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    """Run the service over a replay that ends at once; at the end it must stop cleanly."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    place = lay_out(tmp_path / "place", days=10)
    process = place.start(TIDEGAUGE_CYCLE_SECONDS="0.1")
    await asyncio.to_thread(place.until, '"event": "watching"', process)
    found = re.search(r'"http": "([^"]+)"', place.log)
    assert found is not None
    running = Service(place, process, found[1], pool)
    try:
        yield running
    finally:
        status = await asyncio.to_thread(end, process, signal.SIGTERM)
    assert status == 0, place.log
    assert "background work ended" not in place.log


async def _ended(service: Service) -> bool:
    return bool(await service.pool.fetchval("SELECT ended FROM tidegauge.checkpoint WHERE monitor = 'toy'"))


async def test_files_are_followed_while_the_service_runs(service: Service) -> None:
    """A good edit is taken in, a bad one refused, a new file starts a monitor, a deleted one stops it."""
    pool, place = service.pool, service.place
    await service.until(lambda: _ended(service))
    layouts = "SELECT count(DISTINCT layout) FROM tidegauge.window_run WHERE monitor = 'toy'"
    assert await pool.fetchval(layouts) == 1

    # A good edit, of an ended replay: it is measured again with the new windows.
    service.edit(WINDOW, "window: {size: 4d, hop: 2d, min_rows: 20}")

    async def measured_again() -> bool:
        return await pool.fetchval(layouts) == 2 and await _ended(service)

    await service.until(measured_again)
    assert '"event": "monitor file edited"' in place.log

    # A bad one: /readyz, the state and the log say so, the cycles go on.
    good = service.file().read_text()
    service.file().write_text(good.replace("window:", "windo:"))

    async def refused() -> bool:
        return "file toy" in (await service.get("/readyz"))["checks"]

    await service.until(refused)
    ready = await service.get("/readyz")
    assert not ready["ready"]
    assert "toy.yaml:6: windo: no such key; the nearest is window" in ready["checks"]["file toy"]
    state = await service.get("/v1/monitors/toy/state")
    (health,) = [aspect for aspect in state["aspects"] if aspect["aspect"] == "health"]
    assert health["reason"].startswith("its edited file is refused, and the earlier one holds: ")
    assert [file["name"] for file in await service.get("/v1/files/refused")] == ["toy"]
    assert place.log.count('"event": "monitor file refused"') == 1

    # Mended, all is well.
    service.file().write_text(good)

    async def well() -> bool:
        return bool((await service.get("/readyz"))["ready"])

    await service.until(well)

    # A new file starts a monitor.
    service.file("boat").write_text(MONITOR)

    async def two() -> bool:
        known = await pool.fetchval("SELECT count(*) FROM tidegauge.monitors")
        return await service.names() == ["toy", "boat"] and known == 2

    await service.until(two)

    # A deleted one ends: it is in no list of the service, and marked in the database.
    service.file("boat").unlink()

    async def one() -> bool:
        gone = await pool.fetchval("SELECT file_gone_at FROM tidegauge.monitors WHERE monitor = 'boat'")
        return await service.names() == ["toy"] and gone is not None

    await service.until(one)
    assert (await service.get("/v1/monitors/boat/state"))[
        "detail"
    ] == "no monitor is named 'boat'; there are: toy; GET /v1/monitors lists them"
    assert 'monitor="boat"' not in await asyncio.to_thread(_text, f"{service.address}/metrics")
    assert "tidegauge monitor remove boat" in place.log


async def test_a_reset_reaches_a_service_whose_source_had_ended(service: Service) -> None:
    """The command is enough: the running service measures again, under further revisions."""
    await service.until(lambda: _ended(service))
    windows = await service.pool.fetchval("SELECT count(*) FROM tidegauge.window_run")
    done = await asyncio.to_thread(service.place.command, "monitor", "reset", "toy")
    assert done.returncode == 0, done.stderr
    again = "SELECT count(*) FROM tidegauge.window_run WHERE revision = 2"

    async def measured_again() -> bool:
        return await service.pool.fetchval(again) == windows

    await service.until(measured_again)
    assert await service.pool.fetchval("SELECT max(revision) FROM tidegauge.window_run") == 2


async def test_an_edit_whose_data_cannot_be_read_is_refused_until_sighup(service: Service) -> None:
    """A reference that is not there is a bad edit; once it is there a signal takes the edit in."""
    service.edit("{data_dir}/reference.csv", "{data_dir}/other.csv")

    async def refused() -> bool:
        return "other.csv" in (await service.get("/readyz"))["checks"].get("file toy", "")

    await service.until(refused)
    assert await service.names() == ["toy"]
    data = service.place.root / "data"
    (data / "other.csv").write_bytes((data / "reference.csv").read_bytes())
    os.kill(service.process.pid, signal.SIGHUP)

    async def taken_in() -> bool:
        return '"event": "monitor file edited"' in service.place.log

    await service.until(taken_in)
    assert "file toy" not in (await service.get("/readyz"))["checks"]


def _text(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # the test's own address
        text: str = answer.read().decode()
        return text
