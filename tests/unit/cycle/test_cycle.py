"""Whole cycles on the memory store: every window ends as if its rows had been measured at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.core.checkpoint import Checkpoint
from service.core.cycle_record import Outcome
from service.core.reference.reference import Reference
from service.core.rows.take import Reject, Take
from service.core.windows.window import LONGEST_EMPTY_RUN, Unit, WindowPlan
from service.errors import SourceError, StoreError
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import (
    HOUR,
    NAME,
    ROWS,
    SCHEMA,
    TIME,
    Takes,
    cycle_of,
    declared,
    expected,
    in_order,
    measurements,
    plan,
    rows,
    run,
)

LATE = [0, 1, 2, 3, 5, 6, 8, 4, 9, 2, 10]  # hour 4 comes after hour 8, and more of hour 2 after hour 9


def revisions(store: MemoryStore) -> dict[int, int]:
    """Return how often each window was measured, by its last pane."""
    return {each.window.last: each.revision for each in store.stored(NAME).windows}


@pytest.mark.parametrize("window", [TIME, ROWS, WindowPlan(Unit.TIME, HOUR), WindowPlan(Unit.ROWS, 4)])
async def test_windows_end_as_if_their_rows_had_come_at_once(window: WindowPlan) -> None:
    """In order or late, in panes of time or of rows, every measurement is that of the window's rows."""
    store = MemoryStore()
    takes = in_order(LATE[:-2])
    await run(plan(takes, window), store)
    found, wanted = measurements(store), await expected(takes, window)
    assert len(found) > 5
    assert found == {panes: wanted[panes] for panes in found}


async def test_a_late_row_measures_its_windows_again() -> None:
    """Of a window that holds a late row's pane there is another revision, of the others there is none."""
    store = MemoryStore()
    reports = await run(plan(in_order(LATE)), store)
    assert revisions(store) == {0: 1, 1: 1, 2: 2, 3: 2, 4: 3, 5: 2, 6: 2, 7: 1, 8: 1, 9: 1}
    again = [[window.last for window in report.record.windows] for report in reports]
    assert again[7] == [4, 5, 6]
    assert again[8] == [8]
    assert again[9] == [2, 3, 4]


async def test_what_was_measured_first_stays_in_history() -> None:
    """The revision before a late row came is that of the rows there were by then."""
    store = MemoryStore()
    takes = in_order(LATE)
    await run(plan(takes), store)
    first = next(each for each in store.stored(NAME).windows if each.window.last == 4)
    assert first.window.measurements == (await expected(takes[:7]))[2, 4]
    assert first.revision == 1


async def test_windows_without_rows_have_reasons() -> None:
    """A gap in the data is measured as windows of no rows: no value is a zero, each has its reason."""
    store = MemoryStore()
    await run(plan(in_order([0, 1, 7, 8])), store)
    empty = store.stored(NAME).latest[3, 5]
    assert (empty.rows, empty.panes) == (0, 0)
    (mae,) = (m for m in empty.measurements if m.series.metric == "mae" and not m.series.segment)
    assert (mae.value, bool(mae.reason)) == (None, True)
    assert sorted(revisions(store)) == list(range(8))


async def test_a_long_gap_keeps_no_empty_windows() -> None:
    """After a gap longer than any that is filled only the windows with rows are measured."""
    store, far = MemoryStore(), 3 * LONGEST_EMPTY_RUN
    await run(plan(in_order([0, 1, far, far + 1])), store)
    assert sorted(revisions(store)) == [0, 1, 2, 3, far]


async def test_an_end_measures_what_is_open_and_says_so() -> None:
    """When nothing will follow the open panes are measured, once, with an event, and the monitor is done."""
    store = MemoryStore()
    takes = in_order([0, 1, 2])
    takes.append(Take(rows(0, 0), {}, exhausted=True))
    monitor = plan(takes)
    *before, last = await run(monitor, store)
    assert not any(report.done for report in before)
    assert last.done
    assert [window.last for window in last.record.windows] == [2]
    assert measurements(store) == {
        panes: measured for panes, measured in (await expected(takes)).items() if panes[1] <= 2
    }
    assert [(event.kind, event.at, event.message) for event in store.stored(NAME).events][-1] == (
        "ended", int(takes[2].batch.event_time.max()), "the source has nothing left after 12 rows",
    )  # fmt: skip


