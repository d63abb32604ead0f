"""A sample of rows is a commutative monoid, bit for bit, and draws every row of the stream alike."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import profile, row_sample
from service.core.profile.codec import profile as codec
from service.core.profile.row_sample import RowSample
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch, Labels, LabelType, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.windows import window
from service.core.windows.panes import Pane, merge_into, pane_records, profile_panes, restored
from service.core.windows.window import Unit, WindowPlan
from service.errors import ProfileError
from tests.property.strategies import SCHEMA, batches

SIZE = 6  # so low that rows are left out in most examples
SPEC = ProfileSpec(sample_rows=SIZE)
EMPTY = row_sample.empty(SCHEMA, SIZE)


def _of(batch: Batch) -> RowSample:
    return row_sample.of(batch, SCHEMA, SIZE)


@st.composite
def numbered(draw: st.DrawFn) -> Batch:
    """Draw rows from anywhere in a stream, or twice: rows of two streams share ordinals."""
    batch = draw(batches())
    ordinals = draw(st.lists(st.integers(0, 60), min_size=batch.rows, max_size=batch.rows))
    return replace(batch, ordinal=np.array(ordinals, dtype=np.int64))


@given(numbered(), st.lists(st.integers(0, 25), max_size=3), st.randoms(use_true_random=False), st.booleans())
def test_any_split_in_any_order_gives_the_whole(
    batch: Batch, cuts: list[int], shuffle: random.Random, bracketed: bool
) -> None:
    """Parts of the rows, merged in any order and any brackets, are the sample of the rows at once."""
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = [_of(batch.take(slice(a, b))) for a, b in pairwise(edges)]
    shuffle.shuffle(parts)
    if bracketed:
        parts = [row_sample.merge(parts[:2]), *parts[2:]]
    whole = row_sample.merge([EMPTY, *parts])
    assert whole == _of(batch)
    assert whole.rows == min(batch.rows, SIZE)


@given(numbered(), numbered(), numbered())
def test_merge_is_associative_and_commutative(one: Batch, two: Batch, three: Batch) -> None:
    """Rows of several batches, with and without a column, in any order and brackets, give one sample."""
    a, b, c = _of(one), _of(two), _of(three)
    whole = row_sample.merge([a, b, c])
    assert whole == row_sample.merge([row_sample.merge([c, a]), b])
    assert whole == row_sample.merge([c, row_sample.merge([b, a])])


@given(batches())
def test_the_empty_sample_is_the_identity(batch: Batch) -> None:
    """No rows change nothing, not even two times."""
    sample = _of(batch.numbered(3))
    assert row_sample.merge([sample, EMPTY]) == sample == row_sample.merge([EMPTY, sample])
    assert row_sample.merge([EMPTY, EMPTY]) == EMPTY == _of(batch.take(slice(0, 0)).numbered(9))


@given(batches(max_rows=40), st.integers(0, 10**9), st.lists(st.integers(0, 40), max_size=4))
def test_a_window_s_sample_does_not_depend_on_the_batches(batch: Batch, first: int, cuts: list[int]) -> None:
    """However rows arrive, their panes' samples merge to one: so it is after a kill and a replay."""
    plan = WindowPlan(Unit.TIME, hop=2_500, panes=5)
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    panes: dict[int, Pane] = {}
    for a, b in pairwise(edges):
        fresh = profile_panes(batch.take(slice(a, b)), SCHEMA, plan, first + a, SPEC)
        panes |= merge_into(panes, restored(pane_records(fresh)))
    profiles = [pane.profile for pane in panes.values()]
    whole = profile.merge([profile.empty(SCHEMA, SPEC), *profiles])
    assert whole == profile.of(batch.numbered(first), SCHEMA, SPEC)


