"""The cadence: an absolute grid, skipped slots on record, back-off, a stop that drains."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

import pytest
from apscheduler.schedulers import base

from service.errors import NotYetError, StoreError
from service.runtime import grid_timer
from service.runtime.job import CycleResult
from service.runtime.scheduler import STORE_RETRY_SECONDS, Scheduler

SECOND = 1_000_000


def now() -> int:
    return time.time_ns() // 1_000


@dataclass
class Journal:
    """Keeps what a store would."""

    skipped: list[tuple[str, int, int]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    waited: list[tuple[str, str]] = field(default_factory=list)

    async def record_skipped(self, monitor: str, slot: int, slots: int, *, first: int) -> None:
        assert first <= slot
        self.skipped.append((monitor, slot, slots))

    async def record_failed(
        self, monitor: str, slot: int, started: int, error: str, *, seconds: float
    ) -> None:
        assert started >= slot - SECOND
        assert 0 <= seconds < 60
        self.failed.append((monitor, error))

    async def record_waiting(
        self, monitor: str, slot: int, started: int, reason: str, *, seconds: float
    ) -> None:
        assert started >= slot - SECOND
        assert 0 <= seconds < 60
        self.waited.append((monitor, reason))


@dataclass
class Work:
    """A cycle that takes `seconds` and keeps when it started, for which slot."""

    seconds: float = 0.0
    starts: list[tuple[int, int]] = field(default_factory=list)

    async def __call__(self, slot: int) -> CycleResult:
        self.starts.append((slot, now()))
        await asyncio.sleep(self.seconds)
        return CycleResult()


async def _run_out(scheduler: Scheduler) -> None:
    scheduler.start()
    async with asyncio.timeout(60):
        await scheduler.finished()
    await scheduler.stop()


async def test_cycles_start_on_an_absolute_grid() -> None:
    """Work that takes part of the interval never shifts the grid: start + k x interval, every slot once."""
    work, journal = Work(seconds=0.08), Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=12)
    scheduler.add("steady", 0.2, work)
    await _run_out(scheduler)
    slots = [slot for slot, _ in work.starts]
    assert slots == [slots[0] + k * 200_000 for k in range(12)]
    assert max(start - slot for slot, start in work.starts) < 50_000
    assert journal.skipped == []


async def test_slots_that_pass_meanwhile_are_recorded_as_skipped() -> None:
    """A cycle of 2.5 intervals uses every third slot; the two between are on record, none twice."""
    work, journal = Work(seconds=0.25), Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=4)
    scheduler.add("slow", 0.1, work)
    await _run_out(scheduler)
    used = [slot for slot, _ in work.starts]
    assert [b - a for a, b in pairwise(used)] == [300_000] * 3
    assert [slots for _, _, slots in journal.skipped] == [2, 2, 2]
    assert [slot for _, slot, _ in journal.skipped] == [slot - 100_000 for slot in used[1:]]


@pytest.mark.parametrize("step_seconds", [-90, 90, 86_400])
async def test_a_wall_clock_that_is_set_stalls_nothing(
    step_seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put back or forward in the middle, also as APScheduler reads it: the grid goes on by the new time."""
    work, journal = Work(), Journal()

    def stepped() -> int:
        return step_seconds if len(work.starts) >= 3 else 0

    class Wall(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=stepped())

    monkeypatch.setattr(base, "datetime", Wall)
    monkeypatch.setattr(grid_timer, "datetime", Wall)
    scheduler = Scheduler(journal, now=lambda: now() + stepped() * SECOND, max_cycles=8)
    scheduler.add("steady", 0.1, work)
    began = time.monotonic()
    await _run_out(scheduler)
    slots = [slot for slot, _ in work.starts]
    for part in (slots[:3], slots[3:]):
        points = [round((slot - part[0]) / 100_000) for slot in part]
        assert part == [part[0] + point * 100_000 for point in points]
    assert abs(slots[3] - slots[2] - (step_seconds + 0.1) * SECOND) < SECOND
    used = 8 + sum(count for _, _, count in journal.skipped)
    assert round((slots[-1] - slots[0] - step_seconds * SECOND) / 100_000) == used - 1
    assert time.monotonic() - began < 5


