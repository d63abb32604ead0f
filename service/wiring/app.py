"""Run the service: which parts there are, in which order they start, closed in reverse."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.config.sent_monitor_copy import read_copy
from service.runtime import gc_pause
from service.runtime.background_task import background
from service.runtime.clock import now
from service.runtime.compute_threads import workers
from service.runtime.scheduler import Scheduler
from service.status.cycle_counters import CycleCounters
from service.status.live_feed import EventBroadcaster
from service.store.migrate import migrate, migrations_folder
from service.store.postgres import PostgresStore
from service.store.retention import RETENTION
from service.store.rights import check_rights
from service.store.tables.monitors import monitor as monitor_table
from service.store.tables.webhook_outbox import WEBHOOK
from service.wiring import worker_process
from service.wiring.database import patiently, pool_on, server_of
from service.wiring.early.start import early_intake
from service.wiring.http import serving
from service.wiring.http.access import gate
from service.wiring.http.running_parts import RunningParts
from service.wiring.inbox.intake import intake
from service.wiring.inbox.refusable import RefusableReceivers
from service.wiring.leases.elsewhere import Elsewhere
from service.wiring.leases.held import held_leases, lease_keeper
from service.wiring.leases.hindrances import Hindrances
from service.wiring.lock_watch import lock_watch
from service.wiring.monitor_cycles import CycleParts, MonitorCycles, monitor_cycles
from service.wiring.monitor_index import MonitorIndex
from service.wiring.reload import Reload, reload_files
from service.wiring.reports import StoredWindows, build_reporter
from service.wiring.retention import retention
from service.wiring.sent.monitors import SentMonitors, with_sent
from service.wiring.stop_signals import ending_with_parent, stop_signals
from service.wiring.webhook import webhook
from service.worker.client import worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.runtime.job import Job
    from service.wiring.leases.keeper import LeaseKeeper

log = structlog.get_logger(__name__)


async def run(
    settings: Settings, monitors: list[Monitor], *, max_cycles: int | None, worker: int | None = None
) -> int:
    """Run the service until a signal, or until every monitor has done its `max_cycles`.

    `worker` is the number of one of several processes that `tidegauge run --workers` runs.

    Returns the exit status: 0 after a clean stop, 1 where a monitor's last cycle failed.
    """
    stop, cycling = asyncio.Event(), asyncio.Event()
    log.info("starting", monitors=",".join(monitor.name for monitor in monitors))
    with stop_signals(stop), ending_with_parent(worker):
        service = asyncio.create_task(
            _serve(settings, monitors, max_cycles, stop, cycling, worker_number=worker), name="service"
        )
        signalled = asyncio.create_task(stop.wait(), name="signal")
        await asyncio.wait([service, signalled], return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        if not cycling.is_set():
            service.cancel()  # still starting: there is no cycle to finish
        try:
            jobs = await service
        except asyncio.CancelledError:
            log.info("stopped before the first cycle")
            return 0
        log.info("stopped", cycles=sum(job.cycles for job in jobs))
        return 1 if any(job.failures for job in jobs) else 0


async def _serve(
    settings: Settings,
    monitors: list[Monitor],
    max_cycles: int | None,
    stop: asyncio.Event,
    cycling: asyncio.Event,
    *,
    worker_number: int | None,
) -> list[Job]:
    """Run until `stop` or until every monitor is done; return the monitors' jobs, everything closed."""
    index = MonitorIndex()
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        starting = stack.enter_context(ExitStack())
        starting.enter_context(gc_pause.postponed())
        await enter(_http_imported_meanwhile())
        dsn, pool, monitors = await _reached(stack, settings, monitors, worker_number)

        leases = await enter(lease_keeper(settings, dsn))
        leases.further_pools = (pool,)
        store = PostgresStore(pool, deliver_events=settings.webhook_url is not None, fences=leases)
        compute = await enter(workers())
        calls = await enter(worker(worker_process))
        broadcaster = EventBroadcaster()
        counters = CycleCounters((), store, failed=broadcaster.notify)
        scheduler = Scheduler(counters, now=now, grid_now=leases.now, max_cycles=max_cycles)
        windows = StoredWindows(pool, store, compute)
        reporter = build_reporter(settings, windows, calls, index.reported)

        wake_webhook = await enter(webhook(settings, pool, partial(leases.duty, WEBHOOK)))
        listeners = (wake_webhook, reporter.after, broadcaster.after)
        cycle_parts = CycleParts(
            pool, store, compute, calls, counters, listeners, leases, lost=leases.wake, changed=leases.wake
        )
        cycles = MonitorCycles(settings, scheduler, cycle_parts, index)
        await enter(monitor_cycles(cycles, monitors))
        await enter(background(reporter.work(), name="reports"))
        await enter(
            retention(
                pool,
                settings.retention_days,
                index.panes_behind,
                fences=leases,
                duty=partial(leases.duty, RETENTION),
            )
        )
        await enter(lock_watch(pool))
        taking_in = await enter(intake(settings, pool, RefusableReceivers(index.receivers, index.refused)))
        leases.noticed = partial(_follow, Elsewhere(pool, index, broadcaster), leases)
        hindrances = Hindrances(lambda: cycles.monitors, leases.wake)
        await hindrances.first()
        leases.hindrances = lambda: hindrances.found
        await enter(background(hindrances.work(), name="hindrances"))
        await enter(held_leases(leases, cycles))
        await enter(_cycling(scheduler, cycling, leases))
        admitting = await enter(gate(settings, pool))
        reload = Reload(settings, cycles, pool, broadcaster)
        sent = SentMonitors(settings, pool, cycles, reload) if settings.sent_monitors else None
        http_parts = RunningParts(
            pool,
            store,
            scheduler,
            counters,
            reporter,
            index,
            broadcaster,
            taking_in,
            sent,
            admitting,
            worker_number,
        )
        address = await enter(serving.serve_http(settings, http_parts))
        leases.set_address(address)
        await enter(reload_files(reload, hung_up=stop.set))

        starting.close()
        log.info("watching", monitors=",".join(monitor.name for monitor in monitors), http=address)
        await _until_done(stop, scheduler)
    return scheduler.jobs


