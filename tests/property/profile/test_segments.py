"""Segments are a commutative monoid over rows, bit for bit, and add up to the outcome of the whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import distribution, profile, segments
from service.core.profile.codec import profile as codec
from service.core.profile.outcome import outcome
from service.core.profile.profile import Profile
from service.core.profile.spec import segment_values
from service.core.profile.spec.segment_values import MISSING, OTHER, SegmentValues
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch, Labels
from service.core.rows.class_labels import class_labels
from service.core.rows.schema import Schema
from service.errors import ProfileError
from tests.property.profile.test_outcome import COLUMNS, LIMIT, TASKS, Rows, rows_of

TASK = TASKS[0]

# Of the labels 1, b and c of the rows one has no segment; a value that no row has keeps one that stays empty.
SPEC = ProfileSpec(segments={"class": SegmentValues(("1", "b", "z")), "answer": SegmentValues(("c",))})


def _profiles(rows: Rows) -> list[Profile]:
    return [profile.of(batch, rows.schema, SPEC, limit=LIMIT) for batch in rows.batches]


def _merge(*parts: Profile) -> Profile:
    return profile.merge(parts, limit=LIMIT)


@given(rows_of(3))
def test_merge_is_commutative_and_associative(rows: Rows) -> None:
    """Neither the order of the parts nor their bracketing matters."""
    a, b, c = _profiles(rows)
    assert _merge(a, b) == _merge(b, a)
    assert _merge(_merge(a, b), c) == _merge(a, _merge(b, c)) == _merge(c, a, b)


@given(rows_of(1), st.lists(st.integers(0, 12), max_size=3))
def test_any_split_of_the_rows_gives_the_whole(rows: Rows, cuts: list[int]) -> None:
    """Rows segmented in parts and merged equal the rows segmented at once, to the last bit of their bytes."""
    (batch,) = rows.batches
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = Rows(rows.schema, [batch.take(slice(a, b)) for a, b in pairwise(edges)])
    (whole,) = _profiles(rows)
    merged = _merge(profile.empty(rows.schema, SPEC), *_profiles(parts))
    assert merged == whole == codec.decode(codec.encode(merged))
    assert codec.encode(merged) == codec.encode(whole)


@given(rows_of(2))
def test_segments_add_up_to_the_whole(rows: Rows) -> None:
    """Every row is in one segment of each column: merged, the segments are the whole's outcome."""
    whole = _merge(*_profiles(rows))
    for found in whole[segments.PART].values():
        assert outcome.merge(found.outcomes, limit=LIMIT) == whole[outcome.PART]
        assert sum(part.rows for part in found.outcomes) == whole.rows


@given(rows_of(1))
def test_a_segment_is_the_outcome_of_its_rows(rows: Rows) -> None:
    """The rows of a value, picked out one by one, turn out as the segment says."""
    (batch,), (whole,) = rows.batches, _profiles(rows)
    task = rows.schema.task
    assert task is not None
    for column, values in SPEC.segments.items():
        labels = class_labels(batch.columns.get(column), batch.rows)
        names = [labels.names[code] if code >= 0 else None for code in labels.codes.tolist()]
        expected = [MISSING if n is None else n if n in values.values else OTHER for n in names]
        for name, found in whole[segments.PART][column].named.items():
            chosen = np.array([i for i, each in enumerate(expected) if each == name], dtype=np.intp)
            assert found == outcome.of(batch.take(chosen), task, limit=LIMIT)


@given(rows_of(2))
def test_merge_leaves_both_sides_alone(rows: Rows) -> None:
    """The parts hold the same bytes after a merge as before it."""
    parts = _profiles(rows)
    before = [codec.encode(part) for part in parts]
    _merge(*parts)
    assert [codec.encode(part) for part in parts] == before


@given(rows_of(1))
def test_who_does_not_ask_keeps_nothing(rows: Rows) -> None:
    """Without values a profile has no segments, and apart from them it is the same."""
    (batch,), (whole,) = rows.batches, _profiles(rows)
    plain = profile.of(batch, rows.schema, limit=LIMIT)
    assert not plain[segments.PART]
    assert (plain[outcome.PART], plain.columns) == (whole[outcome.PART], whole.columns)


def test_parts_of_other_values_are_refused() -> None:
    """What one reference fixed cannot be merged with what another did; the message names both."""
    one, other = ({"class": SegmentValues(values)} for values in (("a",), ("b",)))
    schema = Schema(COLUMNS, TASK)
    parts = [profile.empty(schema, ProfileSpec(segments=by)) for by in (one, other)]
    with pytest.raises(ProfileError, match="segments of a and b do not belong together"):
        _merge(*parts)
    with pytest.raises(ProfileError, match="no part given"):
        segments.merge([], limit=LIMIT)
    with pytest.raises(ProfileError, match="cannot be merged"):
        _merge(parts[0], profile.empty(schema))


@given(st.lists(st.sampled_from(["a", "b", "c", "(other)", "(missing)"]), max_size=30), st.integers(1, 4))
def test_the_cap_keeps_the_values_of_most_rows(texts: list[str], cap: int) -> None:
    """At most `cap` values, none rarer than one left out, the first by name of equal ones, no name twice."""
    names, codes = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
    spec = segment_values.values_of(distribution.of_codes(codes, names), cap=cap)
    counts = {name: texts.count(name) for name in {*texts} - {OTHER, MISSING}}
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    assert spec.values == tuple(sorted(ranked[:cap]))
    assert spec.found == len({*texts})
    assert (segment_values.beyond_cap("plan", spec) is None) == (len({*texts}) <= cap)


def test_numbers_in_a_column_of_labels_have_the_segments_of_their_texts() -> None:
    """A column whose labels came as numbers is segmented as it is counted."""
    numeric = distribution.of_codes(np.array([0, 1, 1]), np.array([1.0, 2.5]))
    spec = segment_values.values_of(numeric)
    assert spec.values == ("1", "2.5")
    batch = Batch(
        3,
        np.zeros(3, dtype=np.int64),
        {"class": Labels(np.array([0, 1, -1]), np.array(["2.5", "7"]))},
    )
    found = segments.of_columns(batch, TASK, {"class": spec}, limit=LIMIT)["class"].named
    assert {name: part.rows for name, part in found.items()} == {"1": 0, "2.5": 1, OTHER: 1, MISSING: 1}
