from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from service.core.profile import profile
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.windows import schema_change
from service.core.windows.panes import Pane, merge_into
from service.core.windows.schema_change import ReportedColumns, report_changes

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
HOUR = 3_600_000_000


def pane(key: int, text: int = 0, without: str = "", beside: tuple[str, ...] | None = ("extra",)) -> Pane:
    """Make a pane of four rows, `text` of which have no number, without one of the columns."""
    columns = {
        "size": Numbers(np.where(np.arange(4) < text, np.nan, 1.0), np.arange(4) < text),
        "colour": Labels(np.zeros(4, dtype=np.int64), np.array(["red"])),
    }
    columns.pop(without, None)
    batch = Batch(4, np.full(4, key * HOUR), columns, Arrival(beside))
    return Pane(profile.of(batch, SCHEMA), key * HOUR, (key + 1) * HOUR)


def changes_in(
    panes: dict[int, Pane], closed: int, reported: ReportedColumns | None = None
) -> list[tuple[int, str]]:
    """Give each event's pane and message."""
    return [(event.at // HOUR, event.message) for event in report_changes(reported, panes, closed)[1]]


@pytest.mark.parametrize(
    ("panes", "expected"),
    [
        ([pane(0), pane(1)], []),
        (
            [pane(0), pane(1, without="colour"), pane(2, without="colour"), pane(3)],
            [(1, "colour disappeared: none of 4 rows has it"), (3, "colour came back")],
        ),
        (
            [pane(0), pane(1, text=2), pane(2, text=3), pane(3, text=4), pane(4, text=1)],
            [
                (2, "size turned from numbers to text: 3 of 4 rows hold no number"),
                (4, "size turned from text to numbers"),
            ],
        ),
        (
            [pane(0, without="size"), pane(1, text=3)],
            [
                (0, "size disappeared: none of 4 rows has it"),
                (1, "size came back as text: 3 of 4 rows hold no number"),
            ],
        ),
        (
            [pane(0), pane(1, beside=("extra", "fresh")), pane(2, beside=("fresh",))],
            [(1, "fresh appeared; the monitor does not watch it"), (2, "extra disappeared")],
        ),
        ([pane(0), pane(1, beside=None), pane(2, beside=("fresh",))], []),
    ],
)
def test_each_change_is_reported_at_its_pane(panes: list[Pane], expected: list[tuple[int, str]]) -> None:
    """A column that goes, comes, returns or changes its kind is one event, at the pane where it did."""
    by_key = {pane.start // HOUR: pane for pane in panes}
    assert changes_in(by_key, closed=9) == expected


def test_the_first_pane_is_compared_with_what_is_watched() -> None:
    """A watched column that never came is reported, one beside the watched ones is taken as it is."""
    (event,) = report_changes(None, {5: pane(5, without="colour", beside=("a", "b"))}, 5)[1]
    assert (event.kind, event.column, event.at) == ("schema_change", "colour", 5 * HOUR)
    assert event.details == {"before": "present", "after": "absent", "watched": True}


def test_an_open_pane_tells_nothing_yet() -> None:
    """A pane that may still get rows is not judged."""
    assert changes_in({0: pane(0), 1: pane(1, without="size")}, closed=0) == []
    assert report_changes(None, {0: pane(0, without="size")}, None) == (None, ())


def test_telling_in_steps_tells_the_same() -> None:
    """However the panes are spread over cycles, and wherever a restart falls, the events are the same."""
    shapes = [pane(0), pane(1, without="size"), pane(3, text=4), pane(4), pane(7, beside=("extra", "x"))]
    panes = {shape.start // HOUR: shape for shape in shapes}
    whole = report_changes(None, panes, 9)[1]
    assert len(whole) == 4
    for cuts in ([0, 2, 10], [0, 1, 2, 3, 4, 5, 10], [0, 4, 8, 10]):
        reported, steps = None, []
        for start, stop in pairwise(cuts):
            # Restarted: all that is left is what is stored.
            reported = schema_change.newest({k: p for k, p in panes.items() if k < start}, start - 1)
            reported, events = report_changes(
                reported, {k: p for k, p in panes.items() if start <= k < stop}, stop - 1
            )
            steps += events
        assert tuple(steps) == whole


def test_late_rows_take_a_change_back() -> None:
    """A column that late rows bring to the last closed pane has come back, and is reported once."""
    reported, events = report_changes(None, {0: pane(0), 1: pane(1, without="size")}, 1)
    assert [event.column for event in events] == ["size"]
    merged = merge_into({1: pane(1, without="size")}, {1: pane(1)})
    reported, events = report_changes(reported, merged, 1)
    assert [event.message for event in events] == ["size came back"]
    assert report_changes(reported, {**merged, 2: pane(2)}, 2)[1] == ()


def test_late_rows_before_the_last_pane_tell_nothing() -> None:
    """What an older pane looked like is history."""
    reported, _ = report_changes(None, {0: pane(0), 1: pane(1)}, 1)
    assert report_changes(reported, {0: pane(0, without="size")}, 1) == (reported, ())


def test_names_beyond_the_known_ones_neither_come_nor_go() -> None:
    """Where only the first hundred names are kept, those behind them are not compared."""
    names = tuple(f"n{number:03}" for number in range(150))
    assert changes_in({0: pane(0, beside=names), 1: pane(1, beside=names[20:])}, closed=1) == [
        (1, f"{name} disappeared") for name in names[:20]
    ]


def test_a_pane_without_rows_is_passed_over() -> None:
    """An empty pane has no columns to compare."""
    nothing = replace(pane(1), profile=profile.empty(SCHEMA))
    assert changes_in({0: pane(0), 1: nothing, 2: pane(2)}, closed=2) == []


def _null(key: int, rows: int = 40) -> Pane:
    columns = {
        "size": Numbers(np.full(rows, np.nan)),
        "colour": Labels(np.zeros(rows, int), np.array(["red"])),
    }
    batch = Batch(rows, np.full(rows, key * HOUR), columns, Arrival(("extra",)))
    return Pane(profile.of(batch, SCHEMA), key * HOUR, (key + 1) * HOUR)


@pytest.mark.parametrize(
    ("usually_missing", "expected"),
    [
        (0.01, ["size is empty: it is there, and null in all of 40 rows", "size has values again"]),
        (0.7, ["size is empty: it is there, and null in all of 40 rows", "size has values again"]),
        (0.9, []),  # one pane in seventy is empty by chance
        (1.0, []),
    ],
)
def test_a_column_that_is_null_in_every_row_is_empty_unless_chance_explains_it(
    usually_missing: float, expected: list[str]
) -> None:
    """A column that the reference often lacks may be null in a small pane, one that it has may not."""
    panes = {0: pane(0), 1: _null(1), 2: _null(2), 3: pane(3)}
    usual = {"size": usually_missing, "colour": 0.01}
    reported, events = report_changes(None, panes, 3, usually_missing=usual)
    assert [event.message for event in events] == expected
    assert schema_change.newest(panes, 3, usually_missing=usual) == reported