class _Reached(NamedTuple):
    """A database that was reached, and the monitors, those included that it keeps."""

    dsn: str
    pool: asyncpg.Pool
    monitors: list[Monitor]


async def _reached(
    stack: AsyncExitStack, settings: Settings, monitors: list[Monitor], worker_number: int | None
) -> _Reached:
    """Start or reach the database, and migrate it; rows are taken to the disk meanwhile."""
    known = await asyncio.to_thread(read_copy, settings.data_dir, monitors)
    dsn = await stack.enter_async_context(server_of(settings))
    async with early_intake(settings, known, worker_number) as patience:
        pool = await stack.enter_async_context(pool_on(dsn, settings, wait_seconds=patience))
        applied, monitors = await patiently(lambda: _prepared(pool, settings, monitors), patience)
    log.info("database ready", embedded=settings.database_url is None, migrations_applied=len(applied))
    return _Reached(dsn, pool, monitors)


async def _prepared(
    pool: asyncpg.Pool, settings: Settings, monitors: list[Monitor]
) -> tuple[list[str], list[Monitor]]:
    applied = await migrate(pool, migrations_folder())
    await check_rights(pool)
    known = await with_sent(settings, pool, monitors)
    await monitor_table.set_defined(pool, [monitor.name for monitor in known])
    return applied, known


async def _follow(elsewhere: Elsewhere, leases: LeaseKeeper) -> None:
    await elsewhere.follow(leases.seen, leases.part, skew_us=leases.skew_us, hindrances=leases.hindrances())


@asynccontextmanager
async def _http_imported_meanwhile() -> AsyncIterator[None]:
    """Import what serves HTTP while the database starts, not while the first cycles run."""
    imports = asyncio.create_task(asyncio.to_thread(serving.load), name="import of the HTTP API")
    try:
        yield
    finally:
        await asyncio.wait([imports])


@asynccontextmanager
async def _cycling(scheduler: Scheduler, cycling: asyncio.Event, leases: LeaseKeeper) -> AsyncIterator[None]:
    """Run the cycles while the context lasts, and finish the running ones."""
    scheduler.start()
    cycling.set()
    try:
        yield
    finally:
        leases.begin_to_leave()
        await scheduler.stop()


async def _until_done(stop: asyncio.Event, scheduler: Scheduler) -> None:
    waits = [
        asyncio.create_task(stop.wait(), name="signal"),
        asyncio.create_task(scheduler.finished(), name="all monitors finished"),
    ]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a failure here is no clean stop
    finally:
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
