"""The service under test: a process of its own on its own Postgres, durable as in production."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.benchmarks.ingest.flights import monitor_file

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 120.0


@dataclass(frozen=True)
class Running:
    """A service that runs: its address, its process and its folder."""

    url: str
    process: subprocess.Popen[str]
    folder: Path

    @property
    def rows_url(self) -> str:
        """Where rows are sent."""
        return f"{self.url}/v1/monitors/flights/rows"

    def rss_mb(self, key: str = "VmRSS") -> float:
        """Return the memory that the process has now, or with VmHWM the most that it had, in MB (2**20)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:")) / 1024

    def forget_peak(self) -> None:
        """Begin to measure the most memory from now on."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def service(folder: Path) -> Iterator[Running]:
    """Run the service in a folder while the context lasts; its monitor has had its first cycle."""
    monitors = folder / "monitors"
    monitors.mkdir()
    (monitors / "flights.yaml").write_text(monitor_file(folder))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TIDEGAUGE_")},
        "TIDEGAUGE_DATA_DIR": str(folder / "data"),
        "TIDEGAUGE_MONITORS_DIR": str(monitors),
        "TIDEGAUGE_HTTP_PORT": "0",
        "TIDEGAUGE_LOG_FORMAT": "json",
        "TIDEGAUGE_BACKLOG_ROWS": "100000000",
    }
    log = folder / "service.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "run"], env=environment, stderr=file, text=True
        )
    try:
        url = _until_ready(process, log)
        yield Running(url, process, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _until_ready(process: subprocess.Popen[str], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
        said = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        url = next((line["http"] for line in said if line["event"] == "watching"), None)
        if url is not None and _is_ready(f"{url}/readyz/ingest") and any(s["event"] == "cycle" for s in said):
            return str(url)
    raise RuntimeError(f"the service was not ready:\n{log.read_text()}")


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
