"""Rows for property tests: schemas, batches and splits of them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from service.core.rows.batch import Arrival, Batch, Labels, Numbers, steps_back
from service.core.rows.schema import Column, Kind, Role, Schema

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    ),
    identity="key",
)
LABELS = np.array(["blue", "green", "red"])

# Few distinct values, so that merging has something to count; NaN and infinities; the ends of the range.
numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1.5, -2.0, 1e-320, 1e300]),
    st.floats(allow_nan=True, allow_infinity=True, width=64),
)


@st.composite
def batches(draw: st.DrawFn, max_rows: int = 25) -> Batch:
    """Draw a batch of SCHEMA, now and then without a column or with text among the numbers."""
    rows = draw(st.integers(0, max_rows))

    def column() -> np.ndarray:
        return np.array(draw(st.lists(numbers, min_size=rows, max_size=rows)), dtype=np.float64)

    codes = np.array(draw(st.lists(st.integers(-1, 2), min_size=rows, max_size=rows)), dtype=np.int64)
    times = np.array(draw(st.lists(st.integers(0, 10_000), min_size=rows, max_size=rows)), dtype=np.int64)
    marks = np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), dtype=np.bool_)
    columns: dict[str, Numbers | Labels] = {
        "size": Numbers(column(), draw(st.sampled_from([None, marks]))),
        "colour": Labels(codes, LABELS),
        "guess": Numbers(column()),
        "truth": Numbers(column()),
    }
    if draw(st.booleans()):
        columns.pop(draw(st.sampled_from(sorted(columns))))
    batch = Batch(rows, times, columns, draw(arrivals(times)))
    return draw(st.sampled_from([batch, batch.taken(5_000, live=True), batch.taken(9_000, live=False)]))


@st.composite
def arrivals(draw: st.DrawFn, times: np.ndarray) -> Arrival:
    """Draw what a source knows of its rows: all of it, or nothing."""
    if draw(st.booleans()):
        return Arrival()
    ids = st.lists(st.sampled_from([0, 1, 2, 2**63, 2**64 - 1]), min_size=len(times), max_size=len(times))
    names = draw(st.sets(st.sampled_from(["extra", "more", "other"])))
    return Arrival(tuple(sorted(names)), np.array(draw(ids), dtype=np.uint64), steps_back(times))
