"""Run each monitor's cycles on an absolute grid, start + k x interval, whatever a cycle takes.

APScheduler wakes each monitor at its grid points (`grid_timer.py`); what a wake-up means is decided here. A
slot that passes while a cycle still runs, or while a failed monitor backs off, is recorded as skipped: the
checkpoint drives the data, so a skipped slot delays rows and never loses them. An interval of 0 runs cycles
back to back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from service.errors import LeaseLostError, NotYetError, StoreError, TidegaugeError
from service.runtime.grid import Grid
from service.runtime.grid_timer import GridTimer
from service.runtime.job import CycleResult, Job

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
STORE_RETRY_SECONDS = 5.0  # every monitor waits for the database: cycles go on soon after its return
IDLE_SECONDS = 1.0
DRAIN_SECONDS = 10.0


class Journal(Protocol):
    """Where cycles that measured nothing leave their trace."""

    async def record_skipped(self, monitor: str, slot: int, slots: int, *, first: int) -> None:
        """Record that `slots` slots passed unused, from `first` to `slot` (UTC microseconds).

        One of them that is on record already, as the answer to a commit may be lost, is not among them.
        """
        ...

    async def record_failed(
        self, monitor: str, slot: int, started: int, error: str, *, seconds: float
    ) -> None:
        """Record a cycle that failed after `seconds`."""
        ...

    async def record_waiting(
        self, monitor: str, slot: int, started: int, reason: str, *, seconds: float
    ) -> None:
        """Record a cycle that took nothing, as what it needs has not come yet."""
        ...


@dataclass(frozen=True, slots=True)
class _Failure:
    # A cycle that ended in an error; instants in UTC microseconds.
    error: Exception
    slot: int
    started: int
    seconds: float


class Scheduler:
    """Owns every monitor's timer and every running cycle.

    `now` is the wall clock (UTC microseconds). `grid_now` gives grids their start: a clock that all processes
    have in common which hand monitors to one another; None: `now`. Timers go by the event loop's clock, which
    nobody sets: a wall clock that is put back or forward stalls nothing and skips nothing. The slots after it
    are those of the new time.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        now: Callable[[], int],
        grid_now: Callable[[], int] | None = None,
        max_cycles: int | None = None,
    ) -> None:
        self._journal = journal
        self._now = now
        self._grid_now = grid_now or now
        self._clock = asyncio.get_running_loop().time
        self._max_cycles = max_cycles
        self._timer = GridTimer()
        self._active: set[asyncio.Task[None]] = set()
        self._running = False
        self._added = asyncio.Event()
        self.jobs: list[Job] = []

    def add(
        self,
        name: str,
        interval_seconds: float,
        run: Callable[[int], Awaitable[CycleResult]],
        *,
        after: int | None = None,
    ) -> Job:
        """Add a monitor's cycles; after `start` the first one runs at once.

        With `after`, a point (UTC microseconds) of the grid that another process kept, they go on with its
        next point: at once where that has passed, and points before it are recorded as skipped.
        """
        job = Job(name, interval_seconds, run, after=after)
        self.jobs.append(job)
        self._added.set()
        if self._running:
            self._begin(job, self._grid_now(), self._clock())
        return job

    async def remove(self, job: Job) -> None:
        """Start no further cycle of `job`, wait for a running one, and forget the job."""
        await self._drain(job)
        self.jobs.remove(job)

    async def replace(
        self, job: Job, interval_seconds: float, run: Callable[[int], Awaitable[CycleResult]]
    ) -> Job:
        """Run other cycles in the place of `job`, once a running one has ended; its counts go on."""
        await self._drain(job)
        new = Job(job.name, interval_seconds, run, cycles=job.cycles, last_end=job.last_end)
        self.jobs[self.jobs.index(job)] = new
        if self._running:
            begun = self._clock()
            self._begin(new, self._grid_now(), begun)
            await self._record_rest(job, begun)
        return new

    def start(self) -> None:
        """Start every job's grid now; the first cycle runs at once."""
        self._running = True
        wall, clock = self._grid_now(), self._clock()
        for job in self.jobs:
            self._begin(job, wall, clock)
        self._timer.start()

    async def finished(self) -> None:
        """Return when every job has run its `max_cycles` or its source is exhausted.

        Without `max_cycles` a service goes on after a replay has ended, so this never returns.
        """
        if self._max_cycles is None:
            await asyncio.Event().wait()
        await self._added.wait()  # another process may still have all monitors
        while waiting := [job for job in self.jobs if not job.finished.is_set()]:
            await waiting[0].finished.wait()

    async def stop(self, *, grace_seconds: float = DRAIN_SECONDS) -> None:
        """Start no further cycle, wait for running ones, cancel those that outlast the grace."""
        self._running = False
        self._timer.stop()
        for job in self.jobs:
            job.stopping.set()
            job.wake.set()
        if self._active:
            _, late = await asyncio.wait(self._active, timeout=grace_seconds)
            for task in late:
                log.warning("cycle cancelled", task=task.get_name(), grace_seconds=grace_seconds)
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _begin(self, job: Job, wall: int, clock: float) -> None:
        if not job.interval_seconds:
            cycles = self._back_to_back(job)
        else:
            job.grid = Grid(job.interval_seconds, clock, wall)
            if job.after is not None:
                job.grid = Grid.going_on(job.interval_seconds, job.after, clock=clock, wall=wall)
                job.last_index = 0
            origin, interval = job.grid.origin, job.interval_seconds
            self._timer.call(job.wake.set, origin=origin, interval_seconds=interval, name=job.name)
            cycles = self._on_grid(job, job.grid)
        job.task = asyncio.create_task(cycles, name=f"cycles of {job.name}")
        self._active.add(job.task)
        job.task.add_done_callback(self._ended)

    async def _drain(self, job: Job) -> None:
        self._timer.cancel(job.name)
        job.stopping.set()
        job.wake.set()
        if job.task is not None:
            await asyncio.wait([job.task])
        job.finished.set()  # `finished` waits for it no longer

    async def _on_grid(self, job: Job, grid: Grid) -> None:
        """Run the cycles of one monitor at the points of its grid, the first one at once."""
        index = 0
        if job.last_index == 0:  # its grid goes on
            await self._until(job, grid, 1)
            index = max(1, grid.last_before(self._clock()))
        while not job.stopping.is_set() and not job.finished.is_set():
            job.unrecorded.take_back(index)
            skipped = index - job.last_index - 1
            if skipped > 0:
                say = log.debug if job.waits_for_store else log.warning  # each failed cycle has its line
                say("cycles skipped", monitor=job.name, slots=skipped)
                job.unrecorded.add(job.last_index + 1, index - 1)
            await self._record_skipped(job, grid)
            job.last_index = index
            await self._run(job, self._slot(grid, index))
            if job.waits_for_store and not job.finished.is_set():
                # Not for the grid: an interval may be an hour.
                await self._pause(job, job.not_before - self._clock())
                index = max(job.last_index, grid.last_before(self._clock()))
                continue
            # The first point that is still to come, after any back-off.
            earliest = max(self._clock(), job.not_before if job.failures else 0.0)
            index = max(job.last_index + 1, grid.next_from(earliest))
            await self._until(job, grid, index)
            # Later than planned where the process or the machine had been put to sleep.
            index = max(index, grid.last_before(self._clock()))

    async def _record_rest(self, job: Job, until: float) -> None:
        """Record the points of a grid that passed until another one began, by the loop's clock."""
        if job.grid is not None and job.last_index >= 0:
            passed = job.grid.last_before(until)
            if passed > job.last_index:
                job.unrecorded.add(job.last_index + 1, passed)
            await self._record_skipped(job, job.grid)

    async def _record_skipped(self, job: Job, grid: Grid) -> None:
        ranges = job.unrecorded.ranges
        while ranges:
            first, last = ranges[0]
            slots, instant = last - first + 1, self._slot(grid, last)
            if not await self._journalled(
                job, self._journal.record_skipped(job.name, instant, slots, first=self._slot(grid, first))
            ):
                return  # the next cycle tries again
            del ranges[0]

    async def _until(self, job: Job, grid: Grid, index: int) -> None:
        """Wait for a point of the job's grid."""
        half = job.interval_seconds / 2
        while (left := grid.at(index) - self._clock()) > half and not job.stopping.is_set():
            job.wake.clear()
            await job.wake.wait()
        await self._pause(job, left)  # the timer goes by the wall clock, which may run a little faster

    async def _back_to_back(self, job: Job) -> None:
        while not job.stopping.is_set() and not job.finished.is_set():
            result = await self._run(job, self._now())
            if result is None:
                pause = job.not_before - self._clock()
            else:
                pause = IDLE_SECONDS if result.waiting else 0.0
            await self._pause(job, pause)

    async def _pause(self, job: Job, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(job.stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _run(self, job: Job, slot: int) -> CycleResult | None:
        """Run one cycle; None where it failed."""
        structlog.contextvars.bind_contextvars(monitor=job.name, cycle=job.cycles)
        started, began = self._now(), self._clock()
        result: CycleResult | None = None
        try:
            result = await job.run(slot)
        except NotYetError as error:
            result = await self._waits(job, error, slot, started, seconds=self._clock() - began)
            on_record = result.on_record
        except Exception as error:  # noqa: BLE001  # one monitor's failure is its own: logged and retried
            failure = _Failure(error, slot, started, self._clock() - began)
            on_record = await self._failed(job, failure)
        else:
            self._worked(job)
            on_record = result.on_record
        if not on_record and job.interval_seconds:
            job.unrecorded.add(job.last_index, job.last_index)
        job.cycles += 1
        job.exhausted = result is not None and result.exhausted
        if job.exhausted or (self._max_cycles is not None and job.cycles >= self._max_cycles):
            job.finished.set()
            log.info("monitor finished", cycles=job.cycles, source_exhausted=job.exhausted)
        return result

    def _worked(self, job: Job, waits: str = "") -> None:
        job.failures = 0
        job.waits_for_store = False
        job.last_end = self._now()
        job.waits = waits

    async def _waits(
        self, job: Job, error: NotYetError, slot: int, started: int, *, seconds: float
    ) -> CycleResult:
        self._worked(job, str(error))
        log.info("cycle waits", hint=str(error))
        writing = self._journal.record_waiting(job.name, slot, started, str(error), seconds=seconds)
        return CycleResult(waiting=True, on_record=await self._journalled(job, writing))

    async def _failed(self, job: Job, failure: _Failure) -> bool:
        error = failure.error
        job.waits_for_store = isinstance(error, StoreError)
        longest = STORE_RETRY_SECONDS if job.waits_for_store else LONGEST_RETRY_SECONDS
        delay = min(longest, FIRST_RETRY_SECONDS * 2**job.failures)
        job.failures += 1
        job.waits = ""
        job.error = str(error)
        job.not_before = self._clock() + delay
        facts = {"error": str(error), "failures": job.failures, "retry_seconds": delay}
        # An error of ours says all there is to say; any other needs its trace.
        log.error("cycle failed", **facts, exc_info=None if isinstance(error, TidegaugeError) else error)
        text = f"{type(error).__name__}: {error}"
        writing = self._journal.record_failed(
            job.name, failure.slot, failure.started, text, seconds=failure.seconds
        )
        return await self._journalled(job, writing)

    async def _journalled(self, job: Job, writing: Awaitable[None]) -> bool:
        """Wait until something is on record; return whether it is."""
        # The journal is in the database that may be what failed: the log line is there either way, and in an
        # outage it says all there is to say.
        try:
            await writing
        except Exception as error:  # noqa: BLE001  # it may be anything that a dying connection raises
            is_known = job.waits_for_store or isinstance(error, LeaseLostError)  # has a line of its own
            say = log.debug if is_known else log.warning
            say("cycle not journalled", monitor=job.name, error=str(error))
            return False
        return True

    def _slot(self, grid: Grid, index: int) -> int:
        return grid.slot(index, clock=self._clock(), wall=self._grid_now())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._active.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("cycles ended", task=task.get_name(), error=str(error), exc_info=error)
