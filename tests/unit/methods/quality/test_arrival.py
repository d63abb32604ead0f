from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.core.measurement import Measurement
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.rows.batch import Arrival, Batch, Labels, Numbers, steps_back
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods.quality.arrival import measure_integrity

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("failed", Kind.NUMERICAL, Role.SERVICE),
    ),
    identity="key",
)
MINUTE = 60_000_000


def batch(size: list[float], colour: str = "", times: list[int] | None = None, **known: Any) -> Batch:
    """Make rows of SCHEMA; `colour` is one letter a row, times are minutes."""
    count = len(size)
    minutes = np.array(times if times is not None else range(count), dtype=np.int64) * MINUTE
    labels, codes = np.unique(np.array(list(colour) or ["r"] * count), return_inverse=True)
    columns = {
        "size": Numbers(np.array(size)),
        "colour": Labels(codes, labels),
        "failed": Numbers(np.zeros(count)),
    }
    return Batch(count, minutes, columns, Arrival(backwards=steps_back(minutes), **known))


def of(rows: Batch) -> Profile:
    return profile.of(rows, SCHEMA)


def measured(current: Profile, reference: Profile | None = None) -> dict[tuple[str, str], Measurement]:
    """Index the measurements by column and metric."""
    found = measure_integrity(reference or REFERENCE, current, SCHEMA)
    return {(m.series.column, m.series.metric): m for m in found}


REFERENCE = of(
    batch([1.0, 2.0, 2.0, 3.0], "rggb", unwatched=("extra",), identity=np.arange(1, 5, dtype=np.uint64))
)


def test_rows_equal_in_every_watched_column_are_repeats():
    """The share is of rows that equal an earlier one, wherever in the window's panes they lie."""
    parts = [of(batch([1.0, np.nan, 1.0], "rrg")), of(batch([1.0, np.nan], "rr"))]
    got = measured(profile.merge(parts))["", "duplicate_row_share"]
    assert (got.value, got.rows, got.reference, got.low) == (0.4, 5, 0.25, None)


def test_ids_are_compared_beside_the_values():
    """A repeated id counts though the rows differ, a missing one counts apart."""
    ids = np.array([7, 7, 0, 9], dtype=np.uint64)
    got = measured(of(batch([1.0, 2.0, 3.0, 4.0], identity=ids)))
    assert (got["key", "duplicate_id_share"].value, got["key", "duplicate_id_share"].rows) == (1 / 3, 3)
    assert (got["key", "missing_id_share"].value, got["key", "missing_id_share"].reference) == (0.25, 0.0)
    nameless = measured(of(batch([1.0, 2.0])))
    assert nameless["key", "missing_id_share"].value == 1.0
    assert nameless["key", "duplicate_id_share"].reason == "no row in the window has an id"


def test_time_that_goes_back_is_counted_by_its_steps():
    """One row of the far future is one step back, not a window full of them."""
    got = measured(of(batch([1.0] * 5, times=[0, 1, 9_999, 2, 3])))["", "backwards_share"]
    assert (got.value, got.rows) == (0.2, 5)
    unordered = replace(batch([1.0]), arrival=Arrival())
    assert "order" in str(measured(of(unordered))["", "backwards_share"].reason)


def test_rows_of_the_future_are_told_when_they_are_taken():
    """A row over a minute ahead of the clock is of the future; a clock that differs by less is none."""
    rows = batch([1.0, 2.0, 3.0, 4.0], times=[0, 10, 11, 12]).taken(10 * MINUTE, live=False)
    got = measured(of(rows))["", "future_share"]
    assert (got.value, got.rows) == (0.25, 4)
    assert "not known" in str(measured(of(batch([1.0])))["", "future_share"].reason)


def test_freshness_is_the_newest_row_s_age_when_it_came():
    """A late row does not age the window, and replayed rows have no freshness but the reason."""
    early = batch([1.0, 2.0], times=[0, 10]).taken(10 * MINUTE + 1_500_000, live=True)
    late = batch([3.0], times=[5]).taken(60 * MINUTE, live=True)
    got = measured(profile.merge([of(late), of(early)]))["", "freshness_seconds"]
    assert (got.value, got.series.unit) == (1.5, "seconds")
    replayed = measured(of(early.taken(99 * MINUTE, live=False)))["", "freshness_seconds"]
    assert replayed.value is None
    assert "replayed" in str(replayed.reason)


def test_columns_appear_and_disappear():
    """A new name beside the watched ones and a watched column that no row has are counted."""
    rows = batch([1.0, 2.0], unwatched=("extra", "fresh"))
    rows = replace(rows, columns={name: data for name, data in rows.columns.items() if name != "size"})
    got = measured(of(rows))
    assert (got["", "columns_appeared"].value, got["", "columns_appeared"].reference) == (1.0, 0.0)
    assert (got["", "columns_disappeared"].value, got["", "columns_disappeared"].reference) == (1.0, 0.0)
    halves = profile.merge([of(rows), of(batch([1.0], unwatched=("extra",)))])
    assert measured(halves)["", "columns_disappeared"].value == 0.0
    silent = measured(of(batch([1.0])))["", "columns_appeared"]
    assert "does not say which columns" in str(silent.reason)


def test_names_beyond_the_limit_do_not_appear():
    """Where only the first hundred names are known, an unknown one is not called new."""
    names = tuple(f"n{number:03}" for number in range(150))
    many = of(batch([1.0, 2.0], unwatched=names))
    fewer = of(batch([1.0, 2.0], unwatched=names[10:]))
    assert measured(fewer, many)["", "columns_appeared"].value == 0.0
    assert measured(many, fewer)["", "columns_appeared"].value == 10.0


@pytest.mark.parametrize(
    ("size", "constant"),
    [([5.0, 5.0], 1.0), ([5.0, 6.0], 0.0), ([5.0, np.inf], 0.0), ([5.0, np.nan], None), ([np.nan] * 2, None)],
)
def test_a_column_that_stands_still_is_constant(size: list[float], constant: float | None):
    """One value in two rows or more, where the reference has several; served columns may stand still."""
    got = measured(of(batch(size, "rg")))
    assert got["size", "constant"].value == constant
    assert got["", "constant_columns"].value == (constant or 0.0)
    assert ("failed", "constant") not in got
    still = of(batch([5.0, 5.0], "rg"))
    assert measured(still, still)["size", "constant"].value == 0.0


def test_an_empty_window_has_reasons():
    """Without rows there is no share, no count and no freshness, only why."""
    got = measured(profile.empty(SCHEMA))
    assert {m.value for m in got.values()} == {None}
    assert got["", "duplicate_row_share"].reason == "no rows in the window"
    assert got["", "columns_disappeared"].reason == "no rows in the window"
