"""Wire the running parts into the HTTP API and serve it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from service.errors import StoreError
from service.runtime.background_task import background
from service.runtime.clock import now
from service.status.queries import StatusQueries
from service.status.readiness import OK, readiness_checks
from service.store.tables import window_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    import asyncpg
    from fastapi import FastAPI

    from service.api.ports import Callables, Readiness
    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.reports.reporter import Reporter
    from service.runtime.scheduler import Scheduler
    from service.status.cycle_counters import CycleCounters, MonitorCounters
    from service.status.live_feed import EventBroadcaster
    from service.store.postgres import PostgresStore

PING_SECONDS = 3.0  # a scrape does not wait longer for the database


@dataclass(frozen=True, slots=True)
class Api:
    """What serves HTTP, imported when it is needed; see `load`."""

    build: Callable[[Callables], FastAPI]
    serving: Callable[..., AbstractAsyncContextManager[str]]
    exposition: Callable[[Sequence[MonitorCounters], float | None, str], tuple[bytes, str]]
    callables: type[Callables]
    readiness: type[Readiness]


def load() -> Api:
    """Import what serves HTTP: that takes half a second, and is done once."""
    from service.api.app import build  # noqa: PLC0415 - see above
    from service.api.ports import Callables, Readiness  # noqa: PLC0415
    from service.api.prometheus import exposition  # noqa: PLC0415
    from service.api.server import serving  # noqa: PLC0415

    return Api(build, serving, exposition, Callables, Readiness)


@dataclass(frozen=True, slots=True)
class RunningParts:
    """What the API answers from."""

    pool: asyncpg.Pool
    store: PostgresStore
    scheduler: Scheduler
    counters: CycleCounters
    reporter: Reporter
    broadcaster: EventBroadcaster


@asynccontextmanager
async def serve_http(
    settings: Settings, monitors: Sequence[Monitor], parts: RunningParts
) -> AsyncIterator[str]:
    """Serve the HTTP API while the context lasts; yields its address."""
    api = await asyncio.to_thread(load)
    queries = StatusQueries(
        parts.pool,
        {job.name: job for job in parts.scheduler.jobs},
        {monitor.name: monitor.description for monitor in monitors},
    )
    app = await asyncio.to_thread(api.build, _callables(api, parts, queries))
    async with (
        background(parts.broadcaster.broadcast(queries.state_and_window), name="live stream"),
        api.serving(app, host=settings.http_host, port=settings.http_port) as address,
    ):
        try:
            yield address
        finally:
            parts.broadcaster.close()  # the server waits for open streams


def _callables(api: Api, parts: RunningParts, queries: StatusQueries) -> Callables:
    async def readiness() -> Readiness:
        checks = await readiness_checks(parts.pool, parts.scheduler.jobs, now())
        return api.readiness(all(text == OK for text in checks.values()), checks)

    async def scrape(accept: str) -> tuple[bytes, str]:
        try:
            round_trip: float | None = await asyncio.wait_for(parts.store.ping(), PING_SECONDS)
        except (StoreError, TimeoutError):
            round_trip = None
        # Copies: the cycles go on while the text is written.
        copies = [replace(monitor) for monitor in parts.counters.monitors.values()]
        return await asyncio.to_thread(api.exposition, copies, round_trip, accept)

    async def report(monitor: str, window: int) -> str:
        _, page = await parts.reporter.report(monitor, window)
        return page

    return api.callables(
        queries=queries,
        readiness=readiness,
        scrape=scrape,
        windows=partial(window_run.newest, parts.pool),
        report=report,
        broadcaster=parts.broadcaster,
    )
