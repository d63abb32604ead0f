"""What panes hold: their bounds, their merge, and the windows that they are folded into."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.rows.batch import Arrival, Batch, Numbers
from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.windows import panes
from service.core.windows.panes import Pane
from service.core.windows.window import Unit, WindowPlan

SCHEMA = Schema((Column("size", Kind.NUMERICAL),))
TIME = WindowPlan(Unit.TIME, hop=10, panes=3)
ROWS = WindowPlan(Unit.ROWS, hop=4, panes=2)
NOTHING = profile.empty(SCHEMA)


def batch(*times: int) -> Batch:
    """Return rows whose size is their time."""
    return Batch(
        len(times),
        np.array(times, dtype=np.int64),
        {"size": Numbers(np.array(times, dtype=np.float64))},
    )


def pane(key: int, *times: int) -> Pane:
    """Return the pane of rows at these times."""
    sums = IdSums(len(times), key, 2 * key) if key > 0 else IdSums(len(times))
    return Pane(profile.of(batch(*times), SCHEMA), key * 10, key * 10 + 10, sums)


def sizes(found: Profile) -> list[float]:
    return found.columns["size"].distribution.values.tolist()


def counted(found: Profile) -> tuple[Measurement, ...]:
    """Measure a window by how many rows it has."""
    return (Measurement(Series(Aspect.HEALTH, "rows"), float(found.rows), found.rows),)


def test_a_pane_of_time_has_the_grids_bounds() -> None:
    """Wherever in it its rows lie."""
    found = panes.profile_panes(batch(14, 3, 11), SCHEMA, TIME, 0)
    assert {key: (pane.start, pane.end, sizes(pane.profile)) for key, pane in found.items()} == {
        0: (0, 10, [3.0]), 1: (10, 20, [11.0, 14.0]),
    }  # fmt: skip


def test_a_pane_of_rows_reaches_from_its_first_row_to_its_last() -> None:
    """From the earliest row's time to right behind the latest one's, in whatever order they come."""
    found = panes.profile_panes(batch(50, 20, 90, 70), SCHEMA, ROWS, rows_before=2)
    assert {key: (pane.start, pane.end, pane.profile.rows) for key, pane in found.items()} == {
        0: (20, 51, 2), 1: (70, 91, 2),
    }  # fmt: skip


def test_fresh_rows_are_merged_with_what_is_held() -> None:
    """A pane that is held grows and its bounds with it; a new one is taken as it is."""
    held = {4: Pane(profile.of(batch(50, 60), SCHEMA), 50, 61), 9: pane(9, 91)}
    fresh = {4: Pane(profile.of(batch(40, 55), SCHEMA), 40, 56), 5: pane(5, 52)}
    found = panes.merge_into(held, fresh)
    assert list(found) == [4, 5]
    assert (found[4].start, found[4].end, sizes(found[4].profile)) == (40, 61, [40.0, 50.0, 55.0, 60.0])
    assert found[5] is fresh[5]


def test_a_pane_adds_up_the_ids_of_its_rows() -> None:
    """Each pane those of its own rows, however many batches they came in."""
    ids = np.array([3, 5, 7], dtype=np.uint64)
    arrived = replace(batch(11, 12, 21), arrival=Arrival(identity=ids))
    found = panes.profile_panes(arrived, SCHEMA, TIME, 0)
    assert {key: each.sums for key, each in found.items()} == {1: sums_of(ids[:2], 2), 2: sums_of(ids[2:], 1)}
    merged = panes.merge_into(found, panes.profile_panes(arrived, SCHEMA, TIME, 3))
    assert merged[1].sums == sums_of(ids[:2], 2) + sums_of(ids[:2], 2)
    assert panes.restored(panes.pane_records(merged))[1].sums == merged[1].sums


def test_a_correction_changes_a_panes_profile_alone() -> None:
    """The bounds stay, and a pane that no label touches is not among the corrected."""
    held = {1: pane(1, 11), 2: pane(2, 22)}
    found = panes.corrected(held, {2: profile.of(batch(29), SCHEMA)})
    assert list(found) == [2]
    assert (found[2].start, found[2].end, sizes(found[2].profile)) == (20, 30, [22.0, 29.0])
    with pytest.raises(KeyError):
        panes.corrected(held, {3: NOTHING})


def test_a_window_of_time_is_as_long_as_its_panes() -> None:
    """Its bounds are those of the grid, and it says which of its panes hold rows."""
    held = {key: pane(key, key * 10) for key in (1, 3, 4)}
    full, gappy, empty = panes.measure_windows([3, 5, 8], held, NOTHING, TIME, counted)
    assert (full.first, full.last, full.start, full.end, full.panes, full.rows) == (1, 3, 10, 40, 2, 2)
    assert (gappy.first, gappy.last, gappy.panes, gappy.measurements[0].value) == (3, 5, 2, 2.0)
    assert (empty.first, empty.last, empty.start, empty.end, empty.panes, empty.rows) == (6, 8, 60, 90, 0, 0)


def test_a_window_of_rows_reaches_over_the_rows_of_its_panes() -> None:
    """Panes of rows overlap in time where rows come out of order."""
    held = {
        0: Pane(profile.of(batch(20, 90), SCHEMA), 20, 91),
        1: Pane(profile.of(batch(50), SCHEMA), 50, 51),
    }
    (found,) = panes.measure_windows([1], held, NOTHING, ROWS, counted)
    assert (found.first, found.last, found.start, found.end, found.rows) == (0, 1, 20, 91, 3)


def test_a_window_counts_the_rows_with_and_without_their_label() -> None:
    """Of the rows with a prediction, those that have a label and those that wait for it."""
    schema = Schema(
        (
            Column("truth", Kind.NUMERICAL, role=Role.TARGET),
            Column("guess", Kind.NUMERICAL, role=Role.PREDICTION),
        )
    )
    labelled = Batch(
        3,
        np.arange(3),
        {"truth": Numbers(np.array([1.0, np.nan, np.nan])), "guess": Numbers(np.ones(3))},
    )
    held = panes.profile_panes(labelled, schema, TIME, 0)
    (found,) = panes.measure_windows([2], held, profile.empty(schema), TIME, lambda _: ())
    assert (found.rows, found.labelled, found.pending) == (3, 1, 2)


def test_the_panes_of_some_windows() -> None:
    """Each window's own, those that windows share once."""
    assert panes.panes_of([3, 4, 9], TIME) == {1, 2, 3, 4, 7, 8, 9}
    assert panes.panes_of([], TIME) == set()


def test_panes_come_back_from_the_store_as_they_were() -> None:
    """Their record says how many rows they hold, and gives the same pane."""
    held = {-2: pane(-2, -15, -11), 7: pane(7, 70)}
    records = panes.pane_records(held)
    assert [(record.key, record.start, record.end, record.rows) for record in records] == [
        (-2, -20, -10, 2), (7, 70, 80, 1),
    ]  # fmt: skip
    assert panes.restored(records) == held
    moved = panes.restored([replace(records[0], start=-19, end=-9)])
    assert (moved[-2].start, moved[-2].end) == (-19, -9)


def test_a_window_without_predictions_waits_for_no_label() -> None:
    """Where no outcome is kept, neither labelled rows nor rows that wait are counted."""
    bare = replace(NOTHING, parts={})
    (found,) = panes.measure_windows([2], {}, bare, TIME, lambda _: ())
    assert (found.labelled, found.pending) == (0, 0)
