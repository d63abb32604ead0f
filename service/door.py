"""What the HTTP door opens on: its handlers' callables, made of the running parts."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from service.clock import now
from service.errors import StoreError
from service.readiness import readiness_checks, state_of
from service.store import query, runs
from service.store.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from service.reporting import Reporter
    from service.scheduler import Scheduler
    from service.settings import Settings
    from service.vitals import Vitals

PING_SECONDS = 3.0  # a scrape does not wait longer for the database
DEFAULT_PERIOD = timedelta(days=1)  # of measurements by HTTP


def load() -> Any:
    """Import what serves HTTP: it takes half a second, and is there for whoever asks again."""
    return tuple(importlib.import_module(f"service.api.{name}") for name in ("app", "server", "prometheus"))


@asynccontextmanager
async def door(
    settings: Settings, pool: asyncpg.Pool, scheduler: Scheduler, vitals: Vitals, reporter: Reporter
) -> AsyncIterator[str]:
    """Serve the HTTP door while the context lasts; gives the address that it is reached at."""
    application, server, prometheus = await asyncio.to_thread(load)

    async def readiness() -> Any:
        checks = await readiness_checks(pool, scheduler.jobs, now())
        return application.Readiness(all(text == "ok" for text in checks.values()), checks)

    async def measurements(*, since: datetime | None, **filters: Any) -> list[dict[str, Any]]:
        # Without a bound the newest rows could only be found by reading a monitor's whole history.
        after = since or datetime.now(UTC) - DEFAULT_PERIOD
        return [dict(row) for row in await query.measurements(pool, since=after, **filters)]

    async def scrape(accept: str) -> Any:
        try:
            round_trip: float | None = await asyncio.wait_for(PostgresStore(pool).ping(), PING_SECONDS)
        except (StoreError, TimeoutError):
            round_trip = None
        # Copies: the cycles go on while the text is written.
        monitors = [replace(monitor) for monitor in vitals.monitors.values()]
        return await asyncio.to_thread(prometheus.exposition, monitors, round_trip, accept)

    async def report(name: str, window: int) -> str:
        _, page = await reporter.report(name, window)
        return page

    callables = application.Callables(
        monitors=lambda: [state_of(job) for job in scheduler.jobs],
        readiness=readiness,
        measurements=measurements,
        scrape=scrape,
        windows=partial(runs.newest, pool),
        report=report,
    )
    app = await asyncio.to_thread(application.build, callables)
    async with server.serving(app, host=settings.http_host, port=settings.http_port) as address:
        yield address
