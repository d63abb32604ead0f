"""Labels that come after their rows: every window ends as if they had come at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.core.labels import join
from service.core.labels.remeasure import MAX_WINDOWS_AGAIN
from service.core.rows.batch import Batch, Numbers
from service.core.rows.late_labels import LateLabels
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.methods.alarm import AlarmPlan
from tests.memory_store import MemoryStore, Stored
from tests.unit.cycle.build import HOUR, NAME, ROWS, TIME, labels_of, plan, rows, run
from tests.unit.cycle.monitors import DETECTORS

WAIT = 6 * HOUR
DAY_OF_HOURS = 14
# What a row held when it came stays so: its hash is that of a row without a label.
NOT_ALIKE = {"duplicate_row_share", "unmatched_label_share"}


def given(batch: Batch) -> Batch:
    """Return rows with the labels that `labels_of` gives them."""
    return batch.with_column("truth", Numbers(np.arange(batch.rows, dtype=np.float64) + 10.0))


def takes(*, late: bool, delay: int = 4) -> list[Take]:
    """Return hours of rows whose labels come at once, or `delay` hours after them."""
    batches = [rows(hour, 6, labelled=False) for hour in range(DAY_OF_HOURS)]
    if not late:
        found = [Take(given(batch), {}) for batch in batches]
    else:
        labels = dict(enumerate(batches))
        found = [
            Take(batch, {}, labels=_every(labels.get(hour - delay), hour))
            for hour, batch in enumerate(batches)
        ]
        rest = range(DAY_OF_HOURS - delay, DAY_OF_HOURS)
        found += [Take(rows(0, 0), {}, labels=_every(labels[hour], hour + delay)) for hour in rest]
    return [*found, Take(rows(0, 0), {}, exhausted=True)]


def _every(batch: Batch | None, known: int) -> LateLabels | None:
    return None if batch is None else labels_of(batch, range(batch.rows), at=known)


def windows(stored: Stored) -> dict[Any, Any]:
    return {
        panes: [m for m in window.measurements if m.series.metric not in NOT_ALIKE]
        for panes, window in stored.latest.items()
    }


def events(stored: Stored) -> list[Any]:
    """Return the events but for those of the share of drifted columns, which does not wait for labels."""
    found = [event for event in stored.events if event.metric != "drift_share" and event.kind != "ended"]
    return sorted(found, key=lambda event: (event.at, event.kind, event.column, event.metric))


@pytest.mark.parametrize("restarts", [(), range(40)], ids=["straight", "restarted"])
@pytest.mark.parametrize(
    "window", [TIME, ROWS, WindowPlan(Unit.TIME, HOUR)], ids=["sliding", "rows", "tumbling"]
)
async def test_late_labels_end_in_the_same_measurements(window: WindowPlan, restarts: Any) -> None:
    """Every measurement, alarm and change point is that of a run in which all labels came with their rows."""
    punctual, late = MemoryStore(), MemoryStore()
    more: dict[str, Any] = {"detectors": DETECTORS, "alarm": AlarmPlan(2, 3)}
    await run(plan(takes(late=False), window, **more), punctual)
    await run(plan(takes(late=True), window, label_wait=WAIT, **more), late, restarts=restarts)
    assert windows(late.stored(NAME)) == windows(punctual.stored(NAME))
    assert events(late.stored(NAME)) == events(punctual.stored(NAME))
    assert {"breach", "change_point"} <= {event.kind for event in events(late.stored(NAME))}
    assert late.stored(NAME).waiting == []
    assert sum(cycle.labels for cycle in late.stored(NAME).cycles) == DAY_OF_HOURS * 6


async def test_restarts_between_labels_change_nothing() -> None:
    """Started afresh before every cycle, every revision, event and waiting row is the same."""
    monitor = plan(takes(late=True), label_wait=WAIT)
    straight, restarted = MemoryStore(), MemoryStore()
    await run(monitor, straight)
    await run(monitor, restarted, restarts=range(40))
    assert restarted.stored(NAME) == straight.stored(NAME)
    assert max(each.revision for each in straight.stored(NAME).windows) > 2


async def test_labels_reach_rows_farther_back_than_memory() -> None:
    """A label of the first hour, ten hours later, measures that hour's windows and no other again."""
    store, first = MemoryStore(), rows(0, labelled=False)
    stream = [Take(first, {}), *(Take(rows(hour), {}) for hour in range(1, 10))]
    stream.append(Take(rows(10), {}, labels=labels_of(first, [0, 2], at=10.5)))
    reports = await run(plan(stream, label_wait=100 * HOUR), store)
    measured = [(window.first, window.last, window.labelled) for window in reports[-1].record.windows]
    assert measured == [(-2, 0, 2), (-1, 1, 6), (0, 2, 10), (7, 9, 12)]


