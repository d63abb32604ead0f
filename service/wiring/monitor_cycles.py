"""Build each monitor's cycles, hand them to the scheduler, and change them while the service runs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from service.cycle.cycle import Cycle
from service.cycle.log_summary import summary
from service.errors import NotYetError
from service.reports.reporter import ReportedMonitor
from service.runtime.clock import now
from service.runtime.progress_bar import shown
from service.runtime.scheduler import CycleResult
from service.wiring.declared_names import declared_names
from service.wiring.hash_key import hash_key
from service.wiring.monitor import build_monitor, build_receiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.core.cycle_record import CycleRecord
    from service.core.worker_call import Worker
    from service.runtime.compute_threads import Compute
    from service.runtime.progress_bar import ReportShare
    from service.runtime.scheduler import Job, Scheduler
    from service.sources.protocol import Receiver, Source
    from service.status.cycle_counters import CycleCounters, MonitorCounters
    from service.status.known_names import DeclaredNames
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


@dataclass(slots=True)
class _Running:
    monitor: Monitor
    job: Job
    open: AsyncExitStack  # its source, and its progress bar


@dataclass(slots=True)
class MonitorIndex:
    """The monitors that run now, for those who answer questions about them; all by their names.

    - `jobs`: their cycles
    - `descriptions`: of their files
    - `columns`: those that they watch
    - `declared`: the names of what their files make them measure
    - `reported`: what a report needs
    - `panes_behind`: how many panes before a window the reference has, of those that have a bound
    - `receivers`: what reads the rows that are sent, of those to which rows can be sent
    - `faults`: why an edited file was refused
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    declared: dict[str, Callable[[], DeclaredNames]] = field(default_factory=dict)
    reported: dict[str, ReportedMonitor] = field(default_factory=dict)
    panes_behind: dict[str, int] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


class MonitorCycles:
    """The monitors that run; they can be started, replaced and stopped at any time, one after the other."""

    def __init__(
        self, settings: Settings, scheduler: Scheduler, parts: CycleParts, index: MonitorIndex
    ) -> None:
        self._settings = settings
        self._scheduler = scheduler
        self._parts = parts
        self._running: dict[str, _Running] = {}
        self.index = index

    @property
    def monitors(self) -> dict[str, Monitor]:
        """The monitors that run, by name."""
        return {name: running.monitor for name, running in self._running.items()}

    async def start(self, monitor: Monitor) -> None:
        """Start a monitor's cycles; nothing of it is read yet."""
        async with AsyncExitStack() as stack:
            cycle, progress = await self._build(monitor, stack)
            counters = self._parts.counters.add(monitor.name)
            run = _run_one(cycle, counters, self._parts.listeners, progress)
            job = self._scheduler.add(monitor.name, interval_of(monitor, self._settings), run)
            self._keep(monitor, job, cycle, stack.pop_all())

    async def try_out(self, monitor: Monitor) -> None:
        """Read what a monitor needs, as where an edit is tried, and run nothing. Raises TidegaugeError."""
        async with AsyncExitStack() as stack:
            await self._build(monitor, stack, try_first=True)

    async def replace(self, monitor: Monitor, *, try_first: bool = True) -> None:
        """Run a monitor by its edited file, once its running cycle has ended.

        With `try_first` its reference and its first rows are read before: where that fails the cycles go on
        by the earlier file, and TidegaugeError is raised.
        """
        running = self._running[monitor.name]
        async with AsyncExitStack() as stack:
            cycle, progress = await self._build(monitor, stack, try_first=try_first)
            counters = self._parts.counters.monitors[monitor.name]
            run = _run_one(cycle, counters, self._parts.listeners, progress)
            job = await self._scheduler.replace(running.job, interval_of(monitor, self._settings), run)
            self._keep(monitor, job, cycle, stack.pop_all())
        await running.open.aclose()

    async def restart(self, name: str) -> None:
        """Run a monitor's cycles again from what is stored."""
        await self.replace(self._running[name].monitor, try_first=False)

    async def stop(self, name: str) -> None:
        """End a monitor's cycles, once its running one has ended, and forget the monitor."""
        running = self._running[name]
        await self._scheduler.remove(running.job)
        del self._running[name]
        index = self.index
        for by_name in (index.jobs, index.descriptions, index.columns, index.declared, index.reported):
            by_name.pop(name, None)
        index.panes_behind.pop(name, None)
        index.receivers.pop(name, None)
        index.faults.pop(name, None)
        self._parts.counters.discard(name)
        await running.open.aclose()

    async def close(self) -> None:
        """Close every monitor's source; no cycle runs any more."""
        for running in self._running.values():
            await running.open.aclose()

    async def _build(
        self, monitor: Monitor, stack: AsyncExitStack, *, try_first: bool = False
    ) -> tuple[Cycle, ReportShare | None]:
        parts = self._parts
        plan = build_monitor(monitor, parts.pool, parts.compute, lambda: hash_key(self._settings))
        stack.push_async_callback(_close, monitor.name, plan.source)
        cycle = Cycle(plan, parts.store, parts.compute, now=now, worker=parts.worker)
        if try_first:
            with suppress(NotYetError):  # of rows that are to come
                await cycle.reference()
            if monitor.source.can_be_peeked:
                await plan.source.take(None)
        progress = None
        if not monitor.source.is_live and not interval_of(monitor, self._settings):
            progress = stack.enter_context(
                shown(f"replaying {monitor.name}")
            )  # nobody waits for timed cycles
        return cycle, progress

    def _keep(self, monitor: Monitor, job: Job, cycle: Cycle, opened: AsyncExitStack) -> None:
        name, index = monitor.name, self.index
        self._running[name] = _Running(monitor, job, opened)
        index.jobs[name] = job
        index.descriptions[name] = monitor.description
        index.columns[name] = tuple(monitor.schema_.names)
        index.declared[name] = partial(declared_names, monitor)
        index.reported[name] = ReportedMonitor(monitor.schema_, monitor.description, cycle.reference)
        receiver = build_receiver(monitor, lambda: hash_key(self._settings))
        if receiver is None:
            index.receivers.pop(name, None)
        else:
            index.receivers[name] = receiver
        if monitor.panes_behind is None:
            index.panes_behind.pop(name, None)  # it needs them all
        else:
            index.panes_behind[name] = monitor.panes_behind


@asynccontextmanager
async def monitor_cycles(cycles: MonitorCycles, monitors: Sequence[Monitor]) -> AsyncIterator[None]:
    """Add every monitor's cycles to the scheduler; close the sources at the end."""
    try:
        for monitor in monitors:
            await cycles.start(monitor)
        yield
    finally:
        await cycles.close()


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
            log.warning(
                "cycle overtaken",
                hint="it was reset, or another service runs this monitor on the same database",
            )
        return CycleResult(exhausted=report.done, waiting=not report.moved)

    return run_one
