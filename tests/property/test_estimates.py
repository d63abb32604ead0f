"""Estimates of merged parts are those of the whole, bit for bit, whatever the reference and the rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, reject
from hypothesis import strategies as st

from service.core.profile import profile
from service.core.reference import reference as references
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.task import Binary, Regression
from service.errors import LabelError
from service.methods.performance.estimated.estimate import measure_estimates
from service.methods.performance.registry import estimated_metrics_of
from tests.property.strategies import SCHEMA, batches

COLUMNS = (
    Column("guess", Kind.NUMERICAL),
    Column("truth", Kind.NUMERICAL),
    Column("colour", Kind.CATEGORICAL),
)
SCORED = Schema(COLUMNS, Binary("truth", score="guess"))
ANSWERED = Schema(COLUMNS, Binary("truth", "colour", "guess", positive=("red", "blue", "0", "1")))
LIMIT = 6  # so low that compression is at work in most examples


def probable(batch: Batch) -> Batch:
    """Return the batch with scores among its guesses and classes among its truths."""
    columns = dict(batch.columns)
    for name, wanted in (("guess", 0.5), ("truth", 1.0)):
        column = columns.get(name)
        if isinstance(column, Numbers):
            columns[name] = Numbers(np.where(np.abs(column.values) > 1.0, wanted, column.values))
    return Batch(batch.rows, batch.event_time, columns)


@given(
    batches(),
    batches(),
    st.lists(st.integers(0, 25), max_size=3),
    st.sampled_from([SCHEMA, SCORED, ANSWERED]),
)
def test_any_split_of_the_rows_gives_the_whole(
    before: Batch, batch: Batch, cuts: list[int], schema: Schema
) -> None:
    """Every estimate is a number within its band or has a reason, and is the same from merged parts."""
    if schema is not SCHEMA:
        before, batch = probable(before), probable(batch)
    try:
        reference = references.of(before, schema)
    except LabelError:  # no drawn label is a positive one
        reject()
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts, whole = (
        [profile.of(part, schema, reference.spec, limit=LIMIT) for part in side]
        for side in ([batch.take(slice(a, b)) for a, b in pairwise(edges)], [batch])
    )
    found, merged = (
        measure_estimates(reference.profile, current, schema.task, reference.estimator)
        for current in (*whole, profile.merge(parts, limit=LIMIT))
    )
    assert found == merged
    assert isinstance(schema.task, Binary | Regression)
    assert [m.series.metric for m in found] == [metric.name for metric in estimated_metrics_of(schema.task)]
    for m in found:
        assert (m.value is None) == bool(m.reason)
        if m.value is not None:
            slack = 1e-9 * abs(m.value)
            assert m.low is None or m.low <= m.value + slack
            assert m.high is None or m.value - slack <= m.high


@given(batches())
def test_equal_references_give_equal_estimators(batch: Batch) -> None:
    """A reference made twice of the same rows expects the same, to the last bit."""
    one, other = references.of(batch, SCHEMA), references.of(batch, SCHEMA)
    assert measure_estimates(one.profile, one.profile, SCHEMA.task, one.estimator) == measure_estimates(
        other.profile, other.profile, SCHEMA.task, other.estimator
    )
