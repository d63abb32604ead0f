"""Evidence against a tolerance in a monitor's cycles: late labels, late rows, an end, and an edited file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from service.core.rows.batch import Batch, Numbers
from service.core.rows.late_labels import LateLabels
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.methods.performance.tolerance import Evidence, Tolerance
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import HOUR, MEASURES, NAME, declared_in_days, labels_of, plan, rows, run

DAILY = WindowPlan(Unit.TIME, 24 * HOUR, min_rows=4)
TOLERANT = replace(MEASURES, tolerances={"mae": Tolerance(0.1, relative=True)})
DAYS = 9


def monitor_of(takes: list[Take], **more: Any) -> Any:
    """Return a monitor with a tolerance over `takes`."""
    return plan(takes, DAILY, load_reference=declared_in_days, measures=TOLERANT, **more)


def evidence(store: MemoryStore) -> Evidence:
    """Return the stored evidence."""
    return Evidence.decode(store.stored(NAME).checkpoint.tolerances["mae"])


def given(batch: Batch) -> Batch:
    """Return rows with the labels that `labels_of` gives them."""
    return batch.with_column("truth", Numbers(np.arange(batch.rows, dtype=np.float64) + 10.0))


def takes_of(*, late: bool, delay: int = 2) -> list[Take]:
    """Return days of rows whose labels come at once, or some days after them."""
    batches = [rows(24 * day, 6, labelled=False) for day in range(DAYS)]
    if not late:
        return [*(Take(given(batch), {}) for batch in batches), Take(rows(0, 0), {}, exhausted=True)]

    def came(day: int) -> LateLabels | None:
        batch = batches[day - delay] if 0 <= day - delay < DAYS else None
        return None if batch is None else labels_of(batch, range(6), at=24 * day)

    found = [Take(batch, {}, labels=came(day)) for day, batch in enumerate(batches)]
    found += [Take(rows(0, 0), {}, labels=came(DAYS + more)) for more in range(delay)]
    return [*found, Take(rows(0, 0), {}, exhausted=True)]


async def test_late_labels_end_in_the_same_evidence() -> None:
    """Days are counted when their labels' time is over: the end is that of labels that came at once."""
    punctual, late, restarted = MemoryStore(), MemoryStore(), MemoryStore()
    await run(monitor_of(takes_of(late=False)), punctual)
    monitor = monitor_of(takes_of(late=True), label_wait=3 * 24 * HOUR)
    await run(monitor, late)
    await run(monitor, restarted, restarts=range(20))
    found = evidence(late)
    assert found == evidence(punctual) == evidence(restarted)
    assert (found.through, len(found.history), found.late_rows) == (DAYS - 1, DAYS, 0)


async def test_rows_that_come_after_their_day_was_counted_are_left_out() -> None:
    """They correct their window, and the evidence says how many they were."""
    takes = takes_of(late=False)
    takes.insert(5, Take(given(rows(25, 4, seed=1)), {}))
    store, plain = MemoryStore(), MemoryStore()
    await run(monitor_of(takes), store)
    await run(monitor_of(takes_of(late=False)), plain)
    assert evidence(store) == replace(evidence(plain), late_rows=4)
    assert max(each.revision for each in store.stored(NAME).windows) == 2


async def test_a_tolerance_that_is_taken_out_is_forgotten() -> None:
    """Its evidence goes with the next cycle; a tolerance that changed begins again."""
    store, takes = MemoryStore(), takes_of(late=False)
    monitor = monitor_of(takes)
    await run(monitor, store, 4)
    assert evidence(store).through == 2
    edited = replace(TOLERANT, tolerances={"mae": Tolerance(0.5, relative=True)})
    await run(replace(monitor, measures=edited), store, 1, done=4)
    assert [day for day, _, _ in evidence(store).history] == [3]
    await run(replace(monitor, measures=MEASURES), store, 1, done=5)
    assert store.stored(NAME).checkpoint.tolerances == {}
