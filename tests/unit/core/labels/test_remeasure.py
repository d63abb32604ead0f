"""Which windows late labels measure again, and when their performance counts."""

from __future__ import annotations

import pytest

from service.core.labels.remeasure import MAX_WINDOWS_AGAIN, LabelProgress, counts, schedule
from service.core.windows.records import WindowRecord
from service.core.windows.window import Unit, WindowPlan

PLAN = WindowPlan(Unit.TIME, hop=100, panes=3, min_rows=10)


def test_the_windows_that_hold_a_touched_pane_are_measured_again() -> None:
    """Only those that were measured before, and none that is measured in any case."""
    again, left = schedule(LabelProgress(), PLAN, closed=8, touched={5, 8}, due=[])
    assert (again, left.again, left.reached) == ([5, 6, 7, 8], (), 8)
    again, _ = schedule(LabelProgress(), PLAN, closed=8, touched={5}, due=[6, 9])
    assert again == [5, 7]
    assert schedule(LabelProgress(), PLAN, closed=None, touched={5}, due=[5])[0] == []


def test_a_cycle_measures_a_bounded_number_and_the_rest_later() -> None:
    """What does not fit waits, and goes before what is touched after it; each window once."""
    again, left = schedule(LabelProgress(), PLAN, closed=200, touched=range(100), due=[])
    assert again == list(range(MAX_WINDOWS_AGAIN))
    assert left.again == ((MAX_WINDOWS_AGAIN, 101),)
    again, left = schedule(left, PLAN, closed=200, touched=[0, 40], due=[33])
    assert again == [32, *range(34, 34 + MAX_WINDOWS_AGAIN - 1)]
    assert left.again == ((34 + MAX_WINDOWS_AGAIN - 1, 101), (0, 2))


def test_windows_that_labels_have_passed_get_their_verdict() -> None:
    """When labels reach a window later, what is not judged by then is measured once more."""
    before = LabelProgress(reached=10, alarmed_through=6)
    again, left = schedule(before, PLAN, closed=20, touched=[12], due=[])
    assert again == [8, 9, 12, 13, 14]
    assert left.reached == 12
    assert schedule(left, PLAN, closed=20, touched=[11], due=[])[0] == [11, 12, 13]
    far = schedule(before, PLAN, closed=2_000_000, touched=[1_000_000], due=[])[0]
    assert len(far) == MAX_WINDOWS_AGAIN


def _window(last: int, labelled: int, pending: int) -> WindowRecord:
    return WindowRecord(last - 2, last, 0, 1, 3, 100, (), labelled=labelled, pending=pending)


@pytest.mark.parametrize(
    ("state", "labelled", "pending", "expected"),
    [
        (LabelProgress(), 0, 100, False),
        (LabelProgress(), 0, 0, False),
        (LabelProgress(), 89, 11, False),
        (LabelProgress(), 90, 10, True),
        (LabelProgress(reached=7), 20, 80, False),  # labels have not come for rows a whole window later
        (LabelProgress(reached=8), 20, 80, True),
        (LabelProgress(reached=8), 9, 91, False),  # fewer than a window needs rows
        (LabelProgress(reached=8, alarmed_through=5), 100, 0, False),  # once
        (LabelProgress(alarmed_through=6), 100, 0, False),  # in order
        (LabelProgress(alarmed_through=4), 100, 0, True),
    ],
)
def test_a_window_counts_once_it_has_its_labels(
    state: LabelProgress, labelled: int, pending: int, expected: bool
) -> None:
    """Nine in ten of them, or as many as it will get; once, and in the order of the windows."""
    assert counts(state, PLAN, _window(5, labelled, pending)) is expected
