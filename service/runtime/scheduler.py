"""When each monitor's cycles run: on an absolute grid, start + k x interval, whatever a cycle takes.

APScheduler wakes one job a monitor; this file decides what a wake-up means. A slot that passes while a cycle
still runs, or while a failed monitor backs off, is recorded as skipped: the checkpoint drives the data, so a
skipped slot delays rows and never loses them. An interval of 0 runs cycles back to back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from service.core.cycle_record import Outcome
from service.errors import TidegaugeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)

SECOND = 1_000_000
EARLY = 1_000  # a timer may fire this much (microseconds) before its grid point by rounding
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
IDLE_SECONDS = 1.0
DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What the scheduler needs to know of a cycle that ran."""

    outcome: Outcome
    exhausted: bool = False
    waiting: bool = False  # the source had nothing new


class Journal(Protocol):
    """Where cycles that measured nothing leave their trace."""

    async def record_skipped(self, monitor: str, slot: int, slots: int) -> None:
        """Record that `slots` slots passed unused, `slot` (UTC microseconds) being the last of them."""
        ...

    async def record_failed(
        self, monitor: str, slot: int, started: int, error: str, *, seconds: float
    ) -> None:
        """Record a cycle that failed after `seconds`."""
        ...


@dataclass(slots=True, eq=False)
class Job:
    """One monitor's cycles and how they went."""

    name: str
    interval_seconds: float
    run: Callable[[int], Awaitable[CycleResult]]
    cycles: int = 0
    failures: int = 0  # in a row
    error: str = ""  # of the last of them
    last_index: int = -1  # of the last grid point used
    last_end: int | None = None  # when the last good cycle ended
    not_before: float = 0.0  # back-off, in the loop's time
    exhausted: bool = False
    finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Failure:
    # A cycle that ended in an error; instants in UTC microseconds.
    error: Exception
    slot: int
    started: int
    seconds: float


