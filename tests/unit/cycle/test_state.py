"""Which panes stay in memory: all that a window to come can need, and none before them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from service.core.checkpoint import Checkpoint
from service.core.rows.take import Take
from service.core.windows.moving_reference import MovingPlan, Past
from service.core.windows.window import Unit, WindowPlan
from service.cycle.state import LONGEST_GAP, StateLoader
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import (
    HOUR,
    NAME,
    ROWS,
    TIME,
    InlineCompute,
    cycle_of,
    declared,
    in_order,
    measurements,
    plan,
    rows,
    run,
    without,
)


@dataclass
class Counting:
    """A store that counts what it is asked for."""

    store: MemoryStore
    calls: Counter[str]

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self.store, name)


async def layout_of(monitor: Any) -> str:
    return f"{monitor.layout}:{(await declared()).spec.fingerprint}"


@pytest.mark.parametrize(
    ("panes", "moving", "first"),
    [
        (1, None, 9),  # pane 8 is closed: a window of one pane needs the next one alone
        (3, None, 7),  # the window that ends with pane 9 begins with pane 7
        (3, MovingPlan(1), 4),  # and the window right before it with pane 4
        (3, MovingPlan(2), 1),
        (3, MovingPlan(), 4),
    ],
)
async def test_the_panes_of_the_next_window_and_its_reference_are_kept(
    panes: int, moving: MovingPlan | None, first: int
) -> None:
    """After a cycle and after a start the same panes are held: the first one needed, and none before it."""
    store = MemoryStore()
    monitor = plan(in_order(range(10)), WindowPlan(Unit.TIME, HOUR, panes, min_rows=4), moving=moving)
    cycle = cycle_of(monitor, store)
    for number in range(10):
        await cycle.run(number * HOUR)
    kept = cycle._state
    restored = await StateLoader(monitor, store, InlineCompute()).restored(await layout_of(monitor))
    assert kept is not None
    for state in (kept, restored):
        assert (state.checkpoint.closed, state.known_from) == (8, first)
        assert sorted(state.panes) == list(range(first, 10))
        assert (state.past.oldest, state.past.whole) == (restored.past.oldest, restored.past.whole)
    assert (kept.panes, kept.reported, kept.checkpoint) == (
        restored.panes,
        restored.reported,
        restored.checkpoint,
    )


async def test_rows_on_time_need_nothing_from_the_store() -> None:
    """Once it runs, a cycle reads no pane back: what its windows need is in memory."""
    for window, moving in ((TIME, None), (TIME, MovingPlan(2)), (ROWS, None)):
        counting = Counting(MemoryStore(), Counter())
        await run(plan(in_order(range(12)), window, moving=moving), counting)
        assert counting.calls["panes_at"] == 0
        assert counting.calls["panes"] == (1 if moving is None else 2)  # at the start
        assert (counting.calls["checkpoint"], counting.calls["commit"]) == (1, 12)


async def test_panes_in_memory_do_not_grow() -> None:
    """However long a monitor runs, it holds a window's worth of panes and the open one."""
    monitor = plan(in_order(range(40)))
    cycle = cycle_of(monitor, MemoryStore())
    for number in range(40):
        await cycle.run(number * HOUR)
        assert cycle._state is not None
        assert len(cycle._state.panes) <= TIME.panes


async def test_before_the_first_window_every_pane_is_kept() -> None:
    """Without a closed pane no bound is known, so that nothing may go."""
    loader = StateLoader(plan([]), MemoryStore(), InlineCompute())
    state = loader.retain(Checkpoint(), {-3: "pane", 5: "other"}, None, Past())  # type: ignore[dict-item]
    assert (state.known_from, sorted(state.panes)) == (None, [-3, 5])
    assert await loader.load_older(state, "a layout", lambda: [-7, 2]) == {}


async def test_older_panes_are_loaded_where_late_rows_reach_them() -> None:
    """Only those that are not in memory, and only those that exist."""
    store = MemoryStore()
    monitor = plan(in_order([0, 1, 2, 4, 5, 6]))
    await run(monitor, store)
    layout = await layout_of(monitor)
    loader = StateLoader(monitor, store, InlineCompute())
    state = await loader.restored(layout)
    assert state.known_from == 4
    assert sorted(await loader.load_older(state, layout, lambda: [0, 2, 3, 4, 5])) == [0, 2]
    assert await loader.load_older(state, layout, lambda: [4, 5, 6]) == {}


@pytest.mark.parametrize("gap", [*range(1, 8), 22, 23, 86, 87, 3_000])
async def test_a_start_after_a_gap_finds_what_the_columns_looked_like(gap: int) -> None:
    """The last closed pane with rows is found however far back it lies: what came back since is reported."""
    takes = in_order([0, 1, gap + 2, gap + 3])
    takes[1] = Take(without(rows(1), "place"), {})
    takes.insert(2, Take(rows(0, 0), {}, watermark=(gap + 2) * HOUR))
    straight, restarted = MemoryStore(), MemoryStore()
    await run(plan(takes), straight)
    await run(plan(takes), restarted, restarts=range(len(takes)))
    changes = [event.message for event in straight.stored(NAME).events if event.kind == "schema_change"]
    assert changes == ["place disappeared: none of 4 rows has it", "place came back"]
    assert restarted.stored(NAME) == straight.stored(NAME)


async def test_a_closed_pane_without_any_rows_before_it_ends_the_search() -> None:
    """Where no pane is stored there is nothing to compare with, and the search for one is bounded."""
    counting = Counting(MemoryStore(), Counter())
    monitor = plan([Take(rows(0, 0), {}, watermark=9 * HOUR)])
    await run(monitor, counting)
    counting.calls.clear()
    state = await StateLoader(monitor, counting, InlineCompute()).restored(await layout_of(monitor))
    assert (state.checkpoint.closed, state.reported, state.panes) == (8, None, {})
    assert 2 <= counting.calls["panes"] <= 2 + LONGEST_GAP.bit_length() // 2
    assert measurements(counting.store) == {}
