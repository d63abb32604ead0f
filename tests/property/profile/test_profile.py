"""A profile is a commutative monoid over its rows, bit for bit; its bytes give it back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import distribution, error_cells, profile
from service.core.profile.codec import profile as codec
from service.core.profile.distribution import Distribution
from service.core.profile.outcome import outcome as outcomes
from service.core.profile.profile import Profile
from service.core.profile.spec import cell_edges
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch
from service.core.rows.schema import Column, Kind, Schema
from service.errors import CodecError, ProfileError
from tests.property.strategies import LABELS, SCHEMA, batches

LIMIT = 6  # so low that compression is at work in most examples


def _of(batch: Batch) -> Profile:
    return profile.of(batch, SCHEMA, limit=LIMIT)


def _merge(*parts: Profile) -> Profile:
    return profile.merge(parts, limit=LIMIT)


@given(batches(), batches())
def test_merge_is_commutative(one: Batch, other: Batch) -> None:
    """The order of two parts does not matter."""
    assert _merge(_of(one), _of(other)) == _merge(_of(other), _of(one))


@given(batches(), batches(), batches())
def test_merge_is_associative(one: Batch, two: Batch, three: Batch) -> None:
    """How three parts are bracketed does not matter, nor whether they are merged at once."""
    a, b, c = _of(one), _of(two), _of(three)
    assert _merge(_merge(a, b), c) == _merge(a, _merge(b, c)) == _merge(a, b, c)


@given(batches())
def test_the_empty_profile_is_the_identity(batch: Batch) -> None:
    """Merging no rows changes nothing, not even for two empty profiles."""
    nothing = profile.empty(SCHEMA)
    assert _merge(_of(batch), nothing) == _of(batch) == _merge(nothing, _of(batch))
    assert _merge(nothing, nothing) == nothing


@given(batches(), st.lists(st.integers(0, 25), max_size=3))
def test_any_split_of_the_rows_gives_the_whole(batch: Batch, cuts: list[int]) -> None:
    """Rows profiled in parts and merged equal the rows profiled at once."""
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = [batch.take(slice(a, b)) for a, b in pairwise(edges)]
    assert _merge(*map(_of, parts)) == _of(batch)


@given(batches(), batches())
def test_merge_leaves_both_sides_alone(one: Batch, other: Batch) -> None:
    """The parts hold the same bytes after a merge as before it."""
    parts = _of(one), _of(other)
    before = [codec.encode(part) for part in parts]
    _merge(*parts)
    assert [codec.encode(part) for part in parts] == before


@given(batches())
def test_every_row_is_counted_once(batch: Batch) -> None:
    """A column's values, gaps, infinities, texts and absences add up to the rows."""
    whole = _of(batch)
    assert {column.rows for column in whole.columns.values()} == {batch.rows}
    outcome = whole[outcomes.PART]
    assert outcome is not None
    assert outcome.labelled + outcome.pending + outcome.unusable == batch.rows


@given(batches())
def test_the_bytes_give_the_profile_back(batch: Batch) -> None:
    """Encoding and decoding is the identity, and equal profiles have equal bytes."""
    whole = _of(batch)
    assert codec.decode(codec.encode(whole)) == whole
    assert codec.encode(codec.decode(codec.encode(whole))) == codec.encode(whole)


@given(batches(), st.integers(0, 200))
def test_damaged_bytes_are_refused(batch: Batch, cut: int) -> None:
    """Bytes that were cut short are an error with its name, never another profile."""
    payload = codec.encode(_of(batch))
    with pytest.raises(CodecError, match=r"cut short|damaged"):
        codec.decode(payload[: min(cut, len(payload) - 1)])


# Two cells of numbers and three of labels are enough for rows to fall in all kinds of them.
SPEC = ProfileSpec(
    {
        "size": cell_edges.edges_of(
            distribution.of_numbers(np.array([-2.0, 0.0, 1.0, 1.5])), Kind.NUMERICAL, cells=2
        ),
        "colour": cell_edges.edges_of(distribution.of_codes(np.array([0, 1]), LABELS), Kind.CATEGORICAL),
    }
)


@given(batches(), st.integers(0, 25))
def test_cells_are_part_of_the_monoid(batch: Batch, cut: int) -> None:
    """Errors by cell merge like the rest, for any split, and come back from the bytes."""
    whole = profile.of(batch, SCHEMA, SPEC)
    parts = [profile.of(batch.take(rows), SCHEMA, SPEC) for rows in (slice(cut), slice(cut, None))]
    assert profile.merge(parts) == whole == codec.decode(codec.encode(whole))
    assert profile.merge([whole, profile.empty(SCHEMA, SPEC)]) == whole
    assert sum(whole[error_cells.PART]["size"].rows) == batch.rows


def test_bytes_of_another_version_are_refused() -> None:
    """The message names what was found and what this version reads."""
    payload = codec.encode(profile.empty(SCHEMA))
    with pytest.raises(CodecError, match="version 9"):
        codec.decode(payload[:4] + b"\x00\x09" + payload[6:])


def test_profiles_of_other_columns_are_refused() -> None:
    """Both fingerprints are in the message."""
    other = Schema((Column("weight", Kind.NUMERICAL),))
    with pytest.raises(ProfileError, match=f"{SCHEMA.fingerprint} and {other.fingerprint}"):
        _merge(profile.empty(SCHEMA), profile.empty(other))


values = st.lists(st.floats(-1e6, 1e6, width=64), min_size=1, max_size=60)


@given(values, st.integers(4, 12))
def test_compression_keeps_its_bounds(numbers: list[float], limit: int) -> None:
    """Compressed cumulative shares and means lie within the bounds that are kept."""
    exact = distribution.of_numbers(np.array(numbers))
    small = distribution.compress(exact, limit)
    assert small.finite == exact.finite
    points = np.unique(np.concatenate([exact.values, small.values]))
    assert np.abs(_shares(exact, points) - _shares(small, points)).max() <= small.rank_displacement + 1e-12
    moved = abs(float(exact.values @ exact.counts) - float(small.values @ small.counts)) / exact.finite
    # The bound is on the kept values, each of which lies up to its own bucket below the exact one.
    assert moved <= small.displacement + 1e-9 * np.abs(exact.values).max()


def _shares(d: Distribution, points: np.ndarray) -> np.ndarray:
    cumulative = np.concatenate([[0], np.cumsum(d.counts)])
    return cumulative[np.searchsorted(d.values, points, side="right")] / d.finite


def test_numbers_that_meet_labels_become_labels() -> None:
    """A column whose type changed on the way keeps every row."""
    numeric = distribution.of_codes(np.array([0, 1, 1]), np.array([1.0, 2.5]))
    labels = distribution.of_codes(np.array([0, -1]), np.array(["1"]))
    merged = distribution.merge([numeric, labels])
    assert merged.values.tolist() == ["1", "2.5"]
    assert (merged.counts.tolist(), merged.missing) == ([2, 2], 1)
