"""Wire the running parts into the HTTP API and serve it.

Takes half a second to import: `service/wiring/http.py` does that beside the start.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from service.api.app import build
from service.api.ports import Callables, Readiness
from service.api.prometheus import NotTaken, exposition
from service.api.server import serving
from service.errors import StoreError
from service.runtime.background_task import background
from service.runtime.clock import now
from service.status.queries import StatusQueries
from service.status.readiness import is_ok, readiness_checks
from service.store.tables import window_run
from service.wiring.http.access import tls_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.config.settings import Settings
    from service.wiring.http.running_parts import RunningParts

PING_SECONDS = 3.0  # a scrape does not wait longer for the database


@asynccontextmanager
async def serve_api(settings: Settings, parts: RunningParts) -> AsyncIterator[str]:
    """Serve the HTTP API while the context lasts; yields its address."""
    queries = StatusQueries(
        parts.pool,
        parts.index.jobs,
        parts.index.descriptions,
        parts.index.columns,
        parts.index.faults,
        parts.index.declared,
        parts.index.holders,
    )
    app = await asyncio.to_thread(build, _callables(settings, parts, queries))
    async with (
        background(parts.broadcaster.broadcast(queries.state_and_window), name="live stream"),
        serving(
            app,
            host=settings.http_host,
            port=settings.http_port,
            tls=tls_files(settings),
            own_port=own_port(settings, parts.worker),
        ) as address,
    ):
        try:
            yield address
        finally:
            parts.broadcaster.close()  # the server waits for open streams


def own_port(settings: Settings, worker: int | None) -> int | None:
    """Return the port of a worker's own: that of all of them plus its number; None for a process alone."""
    return None if worker is None else settings.http_port + worker


def _callables(settings: Settings, parts: RunningParts, queries: StatusQueries) -> Callables:
    async def readiness() -> Readiness:
        checks = await readiness_checks(parts.pool, parts.scheduler.jobs, now())
        checks |= {f"file {key}": fault for key, fault in parts.index.faults.items()}
        checks |= {f"file {key}": fault for key, fault in parts.index.refused.items()}
        checks |= {f"source of {key}": reason for key, reason in parts.index.hindered.items()}
        late = asyncio.get_running_loop().time() - 2 * settings.lease_seconds
        checks |= {
            f"monitor {name}": "no replica measures it"
            for name, at in parts.index.unheld.items()
            if at < late
        }
        return Readiness(all(map(is_ok, checks.values())), checks, dict(parts.index.replicas))

    async def scrape(accept: str, visible: frozenset[str] | None) -> tuple[bytes, str]:
        try:
            round_trip: float | None = await asyncio.wait_for(parts.store.ping(), PING_SECONDS)
        except (StoreError, TimeoutError):
            round_trip = None
        # Copies: the cycles go on while the text is written.
        copies = [
            replace(monitor)
            for name, monitor in parts.counters.monitors.items()
            if visible is None or name in visible
        ]
        events = parts.intake.events
        not_taken = NotTaken(events.unrouted, dict(events.refused)) if visible is None else NotTaken()
        return await asyncio.to_thread(
            exposition,
            copies,
            round_trip,
            parts.intake.spool_level(),
            now(),
            accept,
            not_taken=not_taken,
        )

    async def report(monitor: str, window: int) -> str:
        _, page = await parts.reporter.report(monitor, window)
        return page

    return Callables(
        queries=queries,
        readiness=readiness,
        scrape=scrape,
        windows=partial(window_run.newest, parts.pool),
        report=report,
        report_status=parts.reporter.status,
        refused=lambda: {**parts.index.refused, **parts.index.faults},
        broadcaster=parts.broadcaster,
        intake=parts.intake,
        monitors=parts.sent_monitors,
        gate=parts.gate,
    )