async def test_a_source_that_ends_at_once_is_done_without_windows() -> None:
    """Without a single row there is no window, and the end is dated by the cycle."""
    store = MemoryStore()
    (report,) = await run(plan([Take(rows(0, 0), {}, exhausted=True)]), store)
    assert (report.done, report.record.outcome, store.stored(NAME).windows) == (True, Outcome.IDLE, [])
    assert [event.at for event in store.stored(NAME).events] == [report.record.slot]


async def test_a_cycle_without_rows_is_idle() -> None:
    """What was there stays, nothing is measured again, and the scheduler learns that nothing moved."""
    store = MemoryStore()
    takes = Takes(in_order([0, 1, 2]))
    reports = await run(plan(takes), store, 5)
    assert [report.moved for report in reports] == [True, True, True, False, False]
    assert [report.record.outcome for report in reports] == [
        Outcome.ADVANCED, Outcome.MEASURED, Outcome.MEASURED, Outcome.IDLE, Outcome.IDLE,
    ]  # fmt: skip
    assert reports[-1].record.windows == ()
    assert store.stored(NAME).checkpoint.cycle == 5


async def test_a_cycle_that_is_overtaken_writes_nothing() -> None:
    """Two services on one store that run every cycle at once: each is written once, by the quicker one."""
    straight, shared = MemoryStore(), MemoryStore()
    monitor = plan(in_order(LATE))
    await run(monitor, straight)
    services = cycle_of(monitor, shared), cycle_of(monitor, shared)
    for number in range(len(LATE)):
        quicker, slower = services[number % 3 == 0], services[number % 3 != 0]
        slow = slower.run(number * HOUR)
        slow.send(None)  # it has begun: what it builds on is read, its rows are taken
        assert (await quicker.run(number * HOUR)).committed
        before = shared.copy().stored(NAME)
        overtaken = await _rest(slow)
        assert (overtaken.committed, overtaken.done) == (False, False)
        assert shared.stored(NAME) == before
    assert shared.stored(NAME) == straight.stored(NAME)


async def test_a_service_that_was_left_behind_goes_on_from_what_is_stored() -> None:
    """What it remembers is older than what is stored: its next cycle is lost, the one after it is right."""
    straight, shared = MemoryStore(), MemoryStore()
    monitor = plan(in_order(LATE))
    await run(monitor, straight)
    behind, ahead = cycle_of(monitor, shared), cycle_of(monitor, shared)
    await behind.run(0)
    for number in range(1, 5):
        await ahead.run(number * HOUR)
    assert not (await behind.run(5 * HOUR)).committed
    for number in range(5, len(LATE)):
        assert (await behind.run(number * HOUR)).committed
    assert not (await ahead.run(0)).committed
    assert shared.stored(NAME) == straight.stored(NAME)


async def _rest(started: Any) -> Any:
    while True:
        try:
            started.send(None)
        except StopIteration as ended:
            return ended.value


@pytest.mark.parametrize("window", [TIME, ROWS], ids=["time", "rows"])
async def test_restarts_change_nothing(window: WindowPlan) -> None:
    """Restarted before every cycle, everything that is stored is that of a run without a restart."""
    monitor, straight, restarted = plan(in_order(LATE), window), MemoryStore(), MemoryStore()
    await run(monitor, straight)
    await run(monitor, restarted, restarts=range(len(LATE)))
    assert restarted.stored(NAME) == straight.stored(NAME)


async def test_a_source_that_fails_delays_rows_and_loses_none() -> None:
    """The cycle raises, nothing is written, and the next one of the same object takes the same rows."""
    straight, store = MemoryStore(), MemoryStore()
    await run(plan(in_order(LATE)), straight)
    cycle = cycle_of(plan(Takes(in_order(LATE), failing={0, 3, 7})), store)
    for number in range(len(LATE)):
        before = store.copy().stored(NAME)
        if number in {0, 3, 7}:
            with pytest.raises(SourceError, match=f"take {number} cannot be had"):
                await cycle.run(number * HOUR)
        assert store.stored(NAME) == before
        await cycle.run(number * HOUR)
    assert store.stored(NAME) == straight.stored(NAME)