class Scheduler:
    """Owns the timer and every running cycle."""

    def __init__(self, journal: Journal, *, now: Callable[[], int], max_cycles: int | None = None) -> None:
        self._journal = journal
        self._now = now
        self._max_cycles = max_cycles
        self._timer = AsyncIOScheduler(timezone=UTC, executors={"default": AsyncIOExecutor()})
        self._active: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._start = 0
        self.jobs: list[Job] = []

    def add(self, name: str, interval_seconds: float, run: Callable[[int], Awaitable[CycleResult]]) -> Job:
        """Add a monitor's cycles; call before `start`."""
        job = Job(name, interval_seconds, run)
        self.jobs.append(job)
        return job

    def start(self) -> None:
        """Start every job's grid now; the first cycle runs at once."""
        self._start = self._now()
        first = datetime.fromtimestamp(self._start / SECOND, UTC)
        for job in self.jobs:
            if job.interval_seconds == 0:
                self._own(asyncio.create_task(self._back_to_back(job), name=f"cycles of {job.name}"))
                continue
            # APScheduler's own limits are off: overrun and lateness are decided, and recorded, here.
            self._timer.add_job(
                self._wake,
                IntervalTrigger(seconds=job.interval_seconds, start_date=first, timezone=UTC),
                args=[job],
                id=job.name,
                next_run_time=first,
                misfire_grace_time=None,
                coalesce=True,
            )
        self._timer.start()

    async def finished(self) -> None:
        """Return when every job has run its `max_cycles` or its source is exhausted.

        Without `max_cycles` a service goes on after a replay has ended, so this never returns.
        """
        if self._max_cycles is None:
            await asyncio.Event().wait()
        for job in self.jobs:
            await job.finished.wait()

    async def stop(self, *, grace_seconds: float = DRAIN_SECONDS) -> None:
        """Start no further cycle, wait for running ones, cancel those that outlast the grace."""
        self._stopping.set()
        if self._timer.running:
            self._timer.remove_all_jobs()
        if self._active:
            _, late = await asyncio.wait(self._active, timeout=grace_seconds)
            for task in late:
                log.warning("cycle cancelled", task=task.get_name(), grace_seconds=grace_seconds)
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._timer.running:
            self._timer.shutdown(wait=False)

    async def _wake(self, job: Job) -> None:
        # The timer only wakes; the cycle is a task of ours, so that stopping can drain it.
        busy = any(task.get_name() == _task_name(job) for task in self._active)
        if busy or self._stopping.is_set() or job.finished.is_set():
            return
        if asyncio.get_running_loop().time() < job.not_before:
            return
        index = int((self._now() - self._start + EARLY) // (job.interval_seconds * SECOND))
        self._own(asyncio.create_task(self._on_grid(job, index), name=_task_name(job)))

    async def _on_grid(self, job: Job, index: int) -> None:
        skipped = index - job.last_index - 1
        if skipped > 0:
            missed = self._slot(job, index - 1)
            log.warning("cycles skipped", monitor=job.name, slots=skipped)
            await self._journalled(job, self._journal.record_skipped(job.name, missed, skipped))
        job.last_index = max(index, job.last_index)
        await self._run(job, self._slot(job, index))

    async def _back_to_back(self, job: Job) -> None:
        while not self._stopping.is_set() and not job.finished.is_set():
            ran = await self._run(job, self._now())
            pause = IDLE_SECONDS if ran.waiting else 0.0
            if ran.outcome is Outcome.FAILED:
                pause = job.not_before - asyncio.get_running_loop().time()
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _run(self, job: Job, slot: int) -> CycleResult:
        structlog.contextvars.bind_contextvars(monitor=job.name, cycle=job.cycles)
        started, clock = self._now(), asyncio.get_running_loop().time
        began = clock()
        try:
            ran = await job.run(slot)
        except Exception as error:  # noqa: BLE001  # one monitor's failure is its own: logged and retried
            failure = _Failure(error, slot, started, clock() - began)
            await self._failed(job, failure)
            ran = CycleResult(Outcome.FAILED)
        else:
            job.failures = 0
            job.last_end = self._now()
        job.cycles += 1
        job.exhausted = ran.exhausted
        if ran.exhausted or (self._max_cycles is not None and job.cycles >= self._max_cycles):
            job.finished.set()
            if not self._stopping.is_set() and self._timer.running and job.interval_seconds:
                self._timer.remove_job(job.name)
            log.info("monitor finished", cycles=job.cycles, source_exhausted=ran.exhausted)
        return ran

    async def _failed(self, job: Job, failure: _Failure) -> None:
        error = failure.error
        delay = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**job.failures)
        job.failures += 1
        job.error = str(error)
        job.not_before = asyncio.get_running_loop().time() + delay
        told = {"error": str(error), "failures": job.failures, "retry_seconds": delay}
        # An error of ours says all there is to say; any other needs its trace.
        log.error("cycle failed", **told, exc_info=None if isinstance(error, TidegaugeError) else error)
        text = f"{type(error).__name__}: {error}"
        writing = self._journal.record_failed(
            job.name, failure.slot, failure.started, text, seconds=failure.seconds
        )
        await self._journalled(job, writing)

    async def _journalled(self, job: Job, writing: Awaitable[None]) -> None:
        # The journal lies in the database that may be what failed: the log line stands either way.
        try:
            await writing
        except Exception as error:  # noqa: BLE001  # it may be anything that a dying connection raises
            log.warning("cycle not journalled", monitor=job.name, error=str(error))

    def _slot(self, job: Job, index: int) -> int:
        return self._start + round(index * job.interval_seconds * SECOND)

    def _own(self, task: asyncio.Task[None]) -> None:
        self._active.add(task)
        task.add_done_callback(self._active.discard)


def _task_name(job: Job) -> str:
    return f"cycle of {job.name}"
