"""The live demo loses no prediction, whatever of it is killed, and stops cleanly."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest

from service.store.embedded.cluster import free_port
from service.store.embedded.server import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

MODEL, TIDEGAUGE, TRAFFIC, POSTGRES = "the model's service", "Tidegauge", "the traffic", "Postgres"
ROUNDS = int(os.environ.get("LIVE_KILL_ROUNDS", "1"))  # in each of which all three are killed
MONITOR = Path("config/live/flights_live.yaml").read_text()
VALUE = """SELECT max(window_end) FROM tidegauge.metrics
           WHERE monitor = 'flights_live' AND metric = 'mae' AND segment = '' AND value IS NOT NULL"""
COUNTS = "SELECT measured_rows, rejected_rows FROM tidegauge.inbox_audit WHERE monitor = 'flights_live'"


class Demo:
    """The demo as its own process, and the Postgres that it brings."""

    def __init__(self, process: subprocess.Popen[str], root: Path, environment: dict[str, str]) -> None:
        self.process, self._root, self.environment = process, root, environment
        self.postgres = EmbeddedServer(root / "data")

    @property
    def log(self) -> str:
        """What its processes have logged."""
        return (self._root / "log").read_text()

    @property
    def model_url(self) -> str:
        """The model's service's address."""
        return f"http://127.0.0.1:{self.environment['MODEL_PORT']}"

    @property
    def url(self) -> str:
        """Tidegauge's address."""
        return f"http://127.0.0.1:{self.environment['TIDEGAUGE_HTTP_PORT']}"

    def pids(self, name: str) -> list[int]:
        """Return the processes that a part of the demo has had, the newest last."""
        return [int(pid) for pid in re.findall(rf"{name} is process (\d+)", self.log)]

    def kill(self, name: str) -> None:
        """Kill a part with -9."""
        pid = self.postgres.pid if name == POSTGRES else self.pids(name)[-1]
        if pid is not None:  # it starts again at this moment
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def asked(self, question: str) -> asyncpg.Record | None:
        """Return the first row of the answer to a question; None while the database is away."""
        try:
            connection = await asyncpg.connect(self.postgres.dsn, timeout=5)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        try:
            return await connection.fetchrow(question)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        finally:
            connection.terminate()

    async def until_measured(self, after: object = None) -> object:
        """Wait for the error of a window, which takes predictions and labels; newer than `after`."""
        while self.process.poll() is None:
            found = await self.asked(VALUE)
            if found is not None and found[0] is not None and (after is None or found[0] > after):
                return found[0]
            await asyncio.sleep(0.2)
        raise AssertionError(f"the demo ended:\n{self.log}")

    async def until_ready(self, url: str, path: str) -> None:
        """Wait until one of the services says that it is ready."""
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            while self.process.poll() is None:
                with suppress(httpx.TransportError):
                    if (await client.get(path)).status_code == 200:
                        return
                await asyncio.sleep(0.2)
        raise AssertionError(f"the demo ended:\n{self.log}")


@pytest.fixture
async def demo(tmp_path: Path, data_dir: Path) -> AsyncIterator[Demo]:
    """Run the demo with its own Postgres and windows of two seconds."""
    for name in ("data", "monitors"):
        (tmp_path / name).mkdir()
    (tmp_path / "data/demo").symlink_to(data_dir / "demo")
    text = MONITOR.replace("size: 20s, min_rows: 100", "size: 2s, min_rows: 20")
    assert text != MONITOR
    (tmp_path / "monitors/flights_live.yaml").write_text(text)
    environment = {
        **os.environ,
        "TIDEGAUGE_DATA_DIR": str(tmp_path / "data"),
        "TIDEGAUGE_MONITORS_DIR": str(tmp_path / "monitors"),
        "TIDEGAUGE_HTTP_PORT": str(free_port()),
        "MODEL_PORT": str(free_port()),
        "TIDEGAUGE_CYCLE_SECONDS": "0.5",
        "TIDEGAUGE_LOG_FORMAT": "json",
    }
    environment.pop("TIDEGAUGE_DATABASE_URL", None)
    command = [sys.executable, "-m", "simulator.live", "--model-port", environment["MODEL_PORT"]]
    command += ["--rate", "40"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True)  # noqa: ASYNC220
    running = Demo(process, tmp_path, environment)
    try:
        async with running.postgres:  # it is there as long as the test asks
            yield running
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)


async def test_the_demo_loses_nothing_whatever_is_killed(demo: Demo) -> None:
    """Model's service, Tidegauge and Postgres are killed with -9 in traffic; the audit finds every answer.

    The record is the traffic's: what the model's service had answered it.
    """
    moments = random.Random(12)  # noqa: S311  # moments, no secrets
    measured = await demo.until_measured()
    for _ in range(ROUNDS):
        for name in moments.sample([MODEL, TIDEGAUGE, POSTGRES], 3):
            demo.kill(name)
            await asyncio.sleep(moments.uniform(0.0, 2.0))
    measured = await demo.until_measured(after=measured)  # it may have waited in the inbox
    await demo.until_measured(after=measured)
    await demo.until_ready(demo.url, "/readyz")
    await demo.until_ready(demo.model_url, "/healthz")
    demo.process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(demo.process.wait, 60) == 0, demo.log

    data = Path(demo.environment["TIDEGAUGE_DATA_DIR"])
    record = data / "live/acknowledged.jsonl"
    command = [sys.executable, "-m", "service", "audit", "flights_live", "--record", str(record)]
    audit = await asyncio.to_thread(
        subprocess.run, command, env=demo.environment, capture_output=True, text=True, timeout=60, check=False
    )
    left = await asyncio.to_thread(lambda: list(data.glob("client/*/*/*.[bj]*")))
    assert (audit.returncode, left) == (0, []), audit.stdout + demo.log
    assert "nothing was lost" in audit.stdout
    counts = await demo.asked(COUNTS)
    assert counts is not None
    assert counts["measured_rows"] > 100
    assert counts["rejected_rows"] == 0
    every = [pid for name in (MODEL, TIDEGAUGE, TRAFFIC) for pid in demo.pids(name)]
    assert len(every) >= 5
    for pid in every:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
