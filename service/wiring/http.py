"""What the HTTP door opens on: its handlers' callables, made of the running parts."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from service.errors import StoreError
from service.runtime.background_task import background
from service.runtime.clock import now
from service.status.queries import Reading
from service.status.readiness import readiness_checks
from service.store.postgres import PostgresStore
from service.store.tables import window_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.reports.reporter import Reporter
    from service.runtime.scheduler import Scheduler
    from service.status.cycle_counters import CycleCounters
    from service.status.live_feed import EventBroadcaster

PING_SECONDS = 3.0  # a scrape does not wait longer for the database


def load() -> Any:
    """Import what serves HTTP: it takes half a second, and is there for whoever asks again."""
    names = ("app", "server", "prometheus", "ports")
    return tuple(importlib.import_module(f"service.api.{name}") for name in names)


@asynccontextmanager
async def door(
    settings: Settings,
    monitors: Sequence[Monitor],
    *,
    pool: asyncpg.Pool,
    scheduler: Scheduler,
    vitals: CycleCounters,
    reporter: Reporter,
    feed: EventBroadcaster,
) -> AsyncIterator[str]:
    """Serve the HTTP door while the context lasts; gives the address that it is reached at."""
    application, server, prometheus, ports = await asyncio.to_thread(load)

    async def readiness() -> Any:
        checks = await readiness_checks(pool, scheduler.jobs, now())
        return ports.Readiness(all(text == "ok" for text in checks.values()), checks)

    async def scrape(accept: str) -> Any:
        try:
            round_trip: float | None = await asyncio.wait_for(PostgresStore(pool).ping(), PING_SECONDS)
        except (StoreError, TimeoutError):
            round_trip = None
        # Copies: the cycles go on while the text is written.
        copies = [replace(monitor) for monitor in vitals.monitors.values()]
        return await asyncio.to_thread(prometheus.exposition, copies, round_trip, accept)

    async def report(name: str, window: int) -> str:
        _, page = await reporter.report(name, window)
        return page

    reading = Reading(
        pool,
        {job.name: job for job in scheduler.jobs},
        {monitor.name: monitor.description for monitor in monitors},
    )
    callables = ports.Callables(
        monitors=reading.monitors,
        readiness=readiness,
        scrape=scrape,
        windows=partial(window_run.newest, pool),
        report=report,
        state=reading.state,
        series=reading.series,
        latest_window=reading.latest_window,
        measurements=reading.measurements,
        events=reading.events,
        distribution=reading.distribution,
        feed=feed,
    )
    app = await asyncio.to_thread(application.build, callables)
    async with (
        background(feed.broadcast(reading.state_and_numbers), name="feed"),
        server.serving(app, host=settings.http_host, port=settings.http_port) as address,
    ):
        try:
            yield address
        finally:
            feed.close()  # the server waits for open streams
