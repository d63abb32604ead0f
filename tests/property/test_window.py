"""Windows: sliding equals recomputing from the rows, late rows re-open what they touch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.checkpoint import Checkpoint
from service.core.profile import profile
from service.core.profile.outcome import outcome
from service.core.profile.profile import Profile
from service.core.rows.batch import Batch
from service.core.rows.take import Take
from service.core.windows import window
from service.core.windows.panes import Pane, merge_into, profile_panes
from service.core.windows.window import Unit, WindowPlan
from tests.property.strategies import SCHEMA, batches

plans = st.builds(
    WindowPlan,
    unit=st.just(Unit.TIME),
    hop=st.integers(300, 3_000),
    panes=st.integers(1, 5),
    offset=st.integers(0, 500),
)


def _rows_between(batch: Batch, start: int, end: int) -> Batch:
    return batch.take(np.flatnonzero((batch.event_time >= start) & (batch.event_time < end)))


@given(batches(), plans)
def test_a_sliding_window_equals_recomputing_it(batch: Batch, plan: WindowPlan) -> None:
    """A window folded from panes is the profile of the rows that lie in its bounds."""
    panes = profile_panes(batch, SCHEMA, plan, 0)
    for last in range(min(panes, default=0), max(panes, default=-1) + plan.panes):
        held = [panes[key].profile for key in range(plan.first_of(last), last + 1) if key in panes]
        start, end = plan.bounds(plan.first_of(last))[0], plan.bounds(last)[1]
        whole = profile.merge(held) if held else profile.empty(SCHEMA)
        expected = profile.of(_rows_between(batch, start, end), SCHEMA)
        assert (whole.rows, whole[outcome.PART]) == (expected.rows, expected[outcome.PART])
        assert {n: c.distribution for n, c in whole.columns.items()} == {
            n: c.distribution for n, c in expected.columns.items()
        }


@given(batches(max_rows=40), st.lists(st.integers(0, 40), max_size=4), st.integers(1, 7), st.integers(1, 4))
def test_row_windows_do_not_depend_on_the_batches(
    batch: Batch, cuts: list[int], hop: int, panes: int
) -> None:
    """However rows arrive, the windows of every `hop` rows hold the same rows."""
    plan = WindowPlan(Unit.ROWS, hop, panes)
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = [batch.take(slice(a, b)) for a, b in pairwise(edges)]
    assert _replayed(parts, plan) == _replayed([batch], plan)


@given(st.lists(batches(max_rows=8), min_size=1, max_size=4), plans, st.permutations(range(4)))
def test_late_batches_end_in_the_same_windows(parts: list[Batch], plan: WindowPlan, order: list[int]) -> None:
    """Batches in any order leave every window that was measured with the same last measurement."""
    late = [parts[index] for index in order if index < len(parts)]
    in_time, out_of_order = _replayed(parts, plan, end=20_000), _replayed(late, plan, end=20_000)
    shared = in_time.keys() & out_of_order.keys()
    full = {last for last, whole in in_time.items() if whole.rows}
    assert full <= shared
    assert all(in_time[last] == out_of_order[last] for last in shared)


def _replayed(parts: list[Batch], plan: WindowPlan, end: int | None = None) -> dict[int, Profile]:
    """Take the parts one by one as a cycle does; return each window's latest profile."""
    state, panes, seen = Checkpoint(), dict[int, Pane](), dict[int, Profile]()
    takes = [Take(part, {}) for part in parts]
    if end is not None:
        takes.append(Take(parts[0].take(slice(0, 0)), {}, watermark=end))
    for take in takes:
        fresh = profile_panes(take.batch, SCHEMA, plan, state.rows)
        after = state.after(take, plan)
        panes |= merge_into(panes, fresh)
        due = window.due(plan, before=state.closed, now=after.closed, touched=fresh, held=panes)
        for last in due:
            held = [panes[key].profile for key in range(plan.first_of(last), last + 1) if key in panes]
            seen[last] = profile.merge(held) if held else profile.empty(SCHEMA)
        state = after
    return seen


def test_a_long_gap_keeps_no_empty_windows() -> None:
    """A source that pauses for a year is not answered by a million rows that say nothing."""
    plan = WindowPlan(Unit.TIME, hop=60, panes=3)
    due = window.due(plan, before=10, now=1_000_000, touched=[999_000], held=[9, 10, 999_000])
    assert due == [11, 12, 999_000, 999_001, 999_002]


def test_a_window_waits_for_the_lateness() -> None:
    """With a lateness, a pane closes only when the watermark is that far past its end."""
    plan = WindowPlan(Unit.TIME, hop=100, lateness=50)
    assert window.last_closed(plan, watermark=149, rows=0) == -1
    assert window.last_closed(plan, watermark=150, rows=0) == 0
