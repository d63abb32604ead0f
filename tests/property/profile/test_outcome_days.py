"""Losses by day are a commutative monoid over rows, bit for bit, and add up to the outcome of the whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import profile
from service.core.profile.codec import profile as codec
from service.core.profile.outcome import outcome
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.outcome.multiclass import MulticlassOutcome
from service.core.profile.outcome.outcome_days import DAY, PART, day_of
from service.core.profile.outcome.regression import RegressionOutcome
from service.core.profile.outcome.without import without
from service.core.rows.batch import Batch
from tests.property.profile.test_outcome import LIMIT, Rows, rows_of

EXACT = 1_000  # no distribution of a dozen rows is compressed


def in_days(batch: Batch) -> Batch:
    """Return the rows with times on three days, one of them before 1970."""
    return replace(batch, event_time=np.arange(batch.rows, dtype=np.int64) % 3 * DAY - DAY // 2)


@given(rows_of(1), st.lists(st.integers(0, 12), max_size=3))
def test_any_split_of_the_rows_gives_the_whole(rows: Rows, cuts: list[int]) -> None:
    """Rows summed in parts and merged equal the rows summed at once, to the last bit of their bytes."""
    batch = in_days(rows.batches[0])
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    whole = profile.of(batch, rows.schema, limit=LIMIT)
    parts = [profile.of(batch.take(slice(a, b)), rows.schema, limit=LIMIT) for a, b in pairwise(edges)]
    merged = profile.merge([profile.empty(rows.schema), *parts], limit=LIMIT)
    assert merged[PART] == whole[PART] == codec.decode(codec.encode(merged))[PART]


@given(rows_of(1))
def test_days_add_up_to_the_whole(rows: Rows) -> None:
    """The rows and sums of all days are those of the outcome."""
    batch = in_days(rows.batches[0])
    found = profile.of(batch, rows.schema, limit=LIMIT)
    days, whole = found[PART], found[outcome.PART]
    assert set(days) <= set(day_of(batch.event_time).tolist())
    total = [sum(column) for column in zip(*days.values(), strict=True)]
    if isinstance(whole, RegressionOutcome):
        assert total == ([whole.labelled, whole.sums.absolute] if whole.labelled else [])
    if isinstance(whole, MulticlassOutcome):
        assert total[:1] == ([whole.labelled] if whole.labelled else [])
    if isinstance(whole, BinaryOutcome) and total:
        cells = whole.confusion
        assert total[0] == cells.rows
        assert total[1] == (cells.false_positive + cells.false_negative) << 1074
        if len(total) > 2:
            assert total[2] == sum(whole.bins.rows)
            assert (total[3], total[5]) == (sum(whole.bins.squares), whole.log_loss)


@given(rows_of(2))
def test_leaving_out_some_rows_leaves_the_others(rows: Rows) -> None:
    """The outcome without some rows is that of the others; the largest error stays the whole's."""
    task = rows.schema.task
    assert task is not None
    one, other = (outcome.of(batch, task, limit=EXACT) for batch in rows.batches)
    left = without(outcome.merge([one, other], limit=EXACT), other)
    if isinstance(left, RegressionOutcome) and isinstance(one, RegressionOutcome):
        left = replace(left, largest=one.largest)
    assert left == one
