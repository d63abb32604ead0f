from __future__ import annotations

import numpy as np

from service.core.profile import profile
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.windows.moving_reference import (
    Compared,
    MovingPlan,
    Past,
    arrived,
    moved_on,
    references,
)
from service.core.windows.panes import Pane
from service.core.windows.window import Unit, WindowPlan
from service.methods.quality.reference_rows import measure_moving

SCHEMA = Schema((Column("size", Kind.NUMERICAL),))
WINDOW = WindowPlan(Unit.TIME, 10, 2, min_rows=5)


def pane(key: int, rows: int = 3) -> Pane:
    """Return a pane of rows that hold its key."""
    times = np.full(rows, key * 10, dtype=np.int64)
    batch = Batch(rows, times, {"size": Numbers(np.full(rows, float(key)))})
    return Pane(profile.of(batch, SCHEMA), key * 10, key * 10 + 10)


def compared(
    moving: MovingPlan, last: int, keys: range, oldest: int | None = None, rows: int = 3
) -> Compared:
    """Return what the window that ends with pane `last` is compared with."""
    panes = {key: pane(key, rows) for key in keys}
    past = Past(oldest=min(keys, default=None) if oldest is None else oldest)
    (found,) = references(moving, WINDOW, [last], panes, past=past, early={}, declared=DECLARED)
    return found


DECLARED = pane(-1).profile


def test_a_rolling_reference_is_the_windows_before_end_to_end():
    """Two windows of two panes before a window of panes 6 and 7: panes 2 to 5, and no row of the window."""
    found = compared(MovingPlan(2), 7, range(9))
    assert found.reason is None
    assert found.profile.columns["size"].distribution.values.tolist() == [2.0, 3.0, 4.0, 5.0]


def test_an_expanding_reference_is_everything_before():
    """All panes before the window's own, from the first on."""
    found = compared(MovingPlan(), 7, range(9))
    assert found.profile.columns["size"].distribution.values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_declared_reference_stands_in_until_enough_came_before():
    """A history that begins later than the reference would is not enough, and the reason says so."""
    assert compared(MovingPlan(2), 5, range(9)).reason is None
    short = compared(MovingPlan(2), 4, range(9))
    assert (short.profile, short.rows) == (DECLARED, 9)
    assert short.reason == (
        "the rows do not reach back 2 windows before this one; compared with the declared reference"
    )
    assert compared(MovingPlan(), 3, range(9)).reason is None
    none = compared(MovingPlan(), 2, range(9))
    assert none.reason is not None
    assert none.reason.startswith("the rows do not reach back a whole window")
    assert compared(MovingPlan(1), 3, range(0)).profile is DECLARED


def test_a_reference_of_too_few_rows_gives_the_declared_one():
    """After an outage the panes before hold too little, or nothing at all."""
    for keys, rows in ((range(0), 0), (range(5, 6), 4)):
        found = compared(MovingPlan(1), 7, keys, oldest=0, rows=rows)
        assert (found.profile, found.rows) == (DECLARED, rows)
        assert found.reason == (
            f"{rows} rows before this window, fewer than the 5 that the monitor asks for; "
            "compared with the declared reference"
        )


def test_which_reference_it_was_is_measured():
    """The moving reference's rows, or the reason why the declared one stood in; its rows always beside."""
    used = measure_moving(compared(MovingPlan(2), 7, range(9)), DECLARED)
    assert (used.value, used.reason, used.reference) == (12.0, None, 3.0)
    not_used = measure_moving(compared(MovingPlan(2), 4, range(9)), DECLARED)
    assert (not_used.value, not_used.reference) == (None, 3.0)
    assert not_used.reason


