"""`make bench-ingest`: how fast rows are taken in, as ratios in one run. See docs/benchmarks/ingest.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from service.sources.http.content_types import RowFormat
from tests.benchmarks.ingest import copying, flights
from tests.benchmarks.ingest.running import Running, service
from tests.benchmarks.ingest.sender import Plan, Sent, send, written

if TYPE_CHECKING:
    from collections.abc import Callable

MILLION = 1_000_000
PER_REQUEST = 20_000
CONNECTIONS = 32
LIMIT_MB = 80.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is sent: rows of the large requests, requests of a single row, rows for the memory."""

    rows: int
    requests: int
    memory_rows: int


FULL, QUICK = Sizes(MILLION, 10_000, MILLION), Sizes(200_000, 2_000, 200_000)


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.ingest", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rows")
    parser.add_argument("--only", choices=["large", "single", "memory"], help="one part alone")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    parts: dict[str, Callable[[Path, Sizes], None]] = {"large": large, "single": single, "memory": memory}
    say(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    for name, run in parts.items():
        if options.only in {None, name}:
            for number in range(1, options.runs + 1):
                load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
                say(f"{name}, run {number} of {options.runs} (load average before: {load})")
                with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as folder:
                    run(Path(folder), sizes)


def large(folder: Path, sizes: Sizes) -> None:
    """Compare large requests with COPY."""
    frame = flights.rows(sizes.rows)
    parts = [frame.iloc[at : at + PER_REQUEST] for at in range(0, len(frame), PER_REQUEST)]
    files = {
        RowFormat.JSON_LINES: written([flights.ndjson(part) for part in parts], folder / "ndjson"),
        RowFormat.ARROW: written([flights.arrow(part) for part in parts], folder / "arrow"),
    }
    text = flights.copy_text(frame)
    with service(folder) as running:
        data = folder / "data"
        took = {number: copying.seconds(data, text, number=number) for number in ("integer", "float8")}
        rates = {number: sizes.rows / each for number, each in took.items()}
        say("  COPY: " + ", ".join(f"{rate:,.0f} rows/s ({number})" for number, rate in rates.items()))
        best = max(rates.values())
        for content_type, path in files.items():
            plan = Plan(running.rows_url, path, content_type.value, len(parts), connections=4)
            found = _sent(plan, running)
            rate = sizes.rows / found.sent.seconds
            say(f"  {content_type}: {rate:,.0f} rows/s, {rate / best:.0%} of COPY; {found.took}")


def single(folder: Path, sizes: Sizes) -> None:
    """Send single rows from many connections: as fast as it goes, at 500 a second, at half of the former."""
    bodies = written(flights.single(flights.rows(5_000)), folder / "single")
    with service(folder) as running:
        plan = Plan(running.rows_url, bodies, RowFormat.JSON.value, sizes.requests, CONNECTIONS)
        found = _sent(plan, running)
        rate = found.sent.accepted / found.sent.seconds
        say(f"  as fast as it goes: {rate:,.0f} requests/s, {found.latencies}; {found.took}")
        for asked in (500.0, rate / 2):
            plan = Plan(running.rows_url, bodies, RowFormat.JSON.value, sizes.requests, CONNECTIONS, asked)
            say(f"  at {asked:,.0f} requests/s: {_sent(plan, running).latencies}")


def memory(folder: Path, sizes: Sizes) -> None:
    """Send many rows and look at the memory of the service's process."""
    frame = flights.rows(sizes.memory_rows)
    parts = [frame.iloc[at : at + PER_REQUEST] for at in range(0, len(frame), PER_REQUEST)]
    for name, content_type, write in (
        ("ndjson", RowFormat.JSON_LINES, flights.ndjson),
        ("arrow", RowFormat.ARROW, flights.arrow),
    ):
        path = written([write(part) for part in parts], folder / name)
        within = folder / f"of-{name}"
        within.mkdir()
        with service(within) as running:
            time.sleep(3.0)
            idle = running.rss_mb()
            running.forget_peak()
            plan = Plan(running.rows_url, path, content_type.value, len(parts), connections=4)
            _sent(plan, running)
            peak, after = running.rss_mb("VmHWM"), running.rss_mb()
            found = f"at most {peak - idle:+.0f} MB, then {after - idle:+.0f} MB"
            say(f"  {content_type}: idle {idle:.0f} MB, {found}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of a plan, and the processor time that the service took for it."""

    sent: Sent
    cpu_seconds: float

    @property
    def took(self) -> str:
        """Who took how much of the processor."""
        ours, theirs = self.cpu_seconds, self.sent.cpu_seconds
        return f"processor time: service {ours:.1f} s, sender {theirs:.1f} s of {self.sent.seconds:.1f} s"

    @property
    def latencies(self) -> str:
        """The median and the last percentile of the answers."""
        p50, p99 = np.quantile(self.sent.latencies, [0.5, 0.99]) * 1_000
        return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _sent(plan: Plan, running: Running) -> Measured:
    before = running.cpu_seconds()
    sent = send(plan)
    if sent.accepted != plan.requests:
        raise RuntimeError(f"{sent.accepted} of {plan.requests} requests were accepted: {sent.refused}")
    return Measured(sent, running.cpu_seconds() - before)


if __name__ == "__main__":
    main()
