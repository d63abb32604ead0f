"""Which parts exist, in which order they are built, and that they are closed in reverse."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from service.core.cycle_record import Outcome
from service.cycle.cycle import Cycle
from service.cycle.log_summary import summary
from service.errors import StoreError
from service.reports.reporter import Reported, working
from service.runtime import gc_pause
from service.runtime.clock import now
from service.runtime.compute_threads import workers
from service.runtime.progress_bar import shown
from service.runtime.scheduler import CycleResult, Scheduler
from service.status.cycle_counters import CycleCounters
from service.status.live_feed import EventBroadcaster
from service.store.migrate import migrate, migrations_folder
from service.store.postgres import PostgresStore
from service.store.retention import drop_older
from service.webhook.delivery import delivering
from service.wiring import http, worker_process
from service.wiring.database import database
from service.wiring.monitor import watch
from service.wiring.reports import reporter_of
from service.worker.client import worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.core.cycle_record import CycleRecord
    from service.runtime.progress_bar import Told
    from service.status.cycle_counters import MonitorCounters

    Listener = Callable[[CycleRecord], None]  # told of every committed cycle

log = structlog.get_logger(__name__)

DEFAULT_CYCLE_SECONDS = 10.0
RETENTION_SECONDS = 3_600.0


async def run(settings: Settings, monitors: list[Monitor], *, max_cycles: int | None) -> int:
    """Run the service until a signal, or until every monitor has done its `max_cycles`.

    Returns the exit status: 0 after a clean stop, 1 where a monitor's last cycle failed.
    """
    stop, cycling = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log.info("starting", monitors=",".join(monitor.name for monitor in monitors))
    service = asyncio.create_task(_serve(settings, monitors, max_cycles, stop, cycling), name="service")
    signalled = asyncio.create_task(stop.wait(), name="signal")
    await asyncio.wait([service, signalled], return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if not cycling.is_set():
        service.cancel()  # still starting: there is no cycle to be finished
    try:
        return await service
    except asyncio.CancelledError:
        log.info("stopped before the first cycle")
        return 0


async def _serve(
    settings: Settings,
    monitors: list[Monitor],
    max_cycles: int | None,
    stop: asyncio.Event,
    cycling: asyncio.Event,
) -> int:
    async with AsyncExitStack() as stack:
        starting = stack.enter_context(ExitStack())
        starting.enter_context(gc_pause.postponed())
        # While the database starts, not while the first cycles run.
        imports = asyncio.create_task(asyncio.to_thread(http.load), name="import of the HTTP door")
        stack.push_async_callback(asyncio.wait, [imports])
        pool = await stack.enter_async_context(database(settings))
        applied = await migrate(pool, migrations_folder())
        log.info("database ready", embedded=settings.database_url is None, migrations_applied=len(applied))
        store = PostgresStore(pool, deliver_events=settings.webhook_url is not None)
        tell_of_events = await stack.enter_async_context(_webhook(settings, pool))
        compute = await stack.enter_async_context(workers())
        slowly = await stack.enter_async_context(worker(worker_process))
        feed = EventBroadcaster()
        vitals = CycleCounters([monitor.name for monitor in monitors], store, failed=feed.notify)
        scheduler = Scheduler(vitals, now=now, max_cycles=max_cycles)
        reported: dict[str, Reported] = {}
        reporter = reporter_of(
            settings, pool=pool, store=store, compute=compute, worker=slowly, monitors=reported
        )
        for monitor in monitors:
            watched = watch(monitor, pool, compute)
            stack.push_async_callback(watched.source.close)
            cycle = Cycle(watched, store, compute, now=now, worker=slowly)
            interval = interval_of(monitor, settings)
            reported[monitor.name] = Reported(monitor.schema_, monitor.description, cycle.reference)
            fared, listeners = vitals.monitors[monitor.name], (tell_of_events, reporter.after, feed.after)
            progress = None
            if not monitor.source.is_live and not interval:  # timed cycles are not waited for
                progress = stack.enter_context(shown(f"replaying {monitor.name}"))
            scheduler.add(monitor.name, interval, _logged(cycle, fared, listeners, progress))
        await stack.enter_async_context(working(reporter))
        stack.push_async_callback(scheduler.stop)
        scheduler.start()
        cycling.set()
        opened = http.door(
            settings, monitors, pool=pool, scheduler=scheduler, vitals=vitals, reporter=reporter, feed=feed
        )
        address = await stack.enter_async_context(opened)
        starting.close()
        log.info("watching", monitors=",".join(m.name for m in monitors), http=address)
        await _until_done(stop, scheduler, pool, settings)
        await scheduler.stop()
        log.info("stopped", cycles=sum(job.cycles for job in scheduler.jobs))
        return 1 if any(job.failures for job in scheduler.jobs) else 0


def interval_of(monitor: Monitor, settings: Settings) -> float:
    """Return a monitor's seconds from cycle to cycle: the environment's, else its own, else the default."""
    for seconds in (settings.cycle_seconds, monitor.cycle_seconds):
        if seconds is not None:
            return seconds
    return DEFAULT_CYCLE_SECONDS


@asynccontextmanager
async def _webhook(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Listener]:
    url, secret = settings.webhook_url, settings.webhook_secret
    if url is None or secret is None:
        yield lambda _: None
        return
    async with delivering(pool, url.get_secret_value(), secret.get_secret_value(), now=now) as postman:
        yield lambda record: postman.wake() if record.events else None


def _logged(
    cycle: Cycle, fared: MonitorCounters, listeners: Sequence[Listener], progress: Told | None
) -> Callable[[int], Awaitable[CycleResult]]:
    async def run_one(slot: int) -> CycleResult:
        report = await cycle.run(slot)
        if report.committed:
            fared.committed(report.record, at=now(), seconds=report.seconds)
            for told in listeners:
                told(report.record)
            if progress is not None and report.take.progress is not None:
                progress(report.take.progress)
            log.info("cycle", **summary(report), ms=round(report.seconds * 1_000, 1))
        else:
            log.warning("cycle overtaken", hint="another service runs this monitor on the same database")
        outcome = report.record.outcome if report.committed else Outcome.SKIPPED
        return CycleResult(outcome, exhausted=report.done, waiting=not report.moved)

    return run_one


async def _until_done(
    stop: asyncio.Event, scheduler: Scheduler, pool: asyncpg.Pool, settings: Settings
) -> None:
    tasks = [
        asyncio.create_task(stop.wait(), name="signal"),
        asyncio.create_task(scheduler.finished(), name="all monitors finished"),
        asyncio.create_task(_retain(pool, settings.retention_days), name="retention"),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # what failed is not a clean stop
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _retain(pool: asyncpg.Pool, days: int | None) -> None:
    while days is not None:
        try:
            await drop_older(pool, days)
        except StoreError as error:
            log.warning("retention failed", error=str(error), retry_seconds=RETENTION_SECONDS)
        await asyncio.sleep(RETENTION_SECONDS)
    await asyncio.Event().wait()
