"""Rows that come after retention has dropped their panes are refused with the reason."""

from __future__ import annotations

import pytest

from service.core.rows.take import Take
from service.cycle.late_rows import REASON
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import NAME, Takes, in_order, joined, plan, rows, run

HOURS = range(100, 110)


async def test_a_row_behind_the_kept_panes_is_refused() -> None:
    """It is counted as a rejected row with its cells, and no window of it is measured again."""
    store = MemoryStore()
    late = Take(joined([rows(101, 2, seed=5), rows(108, 2, seed=6)]), {}, refused=(0, 4))
    monitor = plan(Takes([*in_order(HOURS), late]))
    await run(monitor, store, 10)
    before = len(store.stored(NAME).windows)
    store.drop_panes(NAME, 105)
    (report,) = await run(monitor, store, 1, done=10)
    stored = store.stored(NAME)
    assert (report.record.rejected, report.record.rows) == (2, 2)
    assert {reject.reason for reject in stored.rejects} == {REASON}
    assert stored.rejects[0].row["event_time"].startswith("1970-01-05T05:00")
    assert set(stored.rejects[0].row) == {"event_time", "size", "place", "guess", "truth"}
    measured = [(each.window.first, each.window.last) for each in stored.windows[before:]]
    assert measured == [(106, 108)]
    shares = {m.series.metric: m.value for m in stored.windows[-1].window.measurements if not m.series.column}
    assert shares["rejected_share"] == 0.5
    assert 101 not in {key for _, key in stored.panes}


async def test_a_window_of_which_a_pane_is_gone_is_not_measured_again() -> None:
    """A late row in a kept pane counts there; windows that begin before the kept panes stay as they are."""
    store = MemoryStore()
    monitor = plan(Takes([*in_order(HOURS), Take(rows(106, 2, seed=5), {})]))
    await run(monitor, store, 10)
    before = len(store.stored(NAME).windows)
    store.drop_panes(NAME, 105)
    await run(monitor, store, 1, done=10, restarts=[10])
    again = [(each.window.first, each.window.last) for each in store.stored(NAME).windows[before:]]
    assert again == [(105, 107), (106, 108)]


@pytest.mark.parametrize("kept_from", [None, 90])
async def test_without_a_dropped_pane_a_late_row_has_its_windows_measured(kept_from: int | None) -> None:
    """However late a row is: where all panes are kept its windows are whole."""
    store = MemoryStore()
    monitor = plan(Takes([*in_order(HOURS), Take(rows(101, 2, seed=5), {})]))
    await run(monitor, store, 10)
    before = len(store.stored(NAME).windows)
    if kept_from is not None:
        store.drop_panes(NAME, kept_from)
    (report,) = await run(monitor, store, 1, done=10)
    again = [(each.window.first, each.window.last) for each in store.stored(NAME).windows[before:]]
    assert (again, report.record.rejected) == ([(99, 101), (100, 102), (101, 103)], 0)


async def test_a_retention_that_drops_panes_meanwhile_is_noticed() -> None:
    """What is dropped is looked up after the panes were read, so that a window is never measured by half."""
    store = MemoryStore()
    monitor = plan(Takes([*in_order(HOURS), Take(rows(101, 2, seed=5), {})]))
    await run(monitor, store, 10)
    before = len(store.stored(NAME).windows)
    read = store.panes_at

    async def read_then_drop(*asked: object) -> object:
        found = await read(*asked)  # type: ignore[arg-type]
        store.drop_panes(NAME, 105)
        return found

    store.panes_at = read_then_drop  # type: ignore[assignment,method-assign]
    (report,) = await run(monitor, store, 1, done=10)
    assert (len(store.stored(NAME).windows), report.record.rejected) == (before, 2)