async def test_a_reference_that_cannot_be_had_is_asked_for_again() -> None:
    """The cycle raises until the reference is there; from then on it is loaded once."""
    asked = []

    async def load() -> Reference:
        asked.append(len(asked))
        if len(asked) < 3:
            raise SourceError("the reference cannot be had now")
        return await declared()

    cycle = cycle_of(plan(in_order(range(4)), load_reference=load), MemoryStore())
    for _ in range(2):
        with pytest.raises(SourceError, match="reference"):
            await cycle.run(0)
    for number in range(4):
        assert (await cycle.run(number)).committed
    assert len(asked) == 3


class _Refusing(MemoryStore):
    """Refuses some commits."""

    def __init__(self, refused: set[int]) -> None:
        super().__init__()
        self._refused = refused

    async def commit(self, record: Any, *, began: float = 0.0) -> bool:
        """Raise once for each of the refused cycles."""
        if record.after.cycle in self._refused:
            self._refused.remove(record.after.cycle)
            raise StoreError("the database went away")
        return await super().commit(record, began=began)


async def test_a_commit_that_fails_is_done_again() -> None:
    """After a failed commit the cycle starts from what is stored, and nothing is counted twice."""
    straight, store = MemoryStore(), _Refusing({1, 4, 9})
    monitor = plan(in_order(LATE))
    await run(monitor, straight)
    cycle = cycle_of(monitor, store)
    for number in range(len(LATE)):
        if number + 1 in {1, 4, 9}:
            with pytest.raises(StoreError):
                await cycle.run(number * HOUR)
        await cycle.run(number * HOUR)
    assert store.stored(NAME) == straight.stored(NAME)


async def test_another_layout_starts_new_panes_and_keeps_the_position() -> None:
    """Edited to other panes the source goes on where it was, and no row of before is in a new window."""
    store = MemoryStore()
    takes = in_order(range(8))
    await run(plan(takes), store, 4)
    tumbling = WindowPlan(Unit.TIME, 2 * HOUR)
    reports = await run(plan(takes, tumbling), store, 4, done=4)
    assert [(w.last, w.rows) for report in reports for w in report.record.windows] == [(2, 8)]
    assert store.stored(NAME).checkpoint.rows == 32
    assert reports[0].record.after.position == {"place": 5}


async def test_rejected_rows_are_kept_and_counted() -> None:
    """What the source refused goes to the store with its reason; more may be counted than kept."""
    store = MemoryStore()
    reject = Reject({"size": "?"}, "the timestamp is missing")
    await run(plan([Take(rows(0), {}, rejects=(reject,), rejected=7)]), store)
    assert store.stored(NAME).rejects == [reject]
    assert [cycle.rejected for cycle in store.stored(NAME).cycles] == [7]


async def test_the_record_says_how_far_the_source_is() -> None:
    """Progress, lag, rows and the grid point are those of the take and of the slot."""
    take = Take(rows(0), {}, progress=0.25, lag_seconds=3.5)
    (report,) = await run(plan([take]), MemoryStore())
    record = report.record
    assert (record.progress, record.lag_seconds, record.rows, record.slot) == (0.25, 3.5, 4, 0)
    assert record.after == replace(
        Checkpoint(1, {"place": 1}, 4), watermark=int(take.batch.event_time.max()), closed=-1
    )
    assert record.layout.startswith(SCHEMA.fingerprint)


async def test_a_watermark_closes_panes_before_the_newest_row() -> None:
    """A source's promise closes a pane although no later row came; time never runs back."""
    store = MemoryStore()
    takes = [
        Take(rows(0), {}, watermark=2 * HOUR), Take(rows(2), {}, watermark=1 * HOUR), Take(rows(3), {})
    ]  # fmt: skip
    reports = await run(plan(takes), store)
    assert [[window.last for window in report.record.windows] for report in reports] == [[0, 1], [], [2]]
    assert np.all(np.diff([report.record.after.watermark or 0 for report in reports]) >= 0)