@given(batches(max_rows=12))
def test_a_small_batch_is_kept_whole(batch: Batch) -> None:
    """Reading the sample back gives the rows, in their order, with what was no number marked."""
    sample = row_sample.of(batch.numbered(0), SCHEMA, 50)
    back = sample.batch()
    assert np.array_equal(back.event_time, batch.event_time)
    assert [*back.columns] == [*SCHEMA.names]
    assert row_sample.of(back, SCHEMA, 50) == sample
    for name, column in batch.columns.items():
        kept = back.columns[name]
        if isinstance(column, Numbers):
            assert isinstance(kept, Numbers)
            none = np.zeros(batch.rows, np.bool_)
            marks, back_marks = (none if n.unparsable is None else n.unparsable for n in (column, kept))
            assert np.array_equal(back_marks, marks)
            assert np.array_equal(kept.values, np.where(marks, np.nan, column.values), equal_nan=True)
        else:
            assert isinstance(kept, Labels)
            assert _texts(kept) == _texts(column)


def _texts(column: Labels) -> list[str]:
    return np.append(column.labels, "").astype(np.str_)[column.codes].tolist()


@given(numbered())
def test_the_bytes_give_the_sample_back(batch: Batch) -> None:
    """A profile's sample survives its bytes, and equal samples have equal bytes."""
    whole = profile.of(batch, SCHEMA, SPEC)
    payload = codec.encode(whole)
    assert codec.decode(payload) == whole
    assert codec.encode(codec.decode(payload)) == payload


def test_every_row_is_drawn_alike_though_rows_repeat() -> None:
    """Over many places in the stream each row of a batch is kept about as often, copies or not."""
    rows, size, streams = 40, 10, 4_000
    batch = Batch(rows, np.zeros(rows, np.int64), {"size": Numbers(np.repeat([1.0, 2.0], [30, 10]))})
    schema = Schema((Column("size", Kind.NUMERICAL),))
    kept = np.zeros(rows)
    for stream in range(streams):
        sample = row_sample.of(batch.numbered(stream * rows), schema, size)
        kept[sample.ordinals - stream * rows] += 1
    expected = streams * size / rows
    assert np.abs(kept - expected).max() < 5 * np.sqrt(expected * (1 - size / rows))


def test_labels_of_numbers_and_of_texts_meet_as_texts() -> None:
    """A column of numbers that later holds text keeps every label, whichever part comes first."""
    schema = Schema((Column("size", Kind.CATEGORICAL),))
    numeric = Labels(np.array([1, 0, -1]), np.array(["1", "10"]), LabelType.NUMBER)
    text = Labels(np.array([0, 1]), np.array(["10", "9"]))
    first, second = (
        row_sample.of(
            Batch(len(c.codes), np.zeros(len(c.codes), np.int64), {"size": c}).numbered(at), schema, 9
        )
        for c, at in ((numeric, 0), (text, 3))
    )
    whole = row_sample.merge([first, second])
    assert whole == row_sample.merge([second, first])
    labels = whole.columns["size"]
    assert isinstance(labels, Labels)
    assert (labels.labels.tolist(), _texts(labels)) == (["1", "10", "9"], ["10", "1", "", "10", "9"])


def test_rows_without_ordinals_and_other_sizes_are_refused() -> None:
    """A sample of unnumbered rows, or of two sizes, would be another one at the next start."""
    batch = Batch(1, np.zeros(1, np.int64), {})
    with pytest.raises(ProfileError, match="no ordinals"):
        _of(batch)
    with pytest.raises(ProfileError, match="6 and 7 rows"):
        row_sample.merge([EMPTY, row_sample.empty(SCHEMA, 7)])
    assert row_sample.of(batch, SCHEMA, 0) == row_sample.empty(SCHEMA, 0) == RowSample()


def test_panes_number_rows_by_their_place_in_the_stream() -> None:
    """Rows of one batch that fall into several panes keep the ordinals of their arrival."""
    times = np.array([5, 25, 7, 11], dtype=np.int64)
    batch = Batch(4, times, {"size": Numbers(times.astype(np.float64))})
    plan = WindowPlan(Unit.TIME, hop=10)
    assert window.assign(batch, plan, 100).tolist() == [0, 2, 0, 1]
    panes = profile_panes(batch, Schema((Column("size", Kind.NUMERICAL),)), plan, 100, SPEC)
    kept = {key: pane.profile[row_sample.PART].ordinals.tolist() for key, pane in panes.items()}
    assert kept == {0: [100, 102], 1: [103], 2: [101]}
