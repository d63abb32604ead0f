"""The live demo measures what its service logs, starts again what is killed, and stops cleanly."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.integration.client.live_service import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.slow

MONITOR = Path("config/live/flights_live.yaml").read_text()
VALUE = """SELECT max(window_end) FROM tidegauge.metrics
           WHERE monitor = 'flights_live' AND metric = 'mae' AND segment = '' AND value IS NOT NULL"""


class Demo:
    """The demo as its own process, and the database that it writes to."""

    def __init__(self, process: subprocess.Popen[str], log: Path, connection: asyncpg.Connection) -> None:
        self.process, self._log, self._connection = process, log, connection

    def pids(self, name: str) -> list[int]:
        """Return the processes that a part of the demo has had, the newest last."""
        return [int(pid) for pid in re.findall(rf"{name} is process (\d+)", self._log.read_text())]

    async def until_measured(self, after: object = None) -> object:
        """Wait for the error of a window, which takes predictions and labels; newer than `after`."""
        while self.process.poll() is None:
            found = await self._connection.fetchval(VALUE)
            if found is not None and (after is None or found > after):
                return found
            await asyncio.sleep(0.2)
        raise AssertionError(f"the demo ended:\n{self._log.read_text()}")


@pytest.fixture
async def demo(tmp_path: Path, data_dir: Path, database_url: str) -> AsyncIterator[Demo]:
    """Run the demo, with windows of two seconds."""
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
        "TIDEGAUGE_DATABASE_URL": database_url,
        "TIDEGAUGE_HTTP_PORT": str(free_port()),
        "TIDEGAUGE_CYCLE_SECONDS": "0.5",
        "TIDEGAUGE_LOG_FORMAT": "json",
    }
    command = [sys.executable, "-m", "simulator.live", "--model-port", str(free_port()), "--rate", "40"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True)  # noqa: ASYNC220
    connection = await asyncpg.connect(database_url)
    try:
        yield Demo(process, tmp_path / "log", connection)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)
        await connection.close()


async def test_the_demo_survives_a_kill_of_each_part_and_stops_cleanly(demo: Demo) -> None:
    """Model and Tidegauge are killed with -9: windows are measured again soon; SIGINT ends everything."""
    measured = await demo.until_measured()
    killed = ("the model's service", "Tidegauge")
    for name in killed:
        os.kill(demo.pids(name)[-1], signal.SIGKILL)
    while min(len(demo.pids(name)) for name in killed) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    measured = await demo.until_measured(after=measured)  # it may have waited in the inbox
    await demo.until_measured(after=measured)
    demo.process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(demo.process.wait, 60) == 0
    every = [pid for name in ("the model's service", "Tidegauge", "the traffic") for pid in demo.pids(name)]
    assert len(every) == 5
    for pid in every:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
