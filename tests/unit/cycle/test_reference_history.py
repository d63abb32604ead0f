"""References that move: what every window is compared with follows from the rows that came before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.core.profile import profile
from service.core.rows.batch import Batch, Numbers
from service.core.rows.take import Take
from service.core.windows.moving_reference import MovingPlan, Past
from service.core.windows.panes import pane_records, profile_panes
from service.core.windows.window import WindowPlan
from service.cycle.reference_history import PANES_AT_ONCE, History
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import (
    DECLARED,
    HOUR,
    NAME,
    NOW,
    ROWS,
    SCHEMA,
    TIME,
    InlineCompute,
    in_order,
    joined,
    labels_of,
    measurements,
    plan,
    rows,
    run,
)

# A gap of two hours, and rows that come one, three and nine hours late.
HOURS = [0, 1, 2, 3, 4, 5, 4, 8, 9, 6, 10, 11, 12, 3, 13, 14]
MOVES = [MovingPlan(2), MovingPlan(1), MovingPlan()]
NAMES = ["rolling 2", "rolling 1", "expanding"]


@pytest.mark.parametrize("window", [TIME, ROWS], ids=["time", "rows"])
@pytest.mark.parametrize("moving", MOVES, ids=NAMES)
async def test_restarts_change_nothing(window: WindowPlan, moving: MovingPlan) -> None:
    """Restarted at times or before every cycle, every value of every revision is the same."""
    monitor, straight = plan(in_order(HOURS), window, moving=moving), MemoryStore()
    await run(monitor, straight)
    for restarts in ({4, 9, 10, 13}, range(len(HOURS))):
        store = MemoryStore()
        await run(monitor, store, restarts=restarts)
        assert store.stored(NAME) == straight.stored(NAME)


@pytest.mark.parametrize("moving", MOVES, ids=NAMES)
async def test_a_window_is_compared_with_the_rows_before_it(moving: MovingPlan) -> None:
    """Its error and size are those of the rows that had come by then, or of the declared reference."""
    takes = in_order(HOURS)
    reports = await run(plan(takes, moving=moving), MemoryStore())
    used = 0
    for number, report in enumerate(reports):
        for window in report.record.windows:
            start = window.first - TIME.panes * (moving.windows or 1)
            before = [
                take.batch
                for hour, take in zip(HOURS[: number + 1], takes, strict=False)
                if hour < window.first and (hour >= start or moving.windows is None)
            ]
            reaches = start >= min(HOURS) and sum(batch.rows for batch in before) >= TIME.min_rows
            used += reaches
            size, error = _size_and_error(window.measurements)
            assert size == (sum(batch.rows for batch in before) if reaches else None)
            wanted = _error(joined(before)) if reaches else DECLARED_ERROR
            assert error == pytest.approx(wanted, rel=1e-12), (number, window.last)
    assert used > 6


def _error(batch: Batch) -> float:
    guess, truth = batch.columns["guess"], batch.columns["truth"]
    assert isinstance(guess, Numbers)
    assert isinstance(truth, Numbers)
    return float(np.abs(guess.values - truth.values).mean())


DECLARED_ERROR = _error(rows(0, 40, seed=99))


def _size_and_error(found: Any) -> tuple[float | None, float | None]:
    (size,) = (m for m in found if m.series.metric == "moving_reference_rows")
    (error,) = (m for m in found if m.series.metric == "mae" and not m.series.segment)
    assert (size.value is None) == bool(size.reason)
    return size.value, error.reference


async def test_a_fixed_reference_needs_no_history() -> None:
    """Without a moving reference there is no measurement of it, and no pane is held or read for one."""
    history = History(None, TIME, monitor=NAME, store=_Untouched(), compute=InlineCompute())
    assert (history.behind, history.wanted([7]), await history.past("x", 3)) == (0, set(), Past())
    assert await history.early("x", Past(), [1, 2]) == {}
    assert history.moved_on(Past(), {}, 4) == history.arrived(Past(), {}, {}) == Past()
    store = MemoryStore()
    await run(plan(in_order(HOURS)), store)
    metrics = {m.series.metric for found in measurements(store).values() for m in found}
    assert "moving_reference_rows" not in metrics


class _Untouched:
    async def panes(self, *_: Any, **__: Any) -> Any:
        """Fail: nothing may be read."""
        raise AssertionError("a reference that stays was read from the store")


@pytest.mark.parametrize("count", [1, PANES_AT_ONCE - 1, PANES_AT_ONCE, PANES_AT_ONCE + 1, 3 * PANES_AT_ONCE])
async def test_a_history_of_any_length_is_merged_whole(count: int) -> None:
    """Read a few panes at a time, none is left out and none is merged twice."""
    takes = [Take(rows(hour, 2), {}) for hour in range(count)]
    store = MemoryStore()
    monitor = plan(takes)
    (*_, last) = await run(monitor, store)
    history = History(MovingPlan(), TIME, monitor=NAME, store=store, compute=InlineCompute())
    past = await history.past(last.record.layout, count)
    everything = joined([take.batch for take in takes]).taken(NOW, live=False).numbered(0)
    assert past == Past(count, profile.of(everything, SCHEMA, DECLARED.spec), 0)
    nothing = await history.past(last.record.layout, 0)
    assert (nothing.whole, nothing.oldest) == (None, 0)


async def test_what_lies_before_the_past_is_merged_again_for_late_rows() -> None:
    """Windows that begin before what is kept of the past get the rows before their own first pane."""
    store = MemoryStore()
    takes = in_order(range(12))
    (*_, last) = await run(plan(takes), store)
    history = History(MovingPlan(), TIME, monitor=NAME, store=store, compute=InlineCompute())
    layout = last.record.layout
    early = await history.early(layout, Past(6, None, 0), [9, 3, 5, 8, 7])
    assert sorted(early) == [1, 3, 5]  # the window that ends with pane 8 begins where the past ends
    for first, past in early.items():
        before = joined([take.batch for take in takes[:first]]).taken(NOW, live=False).numbered(0)
        assert past == Past(first, profile.of(before, SCHEMA, DECLARED.spec), 0)


async def test_the_past_takes_in_late_rows_and_moves_on() -> None:
    """Late rows go into what is merged, others wait until the past reaches their pane."""
    history = History(MovingPlan(), TIME, monitor=NAME, store=_Untouched(), compute=InlineCompute())
    panes = profile_panes(joined([rows(hour) for hour in range(6)]), SCHEMA, TIME, 0, DECLARED.spec)
    late = {1: panes[1], 4: panes[4]}
    past = history.arrived(Past(3, panes[0].profile, 2), late, {2: panes[2].profile, 5: panes[5].profile})
    assert past.oldest == 1
    assert past.whole == profile.merge([panes[key].profile for key in (0, 1, 2)])
    moved = history.moved_on(past, {key: panes[key] for key in (3, 4, 5)}, 5)
    assert moved == Past(5, profile.merge([panes[key].profile for key in range(5)]), 1)
    assert len(pane_records(panes)) == 6


@pytest.mark.parametrize("moving", MOVES, ids=NAMES)
async def test_late_labels_correct_what_later_windows_are_compared_with(moving: MovingPlan) -> None:
    """With labels hours late, restarts change nothing, and references have the errors of labelled rows."""
    batches = [rows(hour, 6, labelled=False) for hour in range(12)]
    takes = [
        Take(batch, {}, labels=labels_of(batches[hour - 2], range(6), at=hour) if hour > 1 else None)
        for hour, batch in enumerate(batches)
    ]
    monitor = plan(takes, moving=moving, label_wait=99 * HOUR)
    straight, restarted = MemoryStore(), MemoryStore()
    await run(monitor, straight)
    await run(monitor, restarted, restarts=range(12))
    assert restarted.stored(NAME) == straight.stored(NAME)
    errors = {last: _size_and_error(found) for (_, last), found in measurements(straight).items()}
    assert errors[8] == (36 if moving.windows == 2 else 18 if moving.windows else 36, errors[8][1])
    assert errors[8][1] not in (None, DECLARED_ERROR)
