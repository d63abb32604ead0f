"""Cycles that are broken off between any two awaits, by a kill or by an error: no stored value differs."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from service.cycle.cycle import Cycle
from service.cycle.monitor_plan import MonitorPlan
from service.errors import StoreError
from tests.memory_store import MemoryStore, Stored
from tests.unit.cycle.arrivals import Arrivals, Yielding, filled, on
from tests.unit.cycle.build import HOUR, NAME, Takes, cycle_of
from tests.unit.cycle.monitors import ALL, Sums


@dataclass(frozen=True)
class Undisturbed:
    """What is stored before each cycle, after the last one too, and at how many awaits each can break off."""

    stored: list[MemoryStore]
    awaits: list[int]


def started(monitor: MonitorPlan, store: MemoryStore) -> Cycle:
    return cycle_of(on(monitor, store), Yielding(store), Yielding(Sums()))


def count_awaits(cycle: Coroutine[Any, Any, Any]) -> int:
    """Run to the end; return how often the event loop had its turn."""
    count = 0
    try:
        while True:
            cycle.send(None)
            count += 1
    except StopIteration:
        return count


async def undisturbed(monitor: MonitorPlan, cycles: int, *, restart: bool) -> Undisturbed:
    store, cycle = filled(monitor), None
    stored, awaits = [store.copy()], []
    for number in range(cycles):
        if cycle is None or restart:
            cycle = started(monitor, store)
        awaits.append(count_awaits(cycle.run(number * HOUR)))
        stored.append(store.copy())
    return Undisturbed(stored, awaits)


def cycles_of(monitor: MonitorPlan) -> int:
    source = monitor.source.wrapped  # type: ignore[attr-defined]
    assert isinstance(source, Takes | Arrivals)
    return len(source.takes)


def break_off(cycle: Coroutine[Any, Any, Any], at: int, error: Exception | None) -> None:
    """Run a cycle to its await number `at`, and end it there: with an error, or as a kill does (None)."""
    for _ in range(at):
        cycle.send(None)
    if error is None:
        cycle.close()
        return
    with pytest.raises(type(error)):
        cycle.throw(error)


async def finish(cycle: Cycle, store: MemoryStore, upto: int) -> Stored:
    """Run cycles until as many as `upto` are stored, and return what is."""
    while (done := store.stored(NAME).checkpoint.cycle) < upto:
        assert (await cycle.run(done * HOUR)).committed
    return store.stored(NAME)


@pytest.mark.parametrize("kind", ALL)
async def test_a_kill_between_any_two_awaits_changes_nothing(kind: str) -> None:
    """Killed at any await of any cycle, the next start goes on to the same content, value for value."""
    monitor = ALL[kind]
    count = cycles_of(monitor)
    expected = await undisturbed(monitor, count, restart=True)
    for number, awaits in enumerate(expected.awaits):
        left = dict[int, MemoryStore]()  # by how many cycles are stored after the kill
        for at in range(1, awaits + 1):
            store = expected.stored[number].copy()
            break_off(started(monitor, store).run(number * HOUR), at, None)
            stored = store.stored(NAME)
            kept = stored.checkpoint.cycle
            assert stored == expected.stored[kept].stored(NAME), f"cycle {number}, killed at await {at}"
            left[kept] = store
        # A start knows nothing but the store, so that one continuation serves all kills that left the same.
        assert set(left) == {number, number + 1}
        upto = min(number + 2, count)
        for store in left.values():
            found = await finish(started(monitor, store), store, upto)
            assert found == expected.stored[upto].stored(NAME), f"cycle {number}"


@pytest.mark.parametrize("kind", ALL)
async def test_an_error_at_any_await_changes_nothing(kind: str) -> None:
    """Whatever fails at whichever await, the same object goes on to the same content in its next cycles."""
    monitor = ALL[kind]
    count = cycles_of(monitor)
    expected = await undisturbed(monitor, count, restart=False)
    for number in range(1, count):
        for at in range(1, expected.awaits[number] + 1):
            store = expected.stored[number - 1].copy()
            cycle = started(monitor, store)
            await finish(cycle, store, number)
            break_off(cycle.run(number * HOUR), at, StoreError("the database went away"))
            found = await finish(cycle, store, number + 1)
            assert found == expected.stored[number + 1].stored(NAME), f"cycle {number}, failed at await {at}"


@pytest.mark.parametrize("kind", ALL)
async def test_an_undisturbed_run_does_what_it_is_there_for(kind: str) -> None:
    """The monitors above do what could go wrong: each has its late rows, events, labels or answers."""
    monitor = ALL[kind]
    store = (await undisturbed(monitor, cycles_of(monitor), restart=False)).stored[-1].stored(NAME)
    again = [each.revision for each in store.windows]
    kinds = {event.kind for event in store.events}
    series = {(m.series.metric, m.value is None) for each in store.windows for m in each.window.measurements}
    done = {
        "steady": max(again) > 1 and {"ended", "schema_change", "change_point", "breach"} <= kinds,
        "rows": store.checkpoint.rows == 25 and len(store.panes) == 5,
        "late labels": sum(each.labels for each in store.cycles) > 5
        and sum(each.given_up for each in store.cycles) > 0
        and bool(store.waiting)
        and max(again) > 1,
        "rolling": ("moving_reference_rows", False) in series and max(again) > 1,
        "expanding": ("moving_reference_rows", False) in series and max(again) > 1,
        "sent": sum(each.labels for each in store.cycles) == 3
        and sum(each.rejected for each in store.cycles) == 2
        and not store.inbox
        and not store.ahead
        and max(again) > 1,
        "worker": ("empirical_mmd", False) in series,
        "tolerance": ("mae_worse_by", False) in series and max(again) > 1,
    }
    assert done[kind]
