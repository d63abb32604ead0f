"""Labels that come late end in the same performance as labels that came at once, bit for bit."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.labels import correction
from service.core.profile import distribution, error_cells, profile, row_counts, segments
from service.core.profile.codec import profile as codec
from service.core.profile.outcome import outcome
from service.core.profile.profile import Profile
from service.core.profile.spec import cell_edges
from service.core.profile.spec.segment_values import SegmentValues
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.task import Binary, Multiclass, Regression, Task
from service.errors import ProfileError
from tests.property.strategies import LABELS

LIMIT = 5  # so low that compression is at work in most examples
COLUMNS = (
    Column("truth", Kind.NUMERICAL),
    Column("guess", Kind.NUMERICAL),
    Column("class", Kind.CATEGORICAL),
    Column("answer", Kind.CATEGORICAL),
    Column("score", Kind.NUMERICAL),
)
TASKS: tuple[Task, ...] = (
    Regression("guess", "truth"),
    Binary("class", score="score", threshold=0.3),
    Binary("truth", "answer", "score"),
    Multiclass("class", "answer", (("blue", "score"),)),
    Multiclass("truth", "guess"),
)
SIZES = cell_edges.edges_of(distribution.of_numbers(np.array([-2.0, 0.0, 0.0, 1.0])), Kind.NUMERICAL, cells=2)
ANSWERS = cell_edges.edges_of(distribution.of_codes(np.array([0, 1]), LABELS), Kind.CATEGORICAL)
BY = {"answer": SegmentValues(("blue", "green"))}
FIXED = ProfileSpec({"guess": SIZES, "answer": ANSWERS}, segments=BY)
values = st.sampled_from([0.0, 1.0, 0.25, np.nan, np.inf, 1e-320, 1e153, -7.5]) | st.floats(width=64)


class Rows(NamedTuple):
    """Rows with all their labels, and which of the labels come late."""

    schema: Schema
    spec: ProfileSpec
    labelled: Batch
    late: np.ndarray

    @property
    def target(self) -> str:
        """The column of the labels."""
        assert self.schema.task is not None
        return self.schema.task.target

    def as_they_came(self, *, with_column: bool) -> Batch:
        """Return the rows without the late labels; where all are late the column itself may be absent."""
        columns = dict(self.labelled.columns)
        label = columns[self.target]
        if isinstance(label, Numbers):
            columns[self.target] = Numbers(np.where(self.late, np.nan, label.values))
        else:
            columns[self.target] = Labels(np.where(self.late, -1, label.codes), label.labels)
        if self.late.all() and not with_column:
            del columns[self.target]
        return replace(self.labelled, columns=columns)


@st.composite
def rows_with_late_labels(draw: st.DrawFn, max_rows: int = 16) -> Rows:
    """Draw rows of one of the tasks; a late label is a number (infinite too) or a name, never nothing."""
    schema = Schema(COLUMNS, draw(st.sampled_from(TASKS)))
    assert schema.task is not None
    rows = draw(st.integers(0, max_rows))
    late = np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), dtype=np.bool_)
    if draw(st.booleans()):
        late[:] = True
    columns: dict[str, Numbers | Labels] = {}
    for column in COLUMNS:
        if column.kind is Kind.NUMERICAL:
            drawn = np.array(draw(st.lists(values, min_size=rows, max_size=rows)), dtype=np.float64)
            if column.name == schema.task.target:
                drawn[late & np.isnan(drawn)] = 2.5
            columns[column.name] = Numbers(drawn)
        else:
            codes = np.array(draw(st.lists(st.integers(-1, 2), min_size=rows, max_size=rows)), dtype=np.int64)
            if column.name == schema.task.target:
                codes[late & (codes < 0)] = 1
            columns[column.name] = Labels(codes, LABELS)
    dropped = draw(st.sampled_from([None, *(c.name for c in COLUMNS if c.name != schema.task.target)]))
    columns.pop(dropped or "", None)
    spec = FIXED if isinstance(schema.task, Regression) else ProfileSpec(segments=BY)
    return Rows(schema, spec, Batch(rows, np.arange(rows, dtype=np.int64), columns), late)


def _of(batch: Batch, rows: Rows) -> Profile:
    return profile.of(batch, rows.schema, rows.spec, limit=LIMIT)


def _cuts(whole: np.ndarray, cuts: list[int]) -> list[np.ndarray]:
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    return [whole[a:b] for a, b in pairwise(edges)]


cuts = st.lists(st.integers(0, 16), max_size=3)


@given(rows_with_late_labels(), cuts, cuts, st.booleans(), st.randoms(use_true_random=False))
def test_late_labels_end_in_the_same_performance(
    rows: Rows, came: list[int], labelled: list[int], with_column: bool, shuffle: random.Random
) -> None:
    """Rows in any split, their late labels in any split and order: as if every label had come at once."""
    before = rows.as_they_came(with_column=with_column)
    late = np.flatnonzero(rows.late)
    shuffle.shuffle(late)
    parts = [_of(before.take(places), rows) for places in _cuts(np.arange(before.rows), came)]
    label = rows.labelled.columns[rows.target]
    parts += [
        correction.of(before.take(places), label.take(places), rows.schema, rows.spec, limit=LIMIT)
        for places in _cuts(late, labelled)
    ]
    shuffle.shuffle(parts)
    merged, expected = profile.merge(parts, limit=LIMIT), _of(rows.labelled, rows)
    assert merged.rows == expected.rows
    assert merged[outcome.PART] == expected[outcome.PART]
    assert merged.columns == expected.columns
    assert merged[error_cells.PART] == expected[error_cells.PART]
    assert merged[segments.PART] == expected[segments.PART]
    assert merged[row_counts.PART] == _of(before, rows)[row_counts.PART]
    assert codec.decode(codec.encode(merged)) == merged


@given(rows_with_late_labels())
def test_a_correction_holds_no_rows(rows: Rows) -> None:
    """It adds no row, and nothing to another column or to what is counted of rows as they came."""
    late = np.flatnonzero(rows.late)
    label = rows.labelled.columns[rows.target].take(late)
    found = correction.of(
        rows.as_they_came(with_column=True).take(late), label, rows.schema, rows.spec, limit=LIMIT
    )
    nothing = profile.empty(rows.schema, rows.spec)
    assert (found.rows, found[row_counts.PART]) == (0, nothing[row_counts.PART])
    assert {c.rows for c in found.columns.values()} == {0}
    assert all(found.columns[name] == nothing.columns[name] for name in found.columns if name != rows.target)
    assert all(sum(counts.rows) == 0 for counts in found[error_cells.PART].values())


def test_a_row_that_has_its_label_is_refused() -> None:
    """A label is added once: what has one already cannot be corrected."""
    schema = Schema(COLUMNS, Regression("guess", "truth"))
    one = Numbers(np.array([1.0]))
    batch = Batch(1, np.zeros(1, dtype=np.int64), {"guess": one, "truth": one})
    with pytest.raises(ProfileError, match="expected rows without a label"):
        correction.of(batch, one, schema)
    with pytest.raises(ProfileError, match="has no task"):
        correction.of(batch, one, Schema(COLUMNS))
