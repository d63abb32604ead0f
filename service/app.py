"""Which parts exist, in which order they are built, and that they are closed in reverse."""

from __future__ import annotations

import asyncio
import importlib
import signal
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from service import monitor_file
from service.core import reference as references
from service.core.record import Outcome
from service.cycle import Cycle, Watched, summary
from service.errors import ConfigurationError, StoreError, TidegaugeError
from service.executor import workers
from service.monitor import DummyConfig, DummyReference, FileReference, Monitor, ReplayConfig
from service.readiness import readiness_checks, state_of
from service.scheduler import Ran, Scheduler
from service.sources.dummy import DummySource, reference_batch
from service.sources.replay import ReplayOptions, ReplaySource
from service.sources.table_file import read_rows
from service.store import query
from service.store.calibrations import CalibrationTable
from service.store.dummy import DummyTable
from service.store.embedded import EmbeddedServer
from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool
from service.store.postgres import PostgresStore
from service.store.retention import drop_older
from service.thresholds import Thresholds
from service.vitals import Vitals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import asyncpg

    from service.core.batch import Batch
    from service.core.reference import Reference
    from service.executor import Compute
    from service.settings import Settings
    from service.sources.protocol import Source
    from service.vitals import MonitorVitals

log = structlog.get_logger(__name__)

MICROSECONDS = 1_000_000
DEFAULT_CYCLE_SECONDS = 10.0
RETENTION_SECONDS = 3_600.0
PING_SECONDS = 3.0  # a scrape does not wait longer for the database
DEFAULT_PERIOD = timedelta(days=1)  # of measurements by HTTP


def now() -> int:
    """Return the wall clock in UTC microseconds."""
    return time.time_ns() // 1_000


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool on the database of the settings, or on the embedded server, started where it must."""
    async with AsyncExitStack() as stack:
        if settings.database_url is None:
            server = await stack.enter_async_context(EmbeddedServer(settings.data_dir))
            dsn = server.dsn
        else:
            dsn = settings.database_url.get_secret_value()
        pool = await open_pool(dsn)
        stack.push_async_callback(pool.close)
        yield pool


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
        pool = await stack.enter_async_context(database(settings))
        applied = await migrate(pool, migrations_folder())
        log.info("database ready", embedded=settings.database_url is None, migrations_applied=len(applied))
        store = PostgresStore(pool)
        compute = await stack.enter_async_context(workers())
        vitals = Vitals([monitor.name for monitor in monitors], store)
        scheduler = Scheduler(vitals, now=now, max_cycles=max_cycles)
        for monitor in monitors:
            watched = watch(monitor, pool, compute)
            stack.push_async_callback(watched.source.close)
            cycle = Cycle(watched, store, compute, now=now)
            run_one = _logged(cycle, vitals.monitors[monitor.name])
            scheduler.add(monitor.name, interval_of(monitor, settings), run_one)
        stack.push_async_callback(scheduler.stop)
        scheduler.start()
        cycling.set()
        address = await stack.enter_async_context(_door(settings, pool, scheduler, vitals))
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


def watch(monitor: Monitor, pool: asyncpg.Pool, compute: Compute) -> Watched:
    """Build a monitor's source and the loader of its reference; nothing is read yet."""
    load_rows = _reference_rows_loader(monitor, compute)
    return Watched(
        name=monitor.name,
        schema=monitor.schema_,
        window=monitor.window.plan(),
        measures=monitor.measure_plan,
        alarm=monitor.alarm.plan(),
        source=_source(monitor, pool),
        load_reference=_reference_loader(monitor, load_rows, compute),
        thresholds=_thresholds(monitor, load_rows, pool, compute),
    )


def _source(monitor: Monitor, pool: asyncpg.Pool) -> Source:
    config = monitor.source
    if isinstance(config, DummyConfig):
        return DummySource(DummyTable(pool, monitor.name), seed=config.seed, now=now)
    return ReplaySource(_replay_options(config, monitor.window.offset), monitor.schema_)


def _replay_options(config: ReplayConfig, offset: int) -> ReplayOptions:
    return ReplayOptions(
        path=Path(config.path),
        timestamp=config.timestamp,
        step_us=config.step,
        rows=config.rows,
        offset_us=offset,
        start=_instant(config.start),
        end=_instant(config.end),
    )


def _reference_rows_loader(monitor: Monitor, compute: Compute) -> Callable[[], Awaitable[Batch]]:
    config = monitor.reference

    def load() -> Batch:
        if isinstance(config, DummyReference):
            seed = monitor.source.seed if isinstance(monitor.source, DummyConfig) else 0
            return reference_batch(config.rows, seed)
        return _reference_rows(config, monitor)

    return lambda: compute.run(load)


