"""The database goes away under the running service and comes back: rows go on, none twice."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.store.embedded.server import EmbeddedServer
from tests.service_process import Place, end, lay_out

PATIENCE_SECONDS = 60


async def _windows(place: Place) -> int:
    done = await asyncio.to_thread(place.command, "metrics", "--metric", "mae", "--format", "csv")
    lines = list(csv.DictReader(done.stdout.splitlines()))
    ends = [line["window_end"] for line in lines]
    assert len(ends) == len(set(ends))
    return len(ends)


async def _until_more(place: Place, than: int, process: subprocess.Popen[str]) -> int:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (seen := await _windows(place)) <= than:
            assert process.poll() is None, place.log
    return seen


async def test_rows_go_on_after_the_database_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed without warning, the server is replaced; the service reconnects by itself."""
    place = lay_out(tmp_path / "place", days=300)
    async with EmbeddedServer(tmp_path / "server") as server:
        monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", server.dsn)
        process = place.start(TIDEGAUGE_CYCLE_SECONDS="0.2")
        try:
            before = await _until_more(place, 2, process)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            before = await _until_more(place, before, process)  # what was measured before the kill, or since
            await _until_more(place, before + 2, process)
        finally:
            status = end(process, signal.SIGTERM)
    assert status == 0, place.log


async def test_health_and_readiness_tell_apart(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/healthz` says that the process lives, `/readyz` whether it can work; the numbers come by HTTP too."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    place = lay_out(tmp_path / "place", days=5)
    process = place.start(TIDEGAUGE_CYCLE_SECONDS="0.1")
    try:
        address = await _address(place, process)
        ready = await _eventually(f"{address}/readyz", lambda answer: answer["ready"])
        assert ready["checks"] == {
            "database": "ok", "migrations": "ok", "locks": "ok", "monitor toy": "ok",
        }  # fmt: skip
        assert (await asyncio.to_thread(_get, f"{address}/healthz"))["status"] == "alive"
        (monitor,) = await asyncio.to_thread(_get, f"{address}/v1/monitors")
        assert (monitor["name"], monitor["failures_in_a_row"]) == ("toy", 0)
        path = f"{address}/v1/monitors/toy/metrics?metric=mae&limit=3"
        rows = await _eventually(path, lambda answer: len(answer) == 3)
        assert {row["metric"] for row in rows} == {"mae"}
        scraped = {
            (sample.name, sample.labels.get("metric")): sample.value
            for family in text_string_to_metric_families(await asyncio.to_thread(_text, f"{address}/metrics"))
            for sample in family.samples
        }
        assert scraped["tidegauge_database_up", None] == 1
        assert scraped["tidegauge_windows_total", None] >= 3
        assert scraped["tidegauge_measurement", "mae"] > 0
        assert (
            "/v1/monitors/{name}/metrics"
            in (await asyncio.to_thread(_get, f"{address}/openapi.json"))["paths"]
        )
    finally:
        assert end(process, signal.SIGTERM) == 0


async def test_a_stream_tells_of_cycles_and_ends_with_the_service(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cycle comes down the open stream; a stop ends it properly, not by patience running out."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    place = lay_out(tmp_path / "place", days=200)
    process = place.start(TIDEGAUGE_CYCLE_SECONDS="0.1")
    try:
        address = await _address(place, process)
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        writer.write(b"GET /v1/stream HTTP/1.1\r\nHost: tidegauge\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            for wanted in (b"event: hello", b"event: cycle", b"event: cycle"):
                while not (line := await reader.readline()).startswith(wanted):
                    assert line, place.log
            data = await reader.readline()
        sent = json.loads(data.removeprefix(b"data: "))
        assert (sent["monitor"], sent["state"]["name"]) == ("toy", "toy")
    finally:
        assert end(process, signal.SIGTERM) == 0
    rest = await reader.read()
    writer.close()
    assert rest.endswith(b"0\r\n\r\n"), "the stream was cut off"


async def _address(place: Place, process: subprocess.Popen[str]) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := re.search(r'"http": "([^"]+)"', place.log)):
            assert process.poll() is None, place.log
            await asyncio.sleep(0.02)
    return found[1]


async def _eventually(url: str, wanted: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await asyncio.to_thread(_get, url)
            if wanted(answer):
                return answer
            await asyncio.sleep(0.02)


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own loopback address
        return str(answer.read().decode())


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own loopback address
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)
