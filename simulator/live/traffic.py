"""Traffic against the model's service: flights one after the other, and later what became of them.

`python -m simulator.live.traffic` sends flights at a rate, over and over, until a signal. A flight that
is not answered is asked for again, under its id, until it is.
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

from simulator.live.record import LABELS, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegauge_client import Monitor

SENT = ["carrier", "origin", "distance", "hour", "temp", "humid", "wind_speed", "precip", "pressure", "visib"]
MAX_UNDER_WAY = 64
REPORT_SECONDS = 10.0
AGAIN_SECONDS = 1.0
LAST_ANSWERS_SECONDS = 5.0


@dataclass(slots=True)
class Traffic:
    """What is sent, and what became of it since the last report.

    - `model`: the model's service
    - `monitor`: gets the labels
    - `rate`: flights per second
    - `label_seconds`: how long after its prediction a flight's time in the air is known
    - `record`: where answers are noted
    - `stopped`: no further flight is asked for once it is set
    """

    model: httpx.AsyncClient
    monitor: Monitor
    rate: float
    label_seconds: float
    record: Record | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    last_failure: str = ""
    due: deque[tuple[float, dict[str, Any]]] = field(default_factory=deque)

    async def run(self, flights: Iterator[tuple[dict[str, Any], float | None]]) -> None:
        """Send flights on a grid of times, so that slow answers do not slow the traffic down.

        Until `stopped`; then the answers that are under way are waited for.
        """
        began = time.monotonic()
        reporting = asyncio.create_task(self._report())
        stopping = asyncio.create_task(self.stopped.wait())
        asking: set[asyncio.Task[None]] = set()
        for place, (flight, air_time) in enumerate(flights):
            await asyncio.sleep(max(0.0, began + place / self.rate - time.monotonic()))
            if len(asking) >= MAX_UNDER_WAY:
                await asyncio.wait({*asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self.stopped.is_set():
                break
            task = asyncio.create_task(self._ask(flight, air_time))
            asking.add(task)
            task.add_done_callback(asking.discard)
            self._send_labels()
        reporting.cancel()
        stopping.cancel()
        if asking:
            _, unanswered = await asyncio.wait(asking, timeout=LAST_ANSWERS_SECONDS)
            for task in unanswered:
                task.cancel()
            if unanswered:
                _say(f"traffic: {len(unanswered)} flights were not answered, and may have been logged")

    async def _ask(self, flight: dict[str, Any], air_time: float | None) -> None:
        while True:
            if await self._is_answered(flight):
                break
            await asyncio.sleep(AGAIN_SECONDS)
        if self.record is not None:
            self.record.add(flight["flight_id"])
        if air_time is not None:  # of a cancelled flight nothing will be known
            label = {"flight_id": flight["flight_id"], "air_time": air_time}
            self.due.append((time.monotonic() + self.label_seconds, label))

    async def _is_answered(self, flight: dict[str, Any]) -> bool:
        asked = time.monotonic()
        try:
            answer = await self.model.post("/predict", json=flight)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            self.failures += 1
            self.last_failure = f"{type(error).__name__} {error}".strip()
            return False
        self.latencies.append(time.monotonic() - asked)
        return True

    def _send_labels(self) -> None:
        while self.due and self.due[0][0] <= time.monotonic():
            label = self.due.popleft()[1]
            self.monitor.labels(label)
            if self.record is not None:
                self.record.add(label["flight_id"], LABELS)

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
        _say(text)


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
        await _until_alive(model)  # a signal before ends the process: nothing was asked for
        record = None if chosen.record is None else Record(chosen.record, chosen.monitor)
        monitor = client.monitor(chosen.monitor)
        traffic = Traffic(model, monitor, chosen.rate, chosen.label_seconds, record)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, traffic.stopped.set)
        await traffic.run(flights_of(chosen.data))
        traffic.say()
        if record is not None:
            record.close()


async def _until_alive(model: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await model.get("/healthz")).is_success:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.2)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Send traffic until a signal."""
    parser = argparse.ArgumentParser(prog="python -m simulator.live.traffic", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the flights that `simulator prepare` makes")
    parser.add_argument("--model", default="http://127.0.0.1:8002", metavar="URL")
    parser.add_argument("--tidegauge", default="http://127.0.0.1:8000", metavar="URL")
    parser.add_argument("--monitor", default="flights_live")
    parser.add_argument("--rate", type=float, default=50.0, help="flights per second")
    parser.add_argument("--label-seconds", type=float, default=5.0, help="until the outcome is known")
    parser.add_argument("--record", type=Path, metavar="FILE", help="note what was answered, for the audit")
    parser.add_argument("--spool", help="the folder where labels wait while Tidegauge is away")
    parser.add_argument("--token", help="Tidegauge's token, where it asks for one")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
