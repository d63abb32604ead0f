"""Build each monitor's cycles, hand them to the scheduler, and change them while the service runs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from service.config.content_hash import content_hash
from service.cycle.cycle import Cycle
from service.cycle.log_summary import summary
from service.errors import LeaseLostError, NotYetError
from service.reports.reporter import ReportedMonitor
from service.runtime.clock import now
from service.runtime.job import CycleResult, Job
from service.runtime.progress_bar import shown
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
    from service.runtime.scheduler import Scheduler
    from service.sources.protocol import Source
    from service.status.cycle_counters import CycleCounters, MonitorCounters
    from service.store.leases.fence import Fences
    from service.store.postgres import PostgresStore
    from service.wiring.monitor_index import MonitorIndex

    Listener = Callable[[CycleRecord], None]  # is called with every committed cycle

log = structlog.get_logger(__name__)

DEFAULT_CYCLE_SECONDS = 10.0
CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CycleParts:
    """What all monitors' cycles share.

    - `listeners`: are called with every committed cycle
    - `fences`: the leases of this replica; None: it is the only process
    - `lost`: is called where a cycle was fenced off
    - `changed`: is called where there is another file, or one less
    """

    pool: asyncpg.Pool
    store: PostgresStore
    compute: Compute
    worker: Worker
    counters: CycleCounters
    listeners: Sequence[Listener]
    fences: Fences | None = None
    lost: Callable[[], None] = lambda: None
    changed: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Declared:
    monitor: Monitor
    cycle: Cycle
    job: Job
    open: AsyncExitStack  # its source, and its progress bar


class MonitorCycles:
    """The monitors that have a file here, and the cycles of those whose leases this replica holds.

    They can be started, replaced and stopped at any time, one after the other; the same monitor's cycles are
    begun and ended one at a time.
    """

    def __init__(
        self, settings: Settings, scheduler: Scheduler, parts: CycleParts, index: MonitorIndex
    ) -> None:
        self._settings = settings
        self._scheduler = scheduler
        self._parts = parts
        self._declared: dict[str, _Declared] = {}
        self._hashes: dict[str, str] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.index = index

    @property
    def monitors(self) -> dict[str, Monitor]:
        """The monitors that have a file here, by name."""
        return {name: declared.monitor for name, declared in self._declared.items()}

    @property
    def fences(self) -> Fences | None:
        """The leases of this replica."""
        return self._parts.fences

    def file_hashes(self) -> dict[str, str]:
        """Return the hashes of the files that are used, by monitor."""
        return dict(self._hashes)

    async def start(self, monitor: Monitor) -> None:
        """Declare a monitor; its cycles begin with its lease. Nothing of it is read yet."""
        async with self._turns[monitor.name], AsyncExitStack() as stack:
            cycle = await self._build(monitor, stack)
            self._keep(monitor, self._job_elsewhere(monitor), cycle, stack.pop_all())
        self._parts.changed()

    async def begin(self, name: str, *, after: int | None = None) -> None:
        """Begin the cycles of a declared monitor; those of one that has lost its file are not.

        `after` is the last grid point (UTC microseconds) at which another replica ran one: its grid goes on.
        """
        async with self._turns[name]:
            declared = self._declared.get(name)
            if declared is None or not declared.job.elsewhere:
                return
            interval = interval_of(declared.monitor, self._settings)
            declared.job = self._scheduler.add(name, interval, self._run_of(declared), after=after)
            self.index.jobs[name] = declared.job

    async def end(self, name: str) -> None:
        """End a monitor's cycles, once its running one has ended; the monitor stays declared."""
        async with self._turns[name]:
            declared = self._declared.get(name)
            if declared is None or declared.job.elsewhere:
                return
            async with AsyncExitStack() as stack:
                # A cycle of its own, as what is in memory is not true for long; first, since where it cannot
                # be built the cycles go on.
                cycle = await self._build(declared.monitor, stack)
                await self._scheduler.remove(declared.job)
                self._parts.counters.discard(name)
                self._keep(declared.monitor, self._job_elsewhere(declared.monitor), cycle, stack.pop_all())
            await declared.open.aclose()

    async def try_out(self, monitor: Monitor) -> None:
        """Read what a monitor needs, as where an edit is tried, and run nothing. Raises TidegaugeError."""
        async with AsyncExitStack() as stack:
            await self._build(monitor, stack, try_first=True)

    async def replace(self, monitor: Monitor, *, try_first: bool = True) -> None:
        """Run a monitor by its edited file, once its running cycle has ended.

        With `try_first` its reference and its first rows are read before: where that fails the cycles go on
        by the earlier file, and TidegaugeError is raised.
        """
        async with self._turns[monitor.name], AsyncExitStack() as stack:
            before = self._declared[monitor.name]
            is_held = not before.job.elsewhere
            cycle = await self._build(monitor, stack, try_first=try_first and is_held)
            after = _Declared(monitor, cycle, before.job, stack)
            job = self._job_elsewhere(monitor)
            if is_held:
                interval = interval_of(monitor, self._settings)
                job = await self._scheduler.replace(before.job, interval, self._run_of(after))
            self._keep(monitor, job, cycle, stack.pop_all())
        await before.open.aclose()
        self._parts.changed()

    async def restart(self, name: str) -> None:
        """Run a monitor's cycles again from what is stored."""
        await self.replace(self._declared[name].monitor, try_first=False)

    async def stop(self, name: str) -> None:
        """End a monitor's cycles, once its running one has ended, and forget the monitor."""
        async with self._turns[name]:
            declared = self._declared[name]
            if not declared.job.elsewhere:
                await self._scheduler.remove(declared.job)
            del self._declared[name], self._hashes[name]
            index = self.index
            for by_name in (index.jobs, index.descriptions, index.columns, index.declared, index.reported):
                by_name.pop(name, None)
            index.panes_behind.pop(name, None)
            index.receivers.pop(name, None)
            index.faults.pop(name, None)
            index.refused.pop(name, None)
            index.hindered.pop(name, None)
            self._parts.counters.discard(name)
            await declared.open.aclose()
        self._parts.changed()

    async def close(self) -> None:
        """Close every monitor's source; no cycle runs any more."""
        for declared in self._declared.values():
            await declared.open.aclose()

    def _run_of(self, declared: _Declared) -> Callable[[int], Awaitable[CycleResult]]:
        monitor, parts = declared.monitor, self._parts
        progress = None
        if not monitor.source.is_live and not interval_of(monitor, self._settings):
            progress = declared.open.enter_context(
                shown(f"replaying {monitor.name}")
            )  # nobody waits for timed cycles
        counters = parts.counters.add(monitor.name)
        return _run_one(declared.cycle, counters, parts, progress)

    def _job_elsewhere(self, monitor: Monitor) -> Job:
        async def never(slot: int) -> CycleResult:
            raise LeaseLostError(f"{monitor.name}: slot {slot} is another replica's")

        return Job(monitor.name, interval_of(monitor, self._settings), never, elsewhere=True)

    async def _build(self, monitor: Monitor, stack: AsyncExitStack, *, try_first: bool = False) -> Cycle:
        parts = self._parts
        plan = build_monitor(
            monitor, parts.pool, parts.compute, lambda: hash_key(self._settings), fences=parts.fences
        )
        stack.push_async_callback(_close, monitor.name, plan.source)
        cycle = Cycle(plan, parts.store, parts.compute, now=now, worker=parts.worker)
        if try_first:
            with suppress(NotYetError, LeaseLostError):  # of rows to come; its holder freezes them
                await cycle.reference()
            if monitor.source.can_be_peeked:
                await plan.source.take(None)
        return cycle

    def _keep(self, monitor: Monitor, job: Job, cycle: Cycle, opened: AsyncExitStack) -> None:
        name, index = monitor.name, self.index
        self._declared[name] = _Declared(monitor, cycle, job, opened)
        data_dir = str(self._settings.data_dir)
        self._hashes[name] = content_hash(monitor, data_dir, lambda: hash_key(self._settings))
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
    """Declare every monitor; close the sources at the end."""
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
    cycle: Cycle, counters: MonitorCounters, parts: CycleParts, progress: ReportShare | None
) -> Callable[[int], Awaitable[CycleResult]]:
    async def run_one(slot: int) -> CycleResult:
        try:
            report = await cycle.run(slot)
        except LeaseLostError as error:
            log.warning("cycle fenced off", hint=str(error))
            parts.lost()
            return CycleResult(waiting=True, on_record=False)
        if report.committed:
            counters.committed(report.record, at=now(), seconds=report.seconds)
            for listener in parts.listeners:
                listener(report.record)
            if progress is not None and report.take.progress is not None:
                progress(report.take.progress)
            log.info("cycle", **summary(report), ms=round(report.seconds * 1_000, 1))
        else:
            log.warning(
                "cycle overtaken",
                hint="it was reset, or a service without leases runs this monitor on the same database",
            )
        return CycleResult(exhausted=report.done, waiting=not report.moved, on_record=report.committed)

    return run_one