async def test_after_an_outage_of_the_database_the_next_try_comes_soon() -> None:
    """However long it was away, the back-off of its failures stays within five seconds."""

    async def refused(_slot: int) -> CycleResult:
        raise StoreError("the database is away")

    scheduler = Scheduler(Journal(), now=now, max_cycles=1)
    job = scheduler.add("waiting", 0.0, refused)
    job.failures = 20
    await _run_out(scheduler)
    assert job.failures == 21
    assert job.not_before - asyncio.get_running_loop().time() <= STORE_RETRY_SECONDS == 5.0


async def test_a_failing_monitor_backs_off_and_leaves_the_others_alone() -> None:
    """Failures are journalled and retried later and later; the neighbour misses no slot."""
    work, journal = Work(), Journal()

    async def broken(_slot: int) -> CycleResult:
        raise ValueError("no rows today")

    scheduler = Scheduler(journal, now=now, max_cycles=20)
    scheduler.add("healthy", 0.1, work)
    bad = scheduler.add("broken", 0.1, broken)
    scheduler.start()
    async with asyncio.timeout(30):
        await scheduler.jobs[0].finished.wait()
    await scheduler.stop()
    assert len(work.starts) == 20
    assert journal.failed == [("broken", "ValueError: no rows today")] * bad.failures
    # 1 s after the first failure and 2 s after the second: two tries in 2 s of slots.
    assert bad.failures == 2


async def test_stopping_waits_for_the_running_cycle() -> None:
    """A cycle that runs when the stop comes is finished, not cut."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(_slot: int) -> CycleResult:
        begun.set()
        await asyncio.sleep(0.2)
        ended.set()
        return CycleResult()

    scheduler = Scheduler(Journal(), now=now)
    scheduler.add("draining", 10.0, work)
    scheduler.start()
    await begun.wait()
    await scheduler.stop()
    assert ended.is_set()
    assert scheduler.jobs[0].cycles == 1


async def test_a_cycle_that_outlasts_the_grace_is_cancelled() -> None:
    """Stopping is bounded: after the grace the cycle's task is cancelled and awaited."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work(_slot: int) -> CycleResult:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError("unreachable")

    scheduler = Scheduler(Journal(), now=now)
    scheduler.add("stuck", 0.0, work)
    scheduler.start()
    await begun.wait()
    await scheduler.stop(grace_seconds=0.1)
    assert cancelled.is_set()


async def test_an_exhausted_source_ends_its_job() -> None:
    """Back to back, a replay runs to its end and no further."""
    left = iter([False, False, True])

    async def work(_slot: int) -> CycleResult:
        return CycleResult(exhausted=next(left))

    scheduler = Scheduler(Journal(), now=now, max_cycles=100)
    job = scheduler.add("replay", 0.0, work)
    await _run_out(scheduler)
    assert (job.cycles, job.exhausted) == (3, True)


@pytest.mark.parametrize("interval", [0.0, 0.05])
async def test_a_journal_that_fails_does_not_stop_the_cycles(interval: float) -> None:
    """The database may be what failed: the cycles go on all the same."""

    class Broken(Journal):
        async def record_failed(self, *_: object, **__: object) -> None:
            raise OSError("no database")

    outcomes = iter([True, False])

    async def work(_slot: int) -> CycleResult:
        if next(outcomes):
            raise ValueError("once")
        return CycleResult(exhausted=True)

    scheduler = Scheduler(Broken(), now=now, max_cycles=5)
    job = scheduler.add("brave", interval, work)
    await _run_out(scheduler)
    assert (job.cycles, job.failures) == (2, 0)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the scheduler has no event for it
            await asyncio.sleep(0)