def test_what_comes_late_reaches_the_past():
    """Late rows and corrections by late labels are merged in where their pane is in it, and only there."""
    past = Past(before=3, whole=pane(0).profile, oldest=0)
    after = arrived(past, {2: pane(2), 3: pane(3)}, {1: pane(1).profile, 4: pane(4).profile})
    assert after.whole is not None
    assert after.whole.columns["size"].distribution.values.tolist() == [0.0, 1.0, 2.0]
    assert (after.before, after.oldest) == (3, 0)
    assert arrived(past, {-5: pane(-5)}, {}).oldest == -5
    assert arrived(Past(), {}, {}) == Past()


def values(found: Past | Compared | None) -> list[float]:
    """Return the sizes of what a past or a reference holds."""
    whole = found.whole if isinstance(found, Past) else None if found is None else found.profile
    return [] if whole is None else whole.columns["size"].distribution.values.tolist()


def test_as_many_rows_as_asked_for_are_enough():
    """The moving reference is used from the smallest number of rows on, and one row is one."""
    assert compared(MovingPlan(1), 7, range(5, 6), oldest=0, rows=5).reason is None
    panes, past = {1: pane(1, 1)}, Past(oldest=0)
    window = WindowPlan(Unit.TIME, 10, min_rows=0)
    one, none = references(MovingPlan(1), window, [2, 5], panes, past=past, early={}, declared=DECLARED)
    assert (one.reason, one.rows) == (None, 1)
    assert none.profile is DECLARED


def test_an_expanding_reference_grows_from_window_to_window():
    """Each window's is all panes before it, what is merged already included once."""
    panes = {key: pane(key, 5) for key in range(2, 9)}
    past = Past(before=2, whole=pane(0).profile, oldest=0)
    found = [
        values(each)
        for each in references(MovingPlan(), WINDOW, [4, 5, 8], panes, past=past, early={}, declared=DECLARED)
    ]
    assert found == [[0.0, 2.0], [0.0, 2.0, 3.0], [0.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
    counted = [
        each.rows
        for each in references(MovingPlan(), WINDOW, [4, 5, 8], panes, past=past, early={}, declared=DECLARED)
    ]
    assert counted == [8, 13, 28]


def test_a_window_that_begins_before_the_past_has_its_own():
    """Late rows re-opened it: an expanding reference is read again for it, a rolling one is not."""
    panes = {key: pane(key, 5) for key in range(9)}
    past = Past(before=6, whole=pane(0, 30).profile, oldest=0)
    early = {4: Past(4, pane(1, 7).profile, 0)}
    again, last = references(MovingPlan(), WINDOW, [5, 7], panes, past=past, early=early, declared=DECLARED)
    assert (values(again), again.rows) == ([1.0], 7)
    assert (values(last), last.rows) == ([0.0], 30)
    (rolling,) = references(MovingPlan(1), WINDOW, [5], panes, past=past, early=early, declared=DECLARED)
    assert values(rolling) == [2.0, 3.0]


def test_the_past_moves_on_over_the_panes_that_leave_memory():
    """What lies before the first pane that is kept is merged, once; without a bound nothing is."""
    panes = {key: pane(key) for key in range(2, 7)}
    past = Past(before=2, whole=pane(0).profile, oldest=0)
    after = moved_on(past, panes, 5)
    assert (after.before, after.oldest, values(after)) == (5, 0, [0.0, 2.0, 3.0, 4.0])
    assert moved_on(past, panes, None) is past
    assert values(moved_on(Past(oldest=2), panes, 3)) == [2.0]


def test_the_oldest_pane_is_the_first_that_ever_came():
    """Before anything came it is the batch's first; later rows do not change it."""
    assert arrived(Past(), {4: pane(4), 3: pane(3)}, {}).oldest == 3
    assert arrived(Past(oldest=2), {4: pane(4)}, {}).oldest == 2
    nothing_late = arrived(Past(before=3, whole=None, oldest=3), {4: pane(4)}, {})
    assert nothing_late == Past(3, None, 3)
    assert values(arrived(Past(before=3, oldest=3), {1: pane(1)}, {})) == [1.0]
