"""A monitor to which rows are sent, on a real database: HTTP API, intake and cycles, in this process."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
import yaml

from service.api.app import build
from service.config.monitor_file import load
from service.config.settings import Settings
from service.cycle.cycle import Cycle
from service.runtime.compute_threads import workers
from service.store.postgres import PostgresStore
from service.wiring.inbox.intake import intake
from service.wiring.monitor import build_monitor, build_receiver
from tests.unit.api.doors import Queries, callables
from tests.unit.api.doors import gate as made_gate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    import asyncpg

    from service.access.gate import Gate
    from service.cycle.monitor_plan import CycleReport
    from service.inbox.intake import Intake

MINUTE = 60_000_000
START = 1_767_225_600_000_000  # 2026-01-01, UTC microseconds
MONITOR = {
    "source": {"type": "http", "timestamp": "at", "max_ahead": "1m", "allowed_lateness": "10m"},
    "columns": {"size": "numerical", "colour": "categorical", "guess": "numerical", "truth": "numerical"},
    "prediction": "guess",
    "target": "truth",
    "id": "key",
    "labels": {"wait": "1d"},
    "window": {"size": "1m", "min_rows": 2},
    "drift": {"thresholds": "evidently"},
}


@dataclass
class Clock:
    """A wall clock that a test sets."""

    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class Live:
    """A running monitor: what is sent to it, and its cycles one by one."""

    client: httpx.AsyncClient
    intake: Intake
    cycle: Cycle
    pool: asyncpg.Pool
    clock: Clock
    reports: list[CycleReport] = field(default_factory=list)

    async def send(
        self, rows: Any, path: str = "rows", *, name: str = "toy", **headers: str
    ) -> httpx.Response:
        content = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
        given = {"content-type": "application/json"} | {
            key.replace("_", "-"): value for key, value in headers.items()
        }
        return await self.client.post(f"/v1/monitors/{name}/{path}", content=content, headers=given)

    async def run(self) -> CycleReport:
        report = await self.cycle.run(self.clock.now)
        self.reports.append(report)
        return report

    async def count(self, table: str) -> int:
        found: int = await self.pool.fetchval(f"SELECT count(*) FROM tidegauge.{table}")
        return found

    async def counted(self) -> int:
        """Return how many rows the panes count."""
        found: int = await self.pool.fetchval("SELECT coalesce(sum(rows), 0)::bigint FROM tidegauge.pane")
        return found

    async def windows(self) -> list[tuple[int, int, int]]:
        """Return each window's start in minutes, its revision and its rows."""
        found = await self.pool.fetch(
            """SELECT extract(epoch FROM window_start)::bigint AS start, revision, rows
               FROM tidegauge.window_run ORDER BY 1, 2"""
        )
        return [((row["start"] - START // 1_000_000) // 60, row["revision"], row["rows"]) for row in found]


def row(key: str, minute: float, **more: Any) -> dict[str, Any]:
    """Return a row of a minute after the start."""
    at = pd.Timestamp(START + round(minute * MINUTE), unit="us", tz="UTC").isoformat()
    return {"key": key, "at": at, "size": 1.5, "colour": "red", "guess": 10.0, **more}


def rows(keys: Iterable[str], minute: float) -> list[dict[str, Any]]:
    """Return rows of one minute, a second apart."""
    return [row(key, minute + place / 60) for place, key in enumerate(keys)]


def lay_out(folder: Path, **changed: Any) -> Path:
    """Write a reference and a monitor file; return the latter."""
    random = np.random.default_rng(7)
    truth = random.normal(10, 3, 300)
    reference = pd.DataFrame(
        {
            "size": random.normal(0, 1, 300),
            "colour": random.choice(["red", "green"], 300),
            "guess": truth + random.normal(0, 1, 300),
            "truth": truth,
        }
    )
    reference.to_csv(folder / "reference.csv", index=False)
    reference.assign(size="1", colour=7.0).to_csv(folder / "other.csv", index=False)
    path = folder / "toy.yaml"
    path.write_text(
        yaml.safe_dump(MONITOR | {"reference": {"path": str(folder / "reference.csv")}} | changed)
    )
    return path


class Known(Queries):
    """The monitors toy, to which rows are sent, and other, which replays."""

    def monitors(self) -> list[Any]:
        self.name = "toy"
        toy = super().monitors()
        self.name = "replayed"
        return [*toy, *super().monitors()]


@asynccontextmanager
async def living(
    pool: asyncpg.Pool,
    folder: Path,
    *,
    token: str | None = None,
    settings: Settings | None = None,
    gate: Gate | None = None,
    **changed: Any,
) -> AsyncIterator[Live]:
    """Run the monitor of `lay_out`, with keys of its file changed."""
    monitor, clock = load(lay_out(folder, **changed), folder), Clock(START + 5 * MINUTE)
    receiver = build_receiver(monitor, lambda: b"a key of sixteen bytes")
    assert receiver is not None
    settings = settings or Settings(data_dir=folder)
    async with AsyncExitStack() as stack:
        taking_in = await stack.enter_async_context(intake(settings, pool, {"toy": receiver}, now=clock))
        compute = await stack.enter_async_context(workers())
        plan = build_monitor(monitor, pool, compute, lambda: b"a key of sixteen bytes", clock=clock)
        stack.push_async_callback(plan.source.close)
        app = build(
            callables(
                queries=Known(), intake=taking_in, gate=gate or made_gate(is_open=True, ingest_token=token)
            )
        )
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://tidegauge")
        await stack.enter_async_context(client)
        cycle = Cycle(plan, PostgresStore(pool), compute, now=clock)
        yield Live(client, taking_in, cycle, pool, clock)
    while pool.get_size() > pool.get_idle_size():  # noqa: ASYNC110  # the pool says so by no event
        await asyncio.sleep(0)