def _reference_loader(
    monitor: Monitor, load_rows: Callable[[], Awaitable[Batch]], compute: Compute
) -> Callable[[], Awaitable[Reference]]:
    async def load() -> Reference:
        batch = await load_rows()
        reference = await compute.run(lambda: references.of(batch, monitor.schema_))
        log.info("reference ready", monitor=monitor.name, rows=reference.profile.rows)
        return reference

    return load


def _thresholds(
    monitor: Monitor, load_rows: Callable[[], Awaitable[Batch]], pool: asyncpg.Pool, compute: Compute
) -> Thresholds | None:
    if monitor.drift.thresholds != "calibrated":
        return None
    return Thresholds(
        monitor.schema_.compared,
        monitor.measure_plan.drift,
        rate=monitor.drift.false_alarm_rate,
        blocks=monitor.drift.blocks,
        min_rows=monitor.window.min_rows,
        load_rows=load_rows,
        kept=CalibrationTable(pool, monitor.name),
        compute=compute,
    )


def _reference_rows(config: FileReference, monitor: Monitor) -> Batch:
    replay = monitor.source if isinstance(monitor.source, ReplayConfig) else None
    path = config.path or (replay.path if replay else "")
    return read_rows(
        Path(path),
        monitor.schema_,
        timestamp=replay.timestamp if replay else None,
        start=_instant(config.start),
        end=_instant(config.end),
    )


def _instant(when: datetime | None) -> int | None:
    return None if when is None else round(when.timestamp() * MICROSECONDS)


def _logged(cycle: Cycle, vitals: MonitorVitals) -> Callable[[int], Awaitable[Ran]]:
    async def run_one(slot: int) -> Ran:
        report = await cycle.run(slot)
        ended = now()
        milliseconds = (ended - report.record.started) / 1_000
        if report.committed:
            vitals.committed(report.record, at=ended)
            log.info("cycle", **summary(report), ms=round(milliseconds, 1))
        else:
            log.warning("cycle overtaken", hint="another service runs this monitor on the same database")
        done = report.take.exhausted and report.committed
        outcome = report.record.outcome if report.committed else Outcome.SKIPPED
        return Ran(outcome, exhausted=done, waiting=not report.moved)

    return run_one


@asynccontextmanager
async def _door(
    settings: Settings, pool: asyncpg.Pool, scheduler: Scheduler, vitals: Vitals
) -> AsyncIterator[str]:
    # FastAPI takes half a second to import: cycles run meanwhile.
    names = ("app", "server", "prometheus")
    application, server, prometheus = await asyncio.to_thread(
        lambda: tuple(importlib.import_module(f"service.api.{name}") for name in names)
    )

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

    callables = application.Callables(
        monitors=lambda: [state_of(job) for job in scheduler.jobs],
        readiness=readiness,
        measurements=measurements,
        scrape=scrape,
    )
    app = await asyncio.to_thread(application.build, callables)
    async with server.serving(app, host=settings.http_host, port=settings.http_port) as address:
        yield address


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


async def migrate_database(settings: Settings) -> list[str]:
    """Bring the schema up to date; return the names of the migrations that were applied."""
    async with database(settings) as pool:
        return await migrate(pool, migrations_folder())


async def measurements(settings: Settings, **filters: Any) -> list[asyncpg.Record]:
    """Return rows of the view `metrics`; see `store.query` for the filters."""
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        return await query.measurements(pool, **filters)


async def check(settings: Settings) -> list[str]:
    """Return everything that would keep the service from working, a line each: monitors, files, database."""
    faults: list[str] = []
    try:
        monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    except ConfigurationError as error:
        faults, monitors = str(error).splitlines(), []
    try:
        async with database(settings) as pool, workers() as compute:
            await migrate(pool, migrations_folder())
            for monitor in monitors:
                faults += await _data_faults(monitor, pool, compute)
    except (StoreError, OSError) as error:
        faults.append(f"database: {error}")
    return faults


async def _data_faults(monitor: Monitor, pool: asyncpg.Pool, compute: Compute) -> list[str]:
    watched, load_rows = watch(monitor, pool, compute), _reference_rows_loader(monitor, compute)
    faults: list[str] = []
    if isinstance(monitor.source, ReplayConfig):  # a dummy's take would append a row
        try:
            batch = (await watched.source.take(None)).batch
            faults += _absent(monitor, batch, "source") if batch.rows else []
        except TidegaugeError as error:
            faults.append(f"{monitor.name}: source: {error}")
    try:
        faults += _absent(monitor, await load_rows(), "reference")
    except TidegaugeError as error:
        faults.append(f"{monitor.name}: reference: {error}")
    await watched.source.close()
    return faults


def _absent(monitor: Monitor, batch: Batch, where: str) -> list[str]:
    missing = [name for name in monitor.schema_.names if name not in batch.columns]
    return [f"{monitor.name}: {where}: it has no column {name!r}" for name in missing]
