"""Windows of thousands of panes: none of the work on them is done on the event loop."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from service.core.reference import reference
from service.core.reference.reference import Reference
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.cycle.cycle import Cycle
from service.runtime.compute_threads import workers
from tests.benchmarks.loop_holds import watched
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import HOUR, NAME, NOW, SCHEMA, Takes, plan, rows

PANES = 5_000
LONGEST_CPU_SECONDS = 0.2  # of a callback; decoding the panes, or merging them, takes seconds


async def _reference() -> Reference:
    return reference.of(rows(0, 40, seed=99), SCHEMA)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """Keep what earlier tests left out of garbage collections: they would hold the loop."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


async def test_windows_of_many_panes_do_not_hold_the_loop() -> None:
    """A start that reads the stored panes, and the cycles after it: no callback takes more than a moment."""
    times = np.arange(PANES, dtype=np.int64) * HOUR
    batches = [replace(rows(0, PANES), event_time=times), rows(PANES), rows(PANES + 1)]
    takes, store = Takes([Take(batch, {}) for batch in batches]), MemoryStore()
    window = WindowPlan(Unit.TIME, HOUR, PANES, min_rows=4)
    patient = replace(window, lateness=2 * PANES * HOUR)  # measures nothing yet
    async with workers() as compute:
        with watched() as holds:
            first = plan(takes, patient, load_reference=_reference)
            assert (await Cycle(first, store, compute, now=lambda: NOW).run(0)).committed
            # As if every window so far had been measured.
            stored = store.stored(NAME)
            stored.checkpoint = replace(stored.checkpoint, closed=PANES - 2)
            cycle = Cycle(plan(takes, window, load_reference=_reference), store, compute, now=lambda: NOW)
            for slot in (1, 2):
                assert (await cycle.run(slot * HOUR)).committed
    assert [each.window.panes for each in store.stored(NAME).windows] == [PANES] * 2
    assert [str(hold) for hold in holds.long if hold.cpu_seconds > LONGEST_CPU_SECONDS] == []
