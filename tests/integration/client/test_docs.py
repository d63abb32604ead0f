"""The examples of docs/client.md work as written, with the monitor of docs/live.md."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING

import asyncpg
import httpx
import numpy as np
import pandas as pd
import pytest_asyncio

from service.store.embedded.cluster import free_port
from tests.integration.client.live_service import LiveService, laid_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLIENT, LIVE = Path("docs/client.md").read_text(), Path("docs/live.md").read_text()


def block(language: str, containing: str, page: str = CLIENT) -> str:
    """Return the one block of a page with that text."""
    found = [each for each in re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) if containing in each]
    assert len(found) == 1, containing
    text: str = found[0]
    return text


@pytest_asyncio.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[LiveService]:
    """Run a service with the monitor that the docs describe."""
    random = np.random.default_rng(3)
    truth = random.uniform(0, 90, 500)
    reference = pd.DataFrame(
        {
            "tenure": random.integers(0, 80, 500),
            "plan": random.choice(["basic", "plus"], 500),
            "score": truth + random.normal(0, 5, 500),
            "churned_in_days": truth,
        }
    )
    reference.to_parquet(tmp_path / "validation.parquet")
    text = block("yaml", "config/monitors/churn.yaml", LIVE).replace("/data/", f"{tmp_path}/")
    running = laid_out(tmp_path / "service", database_url, {"churn": text})
    await asyncio.to_thread(running.start)
    yield running
    running.end(SIGKILL)


def _run(code: str, service: LiveService, folder: Path) -> None:
    # In a home of its own, where the default spool lies.
    environment = {**service.place.environment, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code.replace("http://127.0.0.1:8000", service.url)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _serve(folder: Path, url: str) -> tuple[subprocess.Popen[bytes], str]:
    code = block("python", "uvicorn app:app").replace("http://127.0.0.1:8000", url)
    more = block("python", "add_middleware").replace('path="/predict"', 'path="/other"')
    (folder / "app.py").write_text(f"{code}\n\n@app.post('/other')\n{_route(code)}\n\n{more}")
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"]
    environment = {"PATH": "", "HOME": str(folder)}
    return subprocess.Popen(command, cwd=folder, env=environment), f"http://127.0.0.1:{port}"


def _route(code: str) -> str:
    """Return the example's route without its line that logs."""
    route = code.split('@app.post("/predict")\n')[1].replace("def predict", "def other")
    return "\n".join(line for line in route.splitlines() if "monitor.log" not in line)


async def _until_there(model: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            await model.get("/docs")
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("the example's server ended")


async def test_the_examples_send_their_rows(service: LiveService, tmp_path: Path) -> None:
    """The three lines with a label that finds its row, and the example with scikit-learn, run as scripts."""
    three_lines = re.findall(r"```python\n(.*?)```", CLIENT, re.DOTALL)[0]
    await asyncio.to_thread(_run, three_lines + block("python", "monitor.labels("), service, tmp_path)
    assert await service.counted() == 1
    await asyncio.to_thread(_run, block("python", "sklearn"), service, tmp_path)
    assert await service.counted() == 3
    assert not list((tmp_path / "state").rglob("*.batch"))
    connection = await asyncpg.connect(service.database_url)
    try:
        while not await connection.fetchval("SELECT sum(labels) FROM tidegauge.cycle_log"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def test_the_fastapi_example_sends_its_rows_and_loses_none_when_it_stops(
    service: LiveService, tmp_path: Path
) -> None:
    """Predictions of the route and of one with the middleware are counted, those before SIGTERM too."""
    process, url = await asyncio.to_thread(_serve, tmp_path, service.url)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as model:
            await _until_there(model, process)
            for number in range(50):
                path = "/predict" if number % 2 else "/other"
                customer = {"request_id": f"r{number}", "tenure": number, "plan": "plus"}
                answer = await model.post(path, json=customer)
                assert answer.json() == {"score": 90.0 - number}
    finally:
        process.send_signal(SIGTERM)
        await asyncio.to_thread(process.wait, 60)
    assert await service.counted() == 50
