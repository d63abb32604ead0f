"""Build each monitor's cycles and hand them to the scheduler."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from service.cycle.cycle import Cycle
from service.cycle.log_summary import summary
from service.reports.reporter import ReportedMonitor
from service.runtime.clock import now
from service.runtime.progress_bar import shown
from service.runtime.scheduler import CycleResult
from service.wiring.hash_key import hash_key
from service.wiring.monitor import build_monitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.core.cycle_record import CycleRecord
    from service.core.worker_call import Worker
    from service.runtime.compute_threads import Compute
    from service.runtime.progress_bar import ReportShare
    from service.runtime.scheduler import Scheduler
    from service.sources.protocol import Source
    from service.status.cycle_counters import CycleCounters, MonitorCounters
    from service.store.postgres import PostgresStore

    Listener = Callable[[CycleRecord], None]  # is called with every committed cycle

log = structlog.get_logger(__name__)

DEFAULT_CYCLE_SECONDS = 10.0
CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CycleParts:
    """What all monitors' cycles share; `listeners` are called with every committed cycle."""

    pool: asyncpg.Pool
    store: PostgresStore
    compute: Compute
    worker: Worker
    counters: CycleCounters
    listeners: Sequence[Listener]


@asynccontextmanager
async def monitor_cycles(
    settings: Settings,
    monitors: Sequence[Monitor],
    scheduler: Scheduler,
    reported: dict[str, ReportedMonitor],
    parts: CycleParts,
) -> AsyncIterator[None]:
    """Add every monitor's cycles to the scheduler and to `reported`; close the sources at the end."""
    async with AsyncExitStack() as stack:
        for monitor in monitors:
            plan = build_monitor(monitor, parts.pool, parts.compute, lambda: hash_key(settings))
            stack.push_async_callback(_close, monitor.name, plan.source)
            cycle = Cycle(plan, parts.store, parts.compute, now=now, worker=parts.worker)
            reported[monitor.name] = ReportedMonitor(monitor.schema_, monitor.description, cycle.reference)
            interval = interval_of(monitor, settings)
            progress = None
            if not monitor.source.is_live and not interval:  # nobody waits for timed cycles
                progress = stack.enter_context(shown(f"replaying {monitor.name}"))
            counters = parts.counters.monitors[monitor.name]
            scheduler.add(monitor.name, interval, _run_one(cycle, counters, parts.listeners, progress))
        yield


async def _close(monitor: str, source: Source) -> None:
    try:
        await asyncio.wait_for(source.close(), CLOSE_SECONDS)
    except TimeoutError:  # a thread still reads: it ends with the process
        log.warning("source not closed", monitor=monitor, seconds=CLOSE_SECONDS)


def interval_of(monitor: Monitor, settings: Settings) -> float:
    """Return a monitor's seconds from cycle to cycle: the environment's, else its own, else the default."""
    for seconds in (settings.cycle_seconds, monitor.cycle_seconds):
        if seconds is not None:
            return seconds
    return DEFAULT_CYCLE_SECONDS


def _run_one(
    cycle: Cycle, counters: MonitorCounters, listeners: Sequence[Listener], progress: ReportShare | None
) -> Callable[[int], Awaitable[CycleResult]]:
    async def run_one(slot: int) -> CycleResult:
        report = await cycle.run(slot)
        if report.committed:
            counters.committed(report.record, at=now(), seconds=report.seconds)
            for listener in listeners:
                listener(report.record)
            if progress is not None and report.take.progress is not None:
                progress(report.take.progress)
            log.info("cycle", **summary(report), ms=round(report.seconds * 1_000, 1))
        else:
            log.warning("cycle overtaken", hint="another service runs this monitor on the same database")
        return CycleResult(exhausted=report.done, waiting=not report.moved)

    return run_one