async def test_what_finds_no_row_is_refused() -> None:
    """Unknown ids, second labels and labels of rows that had one are rejects with the reason."""
    known, unknown = rows(0, labelled=False), rows(77, 1)
    store = MemoryStore()
    stream = [
        Take(known, {}),
        Take(rows(1), {}, labels=labels_of(known, [0, 0, 1], at=1)),
        Take(rows(2), {}, labels=labels_of(known, [0], at=2)),
        Take(rows(3), {}, labels=labels_of(unknown, [0], at=3)),
    ]
    reports = await run(plan(stream, label_wait=WAIT), store)
    assert [report.record.rejected for report in reports] == [0, 1, 1, 1]
    assert [reject.reason for reject in store.stored(NAME).rejects] == [
        f"{join.SECOND}, equal to the first: it counts once", join.LABELLED, join.NOT_WAITING,
    ]  # fmt: skip
    assert len(store.stored(NAME).waiting) == 2


async def test_labels_of_a_batch_come_with_it() -> None:
    """A label handed over with its own row is joined in the same cycle, and nothing waits."""
    store, batch = MemoryStore(), rows(0, labelled=False)
    stream = [Take(batch, {}, labels=labels_of(batch, range(4), at=0.5)), Take(rows(1), {})]
    await run(plan(stream, label_wait=WAIT), store)
    assert store.stored(NAME).waiting == []
    assert store.stored(NAME).latest[-2, 0].labelled == 4
    assert [cycle.labels for cycle in store.stored(NAME).cycles] == [4, 0]


async def test_rows_that_wait_too_long_are_given_up() -> None:
    """Rows older than the wait, counted from the newest instant whose labels have all come, are deleted."""
    store = MemoryStore()
    stream = [
        Take(rows(hour, labelled=False), {}, labels=labels_of(rows(hour), [], at=hour, until=hour + 1))
        for hour in range(4)
    ]
    await run(plan(stream, label_wait=2 * HOUR), store)
    assert [cycle.given_up for cycle in store.stored(NAME).cycles] == [0, 0, 4, 4]
    assert {row[3] for row in store.stored(NAME).waiting} == {2, 3}


async def test_a_monitor_that_expects_no_labels_forgets_the_rows_that_waited() -> None:
    """Nothing is kept for labels that are no longer expected."""
    store = MemoryStore()
    stream = [Take(rows(hour, labelled=False), {}) for hour in range(3)]
    await run(plan(stream, label_wait=WAIT), store, 2)
    assert len(store.stored(NAME).waiting) == 8
    (report,) = await run(plan(stream), store, 1, done=2)
    assert store.stored(NAME).waiting == []
    assert report.record.labels is None


async def test_many_windows_are_measured_again_over_several_cycles() -> None:
    """Labels of many hours at once queue up: the monitor is done when the last window is measured."""
    hours = MAX_WINDOWS_AGAIN * 2 + 5
    batches = [rows(hour, 1, labelled=False) for hour in range(hours)]
    stream = [Take(batch, {}) for batch in batches]
    everything = [labels_of(batch, [0], at=hours) for batch in batches]
    labels = LateLabels(
        np.concatenate([each.identity for each in everything]),
        Numbers(np.full(hours, 10.0)),
        np.full(hours, hours * HOUR),
        everything[0].names.take(np.zeros(hours, dtype=np.intp)),
    )
    stream.append(Take(rows(0, 0), {}, labels=labels, exhausted=True))
    window = WindowPlan(Unit.TIME, HOUR)
    store = MemoryStore()
    source = plan(stream, window, label_wait=1_000 * HOUR)
    ended = replace(source, source=_Ended(source.source))
    reports = await run(ended, store, hours + 4)
    last = reports[hours:]
    assert [len(report.record.windows) for report in last] == [
        1 + MAX_WINDOWS_AGAIN, MAX_WINDOWS_AGAIN, 4, 0,
    ]  # fmt: skip
    assert [report.done for report in last] == [False, False, True, True]
    assert [report.moved for report in last] == [True, True, True, False]
    assert all(window.labelled == 1 for window in store.stored(NAME).latest.values())


class _Ended:
    """A source that says it is exhausted whenever it has nothing more."""

    def __init__(self, source: Any) -> None:
        self._source = source

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the source's take, exhausted where it has no rows."""
        take: Take = await self._source.take(position)
        return replace(take, exhausted=not take.batch.rows)


async def test_a_window_whose_panes_are_gone_is_not_measured_again() -> None:
    """Labels of rows whose pane was deleted change nothing that can be measured."""
    batches = [rows(hour, 6, labelled=False) for hour in range(8)]
    came = labels_of(batches[0], range(6), at=8)
    store = MemoryStore()
    monitor = plan(
        [*(Take(batch, {}) for batch in batches), Take(rows(8, 6, labelled=False), {}, labels=came)],
        label_wait=90 * HOUR,
    )
    await run(monitor, store, 8)
    panes = store.stored(NAME).panes
    for key in [key for key in panes if key[1] <= 0]:
        del panes[key]
    (report,) = await run(monitor, store, 1, done=8)
    measured = [window.last for window in report.record.windows]
    assert 0 not in measured
    assert all(window.rows for window in report.record.windows)
