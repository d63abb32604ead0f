"""A grid that another process began goes on: no slot is used twice, and those that passed are on record."""

from __future__ import annotations

import asyncio

from service.errors import StoreError
from service.runtime.job import CycleResult
from service.runtime.scheduler import Scheduler
from tests.unit.runtime.test_scheduler import Journal, Work, now


async def _run_out(scheduler: Scheduler) -> None:
    scheduler.start()
    async with asyncio.timeout(60):
        await scheduler.finished()
    await scheduler.stop()


async def test_the_last_slot_that_passed_is_used_at_once() -> None:
    """After a take-over the cycle starts at once, for the grid's last point; points before it are skipped."""
    work, journal = Work(), Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=1)
    last = now() - 44_000_000
    scheduler.add("taken", 10.0, work, after=last)
    await _run_out(scheduler)
    assert [slot for slot, _ in work.starts] == [last + 40_000_000]
    assert journal.skipped == [("taken", last + 30_000_000, 3)]


async def test_a_slot_that_was_used_is_not_used_again() -> None:
    """Within the interval of the last slot the next one is waited for."""
    work, journal = Work(), Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=1)
    last = now() - 1_000_000
    scheduler.add("taken", 2.0, work, after=last)
    await _run_out(scheduler)
    assert [slot for slot, _ in work.starts] == [last + 2_000_000]
    assert work.starts[0][1] >= last + 2_000_000 - 1_000
    assert journal.skipped == []


async def test_a_slot_far_ahead_holds_nothing_up() -> None:
    """Kept by a process whose clock was a day ahead, or before it was put back: a grid of its own begins."""
    work, journal = Work(), Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=2)
    began = now()
    scheduler.add("taken", 0.2, work, after=began + 86_400_000_000)
    await _run_out(scheduler)
    assert began <= work.starts[0][0] < began + 5_000_000
    assert work.starts[1][0] == work.starts[0][0] + 200_000
    assert journal.skipped == []


async def test_a_replica_without_monitors_waits_for_some() -> None:
    """With `max_cycles` it is done when its monitors are, not before it has any."""
    work = Work()
    scheduler = Scheduler(Journal(), now=now, max_cycles=1)
    scheduler.start()
    finished = asyncio.create_task(scheduler.finished())
    await asyncio.sleep(0)
    assert not finished.done()
    scheduler.add("taken", 0.0, work)
    async with asyncio.timeout(10):
        await finished
    await scheduler.stop()
    assert len(work.starts) == 1


async def test_a_grid_that_lies_ahead_is_not_waited_for() -> None:
    """A clock that was ahead by an hour when the grid was kept costs no hour: the next point is used."""
    work, journal = Work(), Journal()
    scheduler = Scheduler(journal, now=now, max_cycles=1)
    last = now() + 3_600_000_000 + 100_000
    scheduler.add("taken", 0.5, work, after=last)
    async with asyncio.timeout(5):
        await _run_out(scheduler)
    ((slot, at),) = work.starts
    assert (last - slot) % 500_000 == 0
    assert abs(at - slot) < 500_000
    assert journal.skipped == []


class Outage(Journal):
    """A journal that keeps nothing until it is back."""

    is_away = False

    async def record_skipped(self, monitor: str, slot: int, slots: int, *, first: int) -> None:
        self._answer()
        await super().record_skipped(monitor, slot, slots, first=first)

    async def record_failed(
        self, monitor: str, slot: int, started: int, error: str, *, seconds: float
    ) -> None:
        self._answer()
        await super().record_failed(monitor, slot, started, error, seconds=seconds)

    def _answer(self) -> None:
        if self.is_away:
            raise StoreError("away")


async def test_a_cycle_that_an_outage_took_is_on_record_afterwards() -> None:
    """Neither it nor its failure could be written: its slot is among those that passed unused."""
    journal, starts = Outage(), list[int]()

    async def work(slot: int) -> CycleResult:
        starts.append(slot)
        journal.is_away = len(starts) in {2, 3}
        if journal.is_away:
            raise StoreError("away")
        return CycleResult()

    scheduler = Scheduler(journal, now=now, max_cycles=5)
    scheduler.add("toy", 0.4, work)
    await _run_out(scheduler)
    used = [*starts[:1], *starts[3:]]
    for _, last, slots in journal.skipped:
        used += [last - back * 400_000 for back in range(slots)]
    assert len(starts) == 5
    assert journal.skipped
    assert sorted(used) == [starts[0] + number * 400_000 for number in range(len(used))]


async def test_an_edit_leaves_no_slot_out_that_passed_before_it() -> None:
    """The cycle that runs is waited for; the slots that pass meanwhile are on record before the new grid."""
    slow, work, journal = Work(seconds=0.5), Work(), Journal()
    scheduler = Scheduler(journal, now=now)
    job = scheduler.add("toy", 0.1, slow)
    scheduler.start()
    while not slow.starts:  # noqa: ASYNC110  # a list says so by no event
        await asyncio.sleep(0)
    await scheduler.replace(job, 0.1, work)
    while not work.starts:  # noqa: ASYNC110  # likewise
        await asyncio.sleep(0)
    await scheduler.stop()
    ((_, last, slots),) = journal.skipped
    assert last - slow.starts[0][0] == slots * 100_000
    assert slots >= 4
    assert 0 < work.starts[0][0] - last <= 100_000 + 1_000
