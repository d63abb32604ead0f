"""A source that has ended: said once per end, and measured again after an edit of the panes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import HOUR, NAME, Takes, cycle_of, in_order, plan, rows

DAYS = WindowPlan(Unit.TIME, 2 * HOUR)


@dataclass
class Replay(Takes):
    """Hands over its takes, knows which is the last, and after that says again that it has ended."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the take after `position`."""
        place = position["place"] if position else 0
        found = await super().take(position)
        return replace(found, exhausted=place + 1 >= len(self.takes))


async def _to_the_end(source: Replay, store: MemoryStore, window: WindowPlan, cycles: int = 20) -> None:
    cycle = cycle_of(plan(source, window), store)
    for number in range(cycles):
        if (await cycle.run(number * HOUR)).done:
            return
    raise AssertionError("the source did not end")


def _kinds(store: MemoryStore) -> list[str]:
    return [event.kind for event in store.stored(NAME).events if event.kind in {"ended", "reset"}]


async def test_a_restart_on_an_ended_source_says_nothing_more() -> None:
    """However often the service starts, one end is one event, and no window is measured again."""
    store, source = MemoryStore(), Replay(in_order([0, 1, 2]))
    for _ in range(4):
        await _to_the_end(source, store, DAYS)
    assert _kinds(store) == ["ended"]
    assert store.stored(NAME).checkpoint.ended
    assert {each.revision for each in store.stored(NAME).windows} == {1}


async def test_a_source_that_has_grown_ends_again() -> None:
    """The rows that were added are measured, and their end is another one."""
    store = MemoryStore()
    await _to_the_end(Replay(in_order([0, 1, 2])), store, DAYS)
    await _to_the_end(Replay(in_order([0, 1, 2, 3, 4])), store, DAYS)
    assert _kinds(store) == ["ended", "ended"]


async def test_an_edit_after_the_end_measures_everything_again() -> None:
    """With other panes the source is read from its start: its windows are those of a fresh start."""
    store, fresh, takes = MemoryStore(), MemoryStore(), in_order(range(6))
    edited = WindowPlan(Unit.TIME, HOUR)
    await _to_the_end(Replay(takes), store, DAYS)
    before = len(store.stored(NAME).windows)
    await _to_the_end(Replay(takes), store, edited)
    await _to_the_end(Replay(takes), fresh, edited)
    assert store.stored(NAME).windows[before:] == fresh.stored(NAME).windows
    assert _kinds(store) == ["ended", "reset", "ended"]
    again = store.stored(NAME).checkpoint
    assert replace(again, cycle=0) == replace(fresh.stored(NAME).checkpoint, cycle=0)


async def test_an_edit_before_the_end_goes_on_from_there() -> None:
    """Rows that are still to come fill the new panes, so that nothing is read twice."""
    store, takes = MemoryStore(), in_order(range(6))
    cycle = cycle_of(plan(Replay(takes), DAYS), store)
    for number in range(3):
        await cycle.run(number * HOUR)
    await _to_the_end(Replay(takes), store, WindowPlan(Unit.TIME, HOUR))
    assert _kinds(store) == ["ended"]
    assert store.stored(NAME).checkpoint.rows == 6 * rows(0).rows
