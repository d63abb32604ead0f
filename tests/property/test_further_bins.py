from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import distribution, profile
from service.core.reference import bins, further_bins
from service.core.reference.further_bins import DOUBLINGS, EQUAL_STEPS, Reach
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from tests.property.strategies import SCHEMA, batches

SIZE = Schema((Column("size", Kind.NUMERICAL),))
FURTHER = EQUAL_STEPS + DOUBLINGS
seasons = st.tuples(st.integers(0, 2**32 - 1), st.floats(-1e4, 1e4), st.booleans())


def of(values: np.ndarray) -> profile.Profile:
    return profile.of(Batch(len(values), np.zeros(len(values), np.int64), {"size": Numbers(values)}), SIZE)


def drawn(seed: int, shift: float, *, whole: bool, rows: int = 400) -> np.ndarray:
    values = np.random.default_rng(seed).normal(shift, 10.0, rows)
    return np.round(values) if whole else values


@given(reference=batches(), left=batches(), right=batches())
def test_the_further_bins_split_the_open_ones(reference: Batch, left: Batch, right: Batch) -> None:
    """No open bin holds fewer rows than its further bins, whose counts add up over parts of a window."""
    spec = bins.of_reference(profile.of(reference, SCHEMA), SCHEMA)
    parts = [profile.of(part, SCHEMA) for part in (left, right)]
    whole = bins.counted(spec, profile.merge(parts))
    apart = [bins.counted(spec, part) for part in parts]
    for one, *others in zip(whole, *apart, strict=True):
        tails = [dict(zip(other.tail.places, other.tail.counts, strict=True)) for other in others]
        places = sorted({place for tail in tails for place in tail})
        assert one.tail.places == tuple(places)
        assert one.tail.counts == tuple(sum(tail.get(place, 0) for tail in tails) for place in places)
        for side, opened in ((-1, one.counts[0]), (1, one.counts[-2])):
            assert sum(c for p, c in zip(places, one.tail.counts, strict=True) if p * side > 0) <= opened
        assert 0 <= one.reach.below <= FURTHER
        assert 0 <= one.reach.above <= FURTHER
        if one.bins.kind is Kind.CATEGORICAL:
            assert (one.tail, one.reach, one.bins.further) == (
                type(one.tail)(),
                Reach(),
                type(one.bins.further)(),
            )


@given(season=seasons, now=seasons)
def test_a_continued_bin_shows_where_the_bulk_lies(
    season: tuple[int, float, bool], now: tuple[int, float, bool]
) -> None:
    """An open bin of more than a tenth is cut up to where 1 % is left; the reference's rows are cut alike."""
    (bin_,) = bins.of_reference(of(drawn(*season[:2], whole=season[2])), SIZE)
    values = drawn(*now[:2], whole=now[2])
    (one,) = bins.counted((bin_,), of(values))
    above, below = np.array(bin_.further.above), np.array(bin_.further.below)
    for opened, reach, beyond in (
        (one.counts[-2], one.reach.above, values >= above[one.reach.above]),
        (one.counts[0], one.reach.below, values < below[one.reach.below]),
    ):
        assert (reach > 0) == (opened > len(values) / 10)
        assert not reach or beyond.sum() <= len(values) / 100
    for place, count in zip(one.tail.places, one.tail.counts, strict=True):
        low, high = (above[place - 1], above[place]) if place > 0 else (below[-place], below[-place - 1])
        assert count == ((values >= low) & (values < high)).sum()
    steps = np.diff(bin_.further.above)
    assert np.allclose(steps[:EQUAL_STEPS], bin_.further.above[0] - bin_.low[-3], rtol=1e-6)
    assert np.allclose(steps[EQUAL_STEPS:] / steps[EQUAL_STEPS - 1 : -1], 2.0, rtol=1e-6)


@given(season=seasons, far=st.floats(allow_nan=True, allow_infinity=True), rows=st.integers(1, 400))
def test_one_row_adds_no_bin(season: tuple[int, float, bool], far: float, rows: int) -> None:
    """However far away one row is: the window is drawn as without it, and no row alone ends the chart."""
    (bin_,) = bins.of_reference(of(drawn(*season[:2], whole=season[2])), SIZE)
    values = drawn(season[0] + 1, season[1], whole=season[2], rows=rows)
    (without,), (with_it,) = (bins.counted((bin_,), of(v)) for v in (values, np.append(values, far)))
    grown = max(with_it.reach.below - without.reach.below, with_it.reach.above - without.reach.above)
    inside = not math.isfinite(far) or abs(far - season[1]) < 40
    assert grown <= 0 or inside or rows < 100
    above, below = bin_.further.above, bin_.further.below
    assert not with_it.reach.above or sum(values >= above[with_it.reach.above - 1]) >= 1
    assert not with_it.reach.below or sum(values < below[with_it.reach.below - 1]) >= 1


@given(far=st.floats(1e3, 1e300), rows=st.integers(1, 30))
def test_a_lone_row_in_an_open_bin_leaves_it_alone(far: float, rows: int) -> None:
    """Of a small window a single row is more than a tenth; it still adds no bin."""
    (bin_,) = bins.of_reference(of(drawn(1, 0.0, whole=False)), SIZE)
    (one,) = bins.counted((bin_,), of(np.append(np.zeros(rows), far)))
    assert one.reach == Reach()


@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), bits=st.integers(2, 30))
def test_compressed_values_stay_in_the_sum(values: list[float], bits: int) -> None:
    """What compression moved over an edge is counted where it went, and nothing is lost or doubled."""
    edges = further_bins.edges_beyond([0.0, 1.0, 2.0])
    kept = distribution.compress(distribution.of_numbers(np.array(values, dtype=np.float64)), bits)
    tail = further_bins.tail_of(kept, edges)
    outside = (kept.values < edges.below[0]) & (kept.values >= edges.below[-1])
    outside |= (kept.values >= edges.above[0]) & (kept.values < edges.above[-1])
    assert sum(tail.counts) == kept.counts[outside].sum()


@given(inner=st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True, max_size=5).map(sorted))
def test_edges_go_outwards_and_are_told_apart(inner: list[float]) -> None:
    """Whatever the reference's edges are, the further ones are finite, outward, few, and unlike as text."""
    edges = further_bins.edges_beyond(inner)
    for side, sign in ((edges.below, -1.0), (edges.above, 1.0)):
        assert len(side) in range(2, FURTHER + 2) or not side
        assert all(map(math.isfinite, side))
        assert all((b - a) * sign > 0 for a, b in pairwise(side))
        assert len(set(further_bins.texts_of(side))) == len(side)


def test_summer_against_a_winter_reference() -> None:
    """A window that lies in the open bin wholly is continued in the reference's steps, written as usual."""
    winter = np.random.default_rng(3).normal(35.0, 10.0, 5_000).round(1)
    (bin_,) = bins.of_reference(of(winter), SIZE)
    summer = np.append(np.random.default_rng(4).normal(80.0, 4.0, 2_000), 1e6)
    (one,) = bins.counted((bin_,), of(summer))
    top = bin_.further.above[0]
    assert one.counts[-2] == len(summer)
    assert 0 < one.reach.above <= EQUAL_STEPS
    assert further_bins.texts_of(bin_.further.above)[1] == f"{top + bin_.high[2] - bin_.low[2]:.6g}"
    assert (
        replace(bin_, further=type(bin_.further)(), tail=type(bin_.tail)()).former_fingerprint
        == bin_.former_fingerprint
    )
