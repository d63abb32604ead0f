"""Outcomes of every task are a commutative monoid over rows, bit for bit; their bytes give them back."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import profile
from service.core.profile.codec import profile as codec
from service.core.profile.outcome import multiclass, outcome
from service.core.profile.outcome.outcome import Outcome
from service.core.profile.profile import Profile
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.task import Binary, Multiclass, Regression, Task
from service.errors import ProfileError
from service.methods.performance.performance import measure_performance

LIMIT = 6  # so low that compression is at work in most examples
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
    Binary("class", "guess"),
    Multiclass("class", "answer", (("1", "score"), ("b", "guess"))),
    Multiclass("truth", "guess"),
)
LABELS = np.array(["1", "b", "c"])
numbers = st.sampled_from(
    [0.0, 1.0, 0.25, 0.3, 1.0 - 2.0**-53, np.nan, np.inf, 1e-320, 1e100, 1e153, -7.5]
) | st.floats(width=64)


class Rows(NamedTuple):
    """Batches of one schema."""

    schema: Schema
    batches: list[Batch]

    def profiles(self) -> list[Profile]:
        """Profile each batch."""
        return [profile.of(batch, self.schema, limit=LIMIT) for batch in self.batches]


@st.composite
def rows_of(draw: st.DrawFn, batches: int, max_rows: int = 12) -> Rows:
    """Draw a task and batches of it, now and then without a column or with text among the numbers."""
    return Rows(
        Schema(COLUMNS, draw(st.sampled_from(TASKS))), [_batch(draw, max_rows) for _ in range(batches)]
    )


def _batch(draw: st.DrawFn, max_rows: int) -> Batch:
    rows = draw(st.integers(0, max_rows))

    def column(kind: Kind) -> Numbers | Labels:
        if kind is Kind.CATEGORICAL:
            codes = draw(st.lists(st.integers(-1, 2), min_size=rows, max_size=rows))
            return Labels(np.array(codes, dtype=np.int64), LABELS)
        values = draw(st.lists(numbers, min_size=rows, max_size=rows))
        marks = draw(st.none() | st.lists(st.booleans(), min_size=rows, max_size=rows))
        return Numbers(
            np.array(values, dtype=np.float64), None if marks is None else np.array(marks, dtype=np.bool_)
        )

    columns = {c.name: column(c.kind) for c in COLUMNS}
    if draw(st.booleans()):
        columns.pop(draw(st.sampled_from(sorted(columns))))
    return Batch(rows, np.zeros(rows, dtype=np.int64), columns)


def _merge(*parts: Profile) -> Profile:
    return profile.merge(parts, limit=LIMIT)


@given(rows_of(3))
def test_merge_is_commutative_and_associative(rows: Rows) -> None:
    """Neither the order of the parts nor their bracketing matters."""
    a, b, c = rows.profiles()
    assert _merge(a, b)[outcome.PART] == _merge(b, a)[outcome.PART]
    assert (
        _merge(_merge(a, b), c)[outcome.PART]
        == _merge(a, _merge(b, c))[outcome.PART]
        == _merge(c, a, b)[outcome.PART]
    )


@given(rows_of(1), st.lists(st.integers(0, 12), max_size=3))
def test_any_split_of_the_rows_gives_the_whole(rows: Rows, cuts: list[int]) -> None:
    """Rows profiled in parts and merged equal the rows profiled at once, to the last bit of their bytes."""
    (batch,) = rows.batches
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = [profile.of(batch.take(slice(a, b)), rows.schema, limit=LIMIT) for a, b in pairwise(edges)]
    (whole,) = rows.profiles()
    merged = _merge(profile.empty(rows.schema), *parts)
    assert merged[outcome.PART] == whole[outcome.PART]
    assert codec.decode(codec.encode(merged))[outcome.PART] == whole[outcome.PART]


@given(rows_of(2))
def test_merge_leaves_both_sides_alone(rows: Rows) -> None:
    """The parts hold the same bytes after a merge as before it."""
    parts = rows.profiles()
    before = [codec.encode(part) for part in parts]
    _merge(*parts)
    assert [codec.encode(part) for part in parts] == before


@given(rows_of(2))
def test_every_row_is_counted_once(rows: Rows) -> None:
    """Labelled, pending and unusable rows add up to all rows."""
    whole = _merge(*rows.profiles())
    assert whole[outcome.PART] is not None
    assert (
        whole[outcome.PART].labelled + whole[outcome.PART].pending + whole[outcome.PART].unusable
        == whole.rows
    )


@given(rows_of(2))
def test_a_merged_profile_measures_or_says_why_not(rows: Rows) -> None:
    """Every figure lies in its band or has a reason; the order of the parts changes none."""
    one, other = rows.profiles()
    task = rows.schema.task
    measured = measure_performance(one, _merge(one, other), task)
    assert measured == measure_performance(one, _merge(other, one), task)
    for m in measured:
        assert (m.value is None) == bool(m.reason)
        if m.value is not None:
            slack = 1e-9 * abs(m.value)
            assert m.low is None or m.low <= m.value + slack
            assert m.high is None or m.value - slack <= m.high


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30), st.integers(0, 30))
def test_the_cap_on_classes_does_not_depend_on_the_split(pairs: list[tuple[int, int]], cut: int) -> None:
    """A whole that has more classes than the cap has no confusion counts, however it was put together."""
    task = Multiclass("truth", "guess")
    truth, guess = np.array(pairs, dtype=np.float64).reshape(-1, 2).T

    def of(part: slice) -> Outcome:
        columns = {"truth": Numbers(truth[part]), "guess": Numbers(guess[part])}
        size = len(truth[part])
        return outcome.of(Batch(size, np.zeros(size, dtype=np.int64), columns), task, limit=LIMIT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiclass, "MAX_CLASSES", 4)
        whole = of(slice(None))
        assert outcome.merge([of(slice(cut)), of(slice(cut, None))], limit=LIMIT) == whole
    assert isinstance(whole, multiclass.MulticlassOutcome)
    assert (whole.pairs is None) == (len({name for pair in pairs for name in pair}) > 4)
    assert whole.correct == int((truth == guess).sum())


def test_outcomes_of_different_tasks_are_refused() -> None:
    """What was asked of a model cannot change halfway."""
    regression, binary = outcome.empty(TASKS[0]), outcome.empty(TASKS[1])
    with pytest.raises(ProfileError, match="BinaryOutcome, RegressionOutcome"):
        outcome.merge([regression, binary], limit=LIMIT)
    with pytest.raises(ProfileError, match="got none"):
        outcome.merge([], limit=LIMIT)


def test_a_profile_depends_on_its_task() -> None:
    """Another positive label or threshold gives another fingerprint; a regression's is its roles' alone."""
    prints = {Schema(COLUMNS, task).fingerprint for task in TASKS[1:]}
    assert len(prints) == len(TASKS) - 1
    assert Schema(COLUMNS, TASKS[0]).fingerprint == Schema(COLUMNS).fingerprint
    assert Schema(COLUMNS, Binary("class", "guess", threshold=0.4)).fingerprint not in prints
