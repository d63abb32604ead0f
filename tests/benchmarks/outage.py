"""`python -m tests.benchmarks.outage` sends rows while the database is away, and says what became of them.

The service runs in a process of its own on a Postgres that this one stops for `--minutes` and starts again.
Printed over time: the service's memory, what lies in its spool, how many rows were acknowledged, and the lag
that it measures; at the end how long the spool took to drain, and what `tidegauge audit` says.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import numpy as np

from service.store.embedded.cluster import free_port
from service.store.embedded.server import EmbeddedServer
from tests.service_process import Place, end, rows

MONITOR = """\
source: {type: http, timestamp: at}
reference: {path: "{data_dir}/reference.csv"}
columns: {size: numerical, colour: categorical, guess: numerical, truth: numerical}
prediction: guess
target: truth
id: key
window: {size: 1m, min_rows: 20}
"""
BEFORE_SECONDS, AFTER_SECONDS = 20.0, 40.0
PRINT_SECONDS, CAUGHT_UP_SECONDS = 15.0, 600.0
NEWEST = "SELECT lag_seconds, backlog_rows FROM tidegauge.cycle_log ORDER BY finished_at DESC LIMIT 1"
LONGEST = "SELECT max(lag_seconds), max(backlog_rows) FROM tidegauge.cycle_log"


@dataclass(frozen=True, slots=True)
class Run:
    """A running service that is sent rows.

    - `place`: its folder
    - `process`: its process
    - `url`: its address
    - `began`: when sending began, by the monotonic clock
    """

    place: Place
    process: subprocess.Popen[str]
    url: str
    began: float

    async def report(self, what: str) -> None:
        """Print a line."""
        record = self.place.root / "sent.jsonl"
        sent = sum(json.loads(line)["rows"] for line in record.read_text().splitlines()[:-1])
        megabytes = self.spool_bytes() / (1 << 20)
        ready, lag = await self._state()
        say(
            f"{time.monotonic() - self.began:6.0f} s  {what:<16} acknowledged {sent:>9,}  "
            f"memory {resident_mb(self.process.pid):6.1f} MB  spool {megabytes:6.1f} MB  "
            f"spool's lag {lag} s  /readyz/ingest {ready}"
        )

    def spool_bytes(self) -> int:
        """Return how much lies in the service's spool."""
        total = 0
        for path in (self.place.root / "data/inbox").rglob("*.rows"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue  # drained this moment
        return total

    async def _state(self) -> tuple[int | str, str]:
        """Return the status of the readiness, and the lag that the service states."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10.0) as client:
            try:
                status = (await client.get("/readyz/ingest")).status_code
                metrics = (await client.get("/metrics")).text
            except httpx.TransportError as error:
                return type(error).__name__, "?"
        found = re.search(r"^tidegauge_spool_lag_seconds (\S+)", metrics, re.MULTILINE)
        return status, "?" if found is None else f"{float(found[1]):.1f}"

    async def report_for(self, seconds: float, what: str) -> None:
        """Print lines for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, PRINT_SECONDS))
            await self.report(what)


def lay_out(root: Path, count: int) -> Place:
    """Make the folder of a service, and a file of so many rows."""
    for name in ("data", "monitors"):
        (root / name).mkdir(parents=True)
    (root / "monitors/toy.yaml").write_text(MONITOR)
    random = np.random.default_rng(5)
    rows(random, 2_000, 1).to_csv(root / "data/reference.csv", index=False)
    sent = rows(random, count, 1).drop(columns="at")
    sent.insert(0, "key", [f"k{number}" for number in range(count)])
    sent.to_parquet(root / "rows.parquet")
    return Place(root)


def send(place: Place, url: str, rate: float) -> subprocess.Popen[str]:
    """Start `simulator send` at a rate; rows get the time at which they are sent."""
    file, record = str(place.root / "rows.parquet"), str(place.root / "sent.jsonl")
    command = [
        sys.executable,
        "-m",
        "simulator",
        "send",
        file,
        "--monitor",
        "toy",
        "--to",
        url,
        "--id",
        "key",
    ]
    more = [
        "--id",
        "key",
        "--rate",
        str(rate),
        "--batch",
        "50",
        "--now",
        "at",
        "--record",
        record,
        "--patience",
        "3600",
    ]
    return subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True)


async def measure(root: Path, rate: float, minutes: float) -> int:
    """Run it; return the exit status of the audit."""
    outage = minutes * 60
    place = lay_out(root, round(rate * (BEFORE_SECONDS + outage + AFTER_SECONDS)))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = EmbeddedServer(root / "postgres")
    await server.start()
    database = {"TIDEGAUGE_DATABASE_URL": server.dsn}
    process = place.start(**database, TIDEGAUGE_HTTP_PORT=str(port), TIDEGAUGE_CYCLE_SECONDS="2")
    sending: subprocess.Popen[str] | None = None
    try:
        await asyncio.to_thread(place.until, '"event": "watching"', process)
        (root / "sent.jsonl").touch()
        sending = send(place, url, rate)
        run = Run(place, process, url, time.monotonic())
        await run.report_for(BEFORE_SECONDS, "database there")
        await server.stop()
        await run.report_for(outage, "database away")
        await server.start()
        await _until_caught_up(run, sending, server.dsn)
        printed, _ = await asyncio.to_thread(sending.communicate, timeout=CAUGHT_UP_SECONDS)
        say(printed.strip())
        await asyncio.to_thread(end, process, signal.SIGTERM)
        audit = await asyncio.to_thread(
            place.command, "audit", "--record", str(root / "sent.jsonl"), **database
        )
        say(audit.stdout.strip())
        return audit.returncode
    finally:
        for each in (process, sending):
            if each is not None and each.poll() is None:
                each.kill()
        await server.stop()


async def _until_caught_up(run: Run, sending: subprocess.Popen[str], dsn: str) -> None:
    """Print lines until everything was sent, drained and measured."""
    back, drained = time.monotonic(), 0.0
    printed = 0.0
    while time.monotonic() - back < CAUGHT_UP_SECONDS:
        if not drained and not run.spool_bytes():
            drained = time.monotonic() - back
            say(f"         the spool was empty {drained:.1f} s after the database was back")
        lag, backlog = await _asked(dsn, NEWEST)
        if time.monotonic() - printed > PRINT_SECONDS / 3:
            await run.report(f"back, lag {lag or 0:.1f} s")
            printed = time.monotonic()
        if drained and sending.poll() is not None and not backlog:
            break
        await asyncio.sleep(0.5)
    longest, most = await _asked(dsn, LONGEST)
    say(f"         longest lag {longest:.1f} s, largest backlog {most:,} rows; now {lag:.1f} s")


async def _asked(dsn: str, question: str) -> tuple[float, int]:
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(question)
        return (row[0] or 0.0, row[1] or 0)
    finally:
        await connection.close()


def resident_mb(pid: int) -> float:
    """Return how much memory a process has, in MB; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1_024


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run it by the arguments; return the exit status: 0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.outage", description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0, help="rows per second")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the database is away")
    chosen = parser.parse_args()
    say(f"{chosen.rate:,.0f} rows per second, {chosen.minutes:g} minutes without a database")
    with tempfile.TemporaryDirectory(prefix="tidegauge-outage-") as folder:
        return asyncio.run(measure(Path(folder) / "run", chosen.rate, chosen.minutes))


if __name__ == "__main__":
    sys.exit(main())
