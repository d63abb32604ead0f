"""Where a change of schema is told and where it is not: late columns, open and empty panes, known names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.profile import profile
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.windows.panes import Pane
from service.core.windows.schema_change import newest, report_changes
from tests.unit.core.windows.test_schema_change import SCHEMA, changes_in, pane

NAMES = tuple(f"n{number:03}" for number in range(150))


def emptied(key: int) -> Pane:
    """Make a pane without rows."""
    return replace(pane(key), profile=profile.empty(SCHEMA))


def test_an_unwatched_column_is_told_with_both_its_states() -> None:
    """The details say what was, what is, and that the monitor does not watch it."""
    panes = {0: pane(0), 1: pane(1, beside=("fresh",))}
    gone, came = report_changes(None, panes, 1)[1]
    assert (gone.column, gone.details) == (
        "extra",
        {"before": "present", "after": "absent", "watched": False},
    )
    assert (came.column, came.details) == (
        "fresh",
        {"before": "absent", "after": "present", "watched": False},
    )


def test_the_last_name_that_is_known_is_compared() -> None:
    """Of a hundred names kept the hundredth may still go; the one that takes its place is not new."""
    shorter = tuple(name for name in NAMES if name != "n099")
    panes = {0: pane(0, beside=NAMES), 1: pane(1, beside=shorter)}
    assert changes_in(panes, closed=1) == [(1, "n099 disappeared")]


def test_infinite_cells_are_numbers() -> None:
    """As many numbers as texts, one of them infinite, do not make a text column."""
    cells = np.array([1.0, np.inf, np.nan, np.nan])
    columns = {
        "size": Numbers(cells, np.isnan(cells)),
        "colour": Labels(np.zeros(4, dtype=np.int64), np.array(["red"])),
    }
    mixed = Pane(profile.of(Batch(4, np.zeros(4, np.int64), columns, Arrival(("extra",))), SCHEMA), 0, 1)
    assert changes_in({0: mixed}, closed=0) == []


def test_a_column_that_comes_late_is_not_missed() -> None:
    """Labels that come after their rows are absent from every new pane."""
    panes = {0: pane(0, without="colour")}
    assert len(report_changes(None, panes, 0)[1]) == 1
    reported, events = report_changes(None, panes, 0, late="colour")
    assert events == ()
    assert reported is not None
    assert list(reported.columns.watched) == ["size"]


def test_what_follows_an_empty_pane_is_compared() -> None:
    """A pane without rows neither hides a later change nor ends the search for one."""
    panes = {0: pane(0), 1: emptied(1), 2: pane(2, without="size")}
    assert changes_in(panes, closed=2) == [(2, "size disappeared: none of 4 rows has it")]


@pytest.mark.parametrize(
    ("panes", "expected"),
    [
        ({0: pane(0), 1: pane(1), 2: pane(2)}, 1),  # 2 is open
        ({0: pane(0), 1: emptied(1)}, 0),
        ({2: pane(2)}, None),
        ({}, None),
    ],
)
def test_the_newest_columns_are_of_a_closed_pane_with_rows(
    panes: dict[int, Pane], expected: int | None
) -> None:
    """A restart goes on from the last pane that was reported."""
    found = newest(panes, closed=1)
    assert (None if found is None else found.key) == expected
