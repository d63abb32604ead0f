"""Which pane a row is in, which panes are closed, and which windows are due."""

from __future__ import annotations

import numpy as np
import pytest

from service.core.rows.batch import Batch
from service.core.windows import window
from service.core.windows.window import LONGEST_EMPTY_RUN, Unit, WindowPlan

DAYS = WindowPlan(Unit.TIME, hop=100, panes=3, offset=30)
ROWS = WindowPlan(Unit.ROWS, hop=4, panes=2)


def batch(*times: int) -> Batch:
    """Return rows at these times, without columns."""
    return Batch(len(times), np.array(times, dtype=np.int64), {})


def test_the_grid_of_time_is_shifted_by_its_offset() -> None:
    """A pane starts at its key times its length after the offset, and rows are in the pane they lie in."""
    assert [DAYS.bounds(key) for key in (-1, 0, 2)] == [(-70, 30), (30, 130), (230, 330)]
    found = window.assign(batch(-71, -70, 29, 30, 129, 130), DAYS, rows_before=7)
    assert (found.tolist(), found.dtype) == ([-2, -1, -1, 0, 0, 1], np.int64)


def test_rows_are_counted_from_the_monitors_first() -> None:
    """The batch's first row follows those that were placed before it, whatever its time."""
    found = window.assign(batch(900, 1, 1, 1, 1, 5), ROWS, rows_before=3)
    assert (found.tolist(), found.dtype) == ([0, 1, 1, 1, 1, 2], np.int64)


def test_what_panes_must_share_to_be_merged() -> None:
    """A new length, unit or origin of the grid makes other panes."""
    assert (DAYS.layout, ROWS.layout) == ("time:100:30", "rows:4:0")


def test_rows_are_split_by_pane_in_their_order() -> None:
    """Each pane gets its rows as they came, however the panes alternate, in the order of the panes."""
    rows = batch(*range(12))
    keys = np.array([2, 0, 2, 1, 0, 2, 2, 0, 1, 1, 0, 2])
    parts = window.split(rows, keys)
    assert {key: part.event_time.tolist() for key, part in parts.items()} == {
        0: [1, 4, 7, 10], 1: [3, 8, 9], 2: [0, 2, 5, 6, 11],
    }  # fmt: skip
    assert list(parts) == [0, 1, 2]


@pytest.mark.parametrize("keys", [[1, 2, 1], [1, 1, 2], [2, 1, 1], [1, 1, 1]])
def test_rows_are_split_whichever_of_them_differ(keys: list[int]) -> None:
    """The first and the last row in one pane do not mean that all are."""
    parts = window.split(batch(*range(len(keys))), np.array(keys))
    assert {key: part.event_time.tolist() for key, part in parts.items()} == {
        key: [at for at, other in enumerate(keys) if other == key] for key in sorted(set(keys))
    }


def test_one_row_and_none_can_be_split() -> None:
    """A batch without rows has no pane; a single row has one."""
    assert window.split(batch(), np.array([], dtype=np.int64)) == {}
    assert list(window.split(batch(5), np.array([7]))) == [7]


@pytest.mark.parametrize(
    ("watermark", "expected"), [(None, None), (179, -1), (180, 0), (279, 0), (280, 1), (-21, -3), (-20, -2)]
)
def test_a_pane_of_time_closes_when_the_watermark_is_the_lateness_past_it(
    watermark: int | None, expected: int | None
) -> None:
    """Pane 0 ends at 130, and rows may come 50 late."""
    plan = WindowPlan(Unit.TIME, hop=100, offset=30, lateness=50)
    assert window.last_closed(plan, watermark=watermark, rows=99) == expected


@pytest.mark.parametrize(("rows", "expected"), [(0, None), (3, None), (4, 0), (7, 0), (8, 1), (9, 1)])
def test_a_pane_of_rows_closes_when_it_is_full(rows: int, expected: int | None) -> None:
    """Its last row closes it, whatever the watermark is."""
    assert window.last_closed(ROWS, watermark=10**9, rows=rows) == expected


@pytest.mark.parametrize(
    ("before", "now", "touched", "held", "expected"),
    [
        (None, None, [0], [0], []),  # nothing is closed yet
        (3, None, [0], [0], []),
        (None, 4, [], [], []),  # and where no row ever came nothing is due
        (None, 4, [2, 5], [2, 5], [2, 3, 4]),  # from the first pane with rows on, empty windows too
        (4, 4, [], [2, 4], []),
        (4, 6, [], [2, 4], [5, 6]),
        (4, 6, [4], [4], [4, 5, 6]),  # a late row in the last closed pane
        (9, 10, [5, 8], [5, 8], [5, 6, 7, 8, 9, 10]),
        (9, 9, [5], [5], [5, 6, 7]),  # each measured window that holds the pane
        (5, 5, [4], [4], [4, 5]),  # and none that is still open
    ],
)
def test_windows_are_due_that_closed_or_that_late_rows_reach(
    before: int | None, now: int | None, touched: list[int], held: list[int], expected: list[int]
) -> None:
    """New windows are due once they close, measured ones again when rows come late."""
    assert window.due(DAYS, before=before, now=now, touched=touched, held=held) == expected


def test_the_windows_of_a_pane_are_as_many_as_a_windows_panes() -> None:
    """A pane is in its own window and in those that end up to two panes later."""
    assert list(window.windows_of(DAYS, 5)) == [5, 6, 7]
    assert DAYS.first_of(7) == 5


@pytest.mark.parametrize("more", [0, 1])
def test_the_longest_run_of_empty_windows(more: int) -> None:
    """As many empty windows as are allowed are due, and of one more only those with rows."""
    now = 10 + LONGEST_EMPTY_RUN + more
    found = window.due(DAYS, before=10, now=now, touched=[], held=[9, 10, 11])
    assert found == ([11, 12, 13] if more else list(range(11, now + 1)))


def test_windows_of_rows_are_due_where_they_hold_rows() -> None:
    """Windows of rows end with a full pane."""
    assert window.due(ROWS, before=None, now=2, touched=[0, 1, 2, 3], held=[0, 1, 2, 3]) == [0, 1, 2]
    assert window.due(ROWS, before=2, now=5, touched=[5], held=[5]) == [5]
    assert window.due(ROWS, before=2, now=3, touched=[3], held=[2, 3]) == [3]


def test_a_batch_within_one_pane_is_not_copied() -> None:
    """The usual batch is passed on as it is."""
    rows = batch(1, 2, 3)
    assert window.split(rows, np.array([7, 7, 7]))[7] is rows
