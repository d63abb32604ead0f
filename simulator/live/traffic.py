"""Traffic against the model's service: flights one after the other, and later what became of them.

`python -m simulator.live.traffic` sends flights at a rate, over and over, until a signal.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
from tidegauge_client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegauge_client import Monitor

SENT = ["carrier", "origin", "distance", "hour", "temp", "humid", "wind_speed", "precip", "pressure", "visib"]
MAX_UNDER_WAY = 64
REPORT_SECONDS = 10.0


@dataclass(slots=True)
class Traffic:
    """What is sent, and what became of it since the last report.

    - `model`: the model's service
    - `monitor`: gets the labels
    - `rate`: flights per second
    - `label_seconds`: how long after its prediction a flight's time in the air is known
    """

    model: httpx.AsyncClient
    monitor: Monitor
    rate: float
    label_seconds: float
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    last_failure: str = ""
    due: deque[tuple[float, dict[str, Any]]] = field(default_factory=deque)

    async def run(self, flights: Iterator[tuple[dict[str, Any], float | None]]) -> None:
        """Send flights on a grid of times, so that slow answers do not slow the traffic down."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report())
            free = asyncio.Semaphore(MAX_UNDER_WAY)
            for place, (flight, air_time) in enumerate(flights):
                await asyncio.sleep(max(0.0, began + place / self.rate - time.monotonic()))
                await free.acquire()
                tasks.create_task(self._ask(flight, air_time)).add_done_callback(lambda _: free.release())
                self._send_labels()

    async def _ask(self, flight: dict[str, Any], air_time: float | None) -> None:
        asked = time.monotonic()
        try:
            answer = await self.model.post("/predict", json=flight)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            self.failures += 1
            self.last_failure = f"{type(error).__name__} {error}".strip()
            return
        self.latencies.append(time.monotonic() - asked)
        if air_time is not None:  # of a cancelled flight nothing will be known
            label = {"flight_id": flight["flight_id"], "air_time": air_time}
            self.due.append((time.monotonic() + self.label_seconds, label))

    def _send_labels(self) -> None:
        while self.due and self.due[0][0] <= time.monotonic():
            self.monitor.labels(self.due.popleft()[1])

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self.say()

    def say(self) -> None:
        """Print what happened since the last time."""
        text = f"traffic: {len(self.latencies)} predictions"
        if self.latencies:
            p50, p99 = np.quantile(self.latencies, [0.5, 0.99]) * 1_000
            text += f", p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        if self.failures:
            text += f"; {self.failures} failed: {self.last_failure}"
        self.latencies, self.failures = [], 0
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def flights_of(path: Path) -> Iterator[tuple[dict[str, Any], float | None]]:
    """Give each flight as it is asked for, and its time in the air; from the first again after the last."""
    frame = pd.read_parquet(path, columns=[*SENT, "air_time"])
    start, number = time.time_ns(), 0
    while True:
        for first in range(0, len(frame), 1_000):
            part = frame.iloc[first : first + 1_000].astype(object)
            for row in part.where(part.notna(), None).to_dict("records"):
                number += 1
                air_time = row.pop("air_time")
                flight = {str(name): value for name, value in row.items()}
                yield {"flight_id": f"{start:x}-{number}", **flight}, air_time


async def _run(chosen: argparse.Namespace) -> None:
    where = {} if chosen.spool is None else {"spool": chosen.spool}
    client = Client(chosen.tidegauge, token=chosen.token or None, **where)
    async with httpx.AsyncClient(base_url=chosen.model, trust_env=False, timeout=10.0) as model:
        await _until_alive(model)
        traffic = Traffic(model, client.monitor(chosen.monitor), chosen.rate, chosen.label_seconds)
        running = asyncio.ensure_future(traffic.run(flights_of(chosen.data)))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.cancel)
        await asyncio.wait([running])
        traffic.say()
        if not running.cancelled():
            running.result()


async def _until_alive(model: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await model.get("/healthz")).is_success:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.2)


def main() -> None:
    """Send traffic until a signal."""
    parser = argparse.ArgumentParser(prog="python -m simulator.live.traffic", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the flights that `simulator prepare` makes")
    parser.add_argument("--model", default="http://127.0.0.1:8002", metavar="URL")
    parser.add_argument("--tidegauge", default="http://127.0.0.1:8000", metavar="URL")
    parser.add_argument("--monitor", default="flights_live")
    parser.add_argument("--rate", type=float, default=50.0, help="flights per second")
    parser.add_argument("--label-seconds", type=float, default=5.0, help="until the outcome is known")
    parser.add_argument("--spool", help="the folder where labels wait while Tidegauge is away")
    parser.add_argument("--token", help="Tidegauge's token, where it asks for one")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
