"""What a moving reference holds follows from the rows before the window, however they came and were kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.checkpoint import Checkpoint
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.rows.batch import Batch
from service.core.rows.take import Take
from service.core.windows import moving_reference, window
from service.core.windows.moving_reference import Compared, MovingPlan, Past
from service.core.windows.panes import Pane, merge_into, profile_panes
from service.core.windows.window import Unit, WindowPlan
from tests.property.strategies import SCHEMA, batches

DECLARED = profile.empty(SCHEMA)
END = 12_000  # all rows' times lie before it

plans = st.builds(WindowPlan, unit=st.just(Unit.TIME), hop=st.integers(300, 3_000), panes=st.integers(1, 3))
moves = st.builds(MovingPlan, st.none() | st.integers(1, 4))


def _before(rows: list[Batch], plan: WindowPlan, move: MovingPlan, last: int) -> Compared:
    """Return what a window should be compared with, straight from the rows that came up to now."""
    end = plan.first_of(last) * plan.hop
    start = end - (move.windows or 1) * plan.panes * plan.hop
    times = [int(time) for batch in rows for time in batch.event_time]
    reaches = bool(times) and min(times) // plan.hop * plan.hop <= start
    low = start if move.windows else min(times, default=0)
    parts = [
        profile.of(batch.take(np.flatnonzero((batch.event_time >= low) & (batch.event_time < end))), SCHEMA)
        for batch in rows
    ]
    whole = profile.merge([profile.empty(SCHEMA), *parts])
    return Compared(whole, whole.rows) if reaches and whole.rows else Compared(DECLARED, whole.rows, "why")


def _replayed(rows: list[Batch], plan: WindowPlan, move: MovingPlan, *, forget: list[bool]) -> None:
    """Take batches as a cycle does, now and then from the store alone, and check every window's reference."""
    state, past, held = Checkpoint(), Past(), dict[int, Pane]()
    stored: dict[int, Pane] = {}
    seen: list[Batch] = []
    takes = [Take(batch, {}) for batch in rows] + [Take(rows[0].take(slice(0, 0)), {}, watermark=END)]
    for take, forgotten in zip(takes, [*forget, False], strict=False):
        if forgotten:
            held = {key: pane for key, pane in stored.items() if past.before is None or key >= past.before}
            past = _restored(stored, past.before, move)
        fresh = profile_panes(take.batch, SCHEMA, plan, state.rows)
        after = state.after(take, plan)
        due = window.due(plan, before=state.closed, now=after.closed, touched=fresh, held={*held, *fresh})
        firsts = [plan.first_of(last) for last in due]
        least = min(firsts, default=0) - move.panes_behind(plan)
        older = {k: p for k, p in stored.items() if firsts and k >= least} | {
            k: stored[k] for k in fresh if k in stored
        }
        panes = {**older, **held}
        early = {}
        if move.windows is None and past.before is not None:
            early = {first: _restored(stored, first, move) for first in firsts if first < past.before}
        everything = {**panes, **merge_into(panes, fresh)}
        seen.append(take.batch)
        found = moving_reference.references(
            move,
            plan,
            due,
            everything,
            past=moving_reference.arrived(past, fresh, {}),
            early={first: moving_reference.arrived(found, fresh, {}) for first, found in early.items()},
            declared=DECLARED,
        )
        for last, compared in zip(due, found, strict=True):
            expected = _before(seen, plan, move, last)
            assert (compared.reason is None) == (expected.reason is None), (last, compared.reason)
            assert compared.profile == expected.profile
            assert compared.rows == expected.rows
        first = None if after.closed is None else plan.first_of(after.closed + 1) - move.panes_behind(plan)
        past = moving_reference.arrived(past, fresh, {})
        past = (
            moving_reference.moved_on(past, everything, first)
            if move.windows is None
            else Past(first, None, past.oldest)
        )
        stored |= everything
        held = {key: pane for key, pane in everything.items() if first is None or key >= first}
        state = after


def _restored(stored: dict[int, Pane], before: int | None, move: MovingPlan) -> Past:
    parts: list[Profile] = [
        pane.profile for key, pane in stored.items() if before is not None and key < before
    ]
    whole = profile.merge(parts) if parts and move.windows is None else None
    return Past(before, whole, min(stored, default=None))


@given(
    st.lists(batches(max_rows=8), min_size=1, max_size=5),
    plans,
    moves,
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_a_moving_reference_is_the_rows_before_the_window(
    rows: list[Batch], plan: WindowPlan, move: MovingPlan, forget: list[bool]
) -> None:
    """Late rows, running merges and restarts from the store give the profile of those rows, bit for bit."""
    _replayed(rows, plan, move, forget=forget)
