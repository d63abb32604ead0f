"""What a cycle says of itself: how long it took, what was refused, and where a source ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from service.core.rows.take import Take
from service.methods.quality.limits import REJECTED
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import HOUR, NAME, cycle_of, in_order, plan, rows, run


@dataclass
class Clocked:
    """A store that keeps when each commit says its cycle began."""

    store: MemoryStore
    began: list[float] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def commit(self, record: Any, *, began: float = 0.0) -> bool:
        """Write a cycle."""
        self.began.append(began)
        return await self.store.commit(record, began=began)


async def test_a_cycle_takes_from_its_begin_to_its_commit() -> None:
    """The report has the seconds, and the store is told when it began, on the event loop's clock."""
    store, clock = Clocked(MemoryStore()), asyncio.get_running_loop().time
    before = clock()
    report = await cycle_of(plan(in_order([0])), store).run(0)
    after = clock()
    assert before <= store.began[0] <= after
    assert 0.0 <= report.seconds <= after - store.began[0]


async def test_the_share_of_refused_rows_is_measured_with_every_window() -> None:
    """A source that judges what it refuses gives each of the cycle's windows the share, another none."""
    takes = [Take(rows(hour), {}, refused=(1, 8)) for hour in range(3)]
    judged, silent = MemoryStore(), MemoryStore()
    await run(plan(takes), judged)
    await run(plan(in_order(range(3))), silent)
    for store, expected in ((judged, [(0.125, 8)]), (silent, [])):
        windows = [each.window for each in store.stored(NAME).windows]
        assert windows
        for window in windows:
            found = [(m.value, m.rows) for m in window.measurements if m.series.metric == REJECTED]
            assert found == expected
    lasting = {m.series for each in silent.stored(NAME).windows for m in each.window.measurements}
    assert lasting <= {m.series for each in judged.stored(NAME).windows for m in each.window.measurements}


async def test_a_source_that_ends_at_once_closes_its_only_pane() -> None:
    """Nothing will follow: the open pane is complete, and its windows are measured."""
    store = MemoryStore()
    await run(plan([Take(rows(0), {}, exhausted=True)]), store)
    assert store.stored(NAME).checkpoint.closed == 0
    assert [each.window.last for each in store.stored(NAME).windows] == [0]


async def test_a_source_that_ends_opens_no_pane_again() -> None:
    """What its watermark closed beyond the last row stays closed."""
    store = MemoryStore()
    takes = [*in_order([0]), Take(rows(1), {}, watermark=3 * HOUR), Take(rows(0, 0), {}, exhausted=True)]
    await run(plan(takes), store)
    assert store.stored(NAME).checkpoint.closed == 2