@pytest.mark.parametrize("interval", [0.0, 0.05])
async def test_a_job_that_is_added_while_others_run_begins_at_once(interval: float) -> None:
    """It has a grid of its own, from the moment at which it was added, and no slot before that is skipped."""
    journal, first, second = Journal(), Work(), Work()
    scheduler = Scheduler(journal, now=now)
    scheduler.add("first", 0.05, first)
    scheduler.start()
    await _until(lambda: len(first.starts) >= 4)
    began = now()
    scheduler.add("second", interval, second)
    await _until(lambda: len(second.starts) >= 3)
    await scheduler.stop()
    assert second.starts[0][0] >= began
    assert "second" not in [monitor for monitor, _, _ in journal.skipped]


@pytest.mark.parametrize("interval", [0.0, 10.0])
async def test_a_removed_job_ends_its_running_cycle_first(interval: float) -> None:
    """Nothing is cut, no further cycle starts, and the others go on."""
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), list[int]()

    async def work(slot: int) -> CycleResult:
        begun.set()
        await go_on.wait()
        ended.append(slot)
        return CycleResult()

    scheduler, other = Scheduler(Journal(), now=now), Work()
    job = scheduler.add("leaving", interval, work)
    scheduler.add("staying", 0.05, other)
    scheduler.start()
    await begun.wait()
    leaving = asyncio.create_task(scheduler.remove(job))
    await asyncio.sleep(0)
    assert not leaving.done()
    go_on.set()
    await leaving
    assert ([one.name for one in scheduler.jobs], len(ended)) == (["staying"], 1)
    before = len(other.starts)
    await _until(lambda: len(other.starts) > before + 1)
    assert len(ended) == 1
    await scheduler.stop()


async def test_a_job_is_replaced_in_its_place_and_its_counts_go_on() -> None:
    """The new cycles begin when the old have ended, at another pace, also where the old source was done."""

    async def exhausted(_slot: int) -> CycleResult:
        return CycleResult(exhausted=True)

    scheduler, work = Scheduler(Journal(), now=now), Work()
    old = scheduler.add("edited", 0.0, exhausted)
    scheduler.add("other", 10.0, Work())
    scheduler.start()
    await old.finished.wait()
    new = await scheduler.replace(old, 0.05, work)
    assert [job.name for job in scheduler.jobs] == ["edited", "other"]
    assert (new.cycles, new.last_end, new.finished.is_set()) == (1, old.last_end, False)
    await _until(lambda: len(work.starts) >= 2)
    assert new.cycles >= 2
    await scheduler.stop()


async def test_a_run_of_so_many_cycles_does_not_wait_for_a_removed_job() -> None:
    """With `max_cycles` the service ends when those that are left are done."""
    scheduler, slow = Scheduler(Journal(), now=now, max_cycles=2), Work()
    leaving = scheduler.add("leaving", 60.0, slow)
    scheduler.add("staying", 0.05, Work())
    scheduler.start()
    everything = asyncio.create_task(scheduler.finished())
    await _until(lambda: len(slow.starts) == 1)
    await scheduler.remove(leaving)
    async with asyncio.timeout(10):
        await everything
    await scheduler.stop()


async def test_a_database_that_is_back_is_found_before_the_next_grid_point() -> None:
    """After a failure by the database a cycle is tried again within seconds, however long the interval."""
    slots: list[int] = []

    async def away_twice(slot: int) -> CycleResult:
        slots.append(slot)
        if len(slots) < 3:
            raise StoreError("the database is away")
        return CycleResult(exhausted=True)

    journal = Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=9)
    scheduler.add("hourly", 3_600.0, away_twice)
    await _run_out(scheduler)
    assert len(slots) == 3
    assert len(set(slots)) == 1
    assert journal.skipped == []


async def test_a_cycle_that_waits_has_not_failed() -> None:
    """What it waits for is on record, it backs off from nothing, and the next one that works says no more."""
    reasons = ["2 of 6 rows have come", "4 of 6 rows have come"]

    async def work(_: int) -> CycleResult:
        if reasons:
            raise NotYetError(reasons.pop(0))
        return CycleResult()

    journal = Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=3)
    job = scheduler.add("toy", 0.05, work)
    await _run_out(scheduler)
    assert [reason for _, reason in journal.waited] == ["2 of 6 rows have come", "4 of 6 rows have come"]
    assert (journal.failed, job.failures, job.waits) == ([], 0, "")
    assert job.last_end is not None
