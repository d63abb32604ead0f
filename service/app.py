"""Which parts exist, in which order they are built, and that they are closed in reverse."""

from __future__ import annotations

import asyncio
import importlib
import signal
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from service.core import reference as references
from service.core.profile import of as profile_of
from service.core.record import Outcome
from service.cycle import Cycle, Watched, summary
from service.errors import StoreError
from service.executor import workers
from service.monitor import DummyConfig, DummyReference, FileReference, Monitor, ReplayConfig
from service.scheduler import Job, Ran, Scheduler
from service.sources.dummy import DummySource, reference_batch
from service.sources.replay import ReplayOptions, ReplaySource
from service.sources.table_file import read_rows
from service.store import query
from service.store.dummy import DummyTable
from service.store.embedded import EmbeddedServer
from service.store.migrate import migrate, migrations_folder, pending
from service.store.pool import open_pool
from service.store.postgres import PostgresStore
from service.store.retention import drop_older

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import asyncpg

    from service.core.batch import Batch
    from service.core.reference import Reference
    from service.executor import Compute
    from service.settings import Settings
    from service.sources.protocol import Source

log = structlog.get_logger(__name__)

MICROSECONDS = 1_000_000
DEFAULT_CYCLE_SECONDS = 10.0
RETENTION_SECONDS = 3_600.0
STALE_CYCLES = 3  # a monitor silent for this many intervals is not ready
STALE_FLOOR_SECONDS = 60.0


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
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(database(settings))
        applied = await migrate(pool, migrations_folder())
        log.info("database ready", embedded=settings.database_url is None, migrations_applied=len(applied))
        store = PostgresStore(pool)
        compute = await stack.enter_async_context(workers())
        scheduler = Scheduler(store, now=now, max_cycles=max_cycles)
        for monitor in monitors:
            watched = watch(monitor, pool, compute)
            stack.push_async_callback(watched.source.close)
            cycle = Cycle(watched, store, compute, now=now)
            scheduler.add(monitor.name, interval_of(monitor, settings), _logged(cycle))
        stack.push_async_callback(scheduler.stop)
        scheduler.start()
        address = await stack.enter_async_context(_door(settings, pool, scheduler))
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
    return Watched(
        name=monitor.name,
        schema=monitor.schema_,
        window=monitor.window.plan(),
        measures=monitor.measure_plan,
        source=_source(monitor, pool),
        load_reference=_reference_loader(monitor, compute),
    )


def _source(monitor: Monitor, pool: asyncpg.Pool) -> Source:
    config = monitor.source
    if isinstance(config, DummyConfig):
        return DummySource(DummyTable(pool), seed=config.seed, now=now)
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


def _reference_loader(monitor: Monitor, compute: Compute) -> Callable[[], Awaitable[Reference]]:
    config, schema = monitor.reference, monitor.schema_

    def load() -> Reference:
        if isinstance(config, DummyReference):
            seed = monitor.source.seed if isinstance(monitor.source, DummyConfig) else 0
            batch = reference_batch(config.rows, seed)
        else:
            batch = _reference_rows(config, monitor)
        return references.of(profile_of(batch, schema))

    async def in_worker() -> Reference:
        reference = await compute.run(load)
        log.info("reference ready", monitor=monitor.name, rows=reference.profile.rows)
        return reference

    return in_worker


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


def _logged(cycle: Cycle) -> Callable[[int], Awaitable[Ran]]:
    async def run_one(slot: int) -> Ran:
        report = await cycle.run(slot)
        milliseconds = (now() - report.record.started) / 1_000
        if report.committed:
            log.info("cycle", **summary(report), ms=round(milliseconds, 1))
        else:
            log.warning("cycle overtaken", hint="another service runs this monitor on the same database")
        done = report.take.exhausted and report.committed
        return Ran(report.record.outcome if report.committed else Outcome.SKIPPED, exhausted=done)

    return run_one


@asynccontextmanager
async def _door(settings: Settings, pool: asyncpg.Pool, scheduler: Scheduler) -> AsyncIterator[str]:
    # FastAPI takes half a second to import: cycles run meanwhile.
    application, server = await asyncio.to_thread(
        lambda: tuple(importlib.import_module(f"service.api.{name}") for name in ("app", "server"))
    )

    async def readiness() -> Any:
        checks = await _checks(pool, scheduler)
        return application.Readiness(all(text == "ok" for text in checks.values()), checks)

    async def measurements(**filters: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await query.measurements(pool, **filters)]

    callables = application.Callables(
        monitors=lambda: [_state(job) for job in scheduler.jobs],
        readiness=readiness,
        measurements=measurements,
    )
    app = application.build(callables)
    async with server.serving(app, host=settings.http_host, port=settings.http_port) as address:
        yield address


def _state(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "cycle_seconds": job.interval_seconds,
        "cycles": job.cycles,
        "failures_in_a_row": job.failures,
        "finished": job.finished.is_set(),
        "last_cycle": None if job.last_end is None else _iso(job.last_end),
    }


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant / MICROSECONDS, UTC).isoformat()


async def _checks(pool: asyncpg.Pool, scheduler: Scheduler) -> dict[str, str]:
    checks = {"database": "ok"}
    try:
        waiting = await pending(pool, migrations_folder())
        checks["migrations"] = "ok" if not waiting else f"{len(waiting)} not applied"
    except StoreError as error:
        checks = {"database": str(error)}
    for job in scheduler.jobs:
        checks[f"monitor {job.name}"] = _freshness(job)
    return checks


def _freshness(job: Job) -> str:
    if job.failures:
        return f"its last {job.failures} cycles failed"
    if job.last_end is None:
        return "no cycle yet"
    silent = (now() - job.last_end) / MICROSECONDS
    limit = max(STALE_FLOOR_SECONDS, STALE_CYCLES * job.interval_seconds)
    return "ok" if job.finished.is_set() or silent <= limit else f"silent for {silent:.0f} s"


async def _until_done(
    stop: asyncio.Event, scheduler: Scheduler, pool: asyncpg.Pool, settings: Settings
) -> None:
    tasks = [
        asyncio.create_task(stop.wait(), name="signal"),
        asyncio.create_task(scheduler.finished(), name="all monitors finished"),
        asyncio.create_task(_retain(pool, settings.retention_days), name="retention"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
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
