from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.reference import bins
from service.core.reference.bins import Bins
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from tests.distributions import NUMERIC

NUMBER = Schema((Column("x", Kind.NUMERICAL),))
LABEL = Schema((Column("x", Kind.CATEGORICAL),))


def _numbers(values: np.ndarray, unparsable: np.ndarray | None = None) -> Profile:
    rows = len(values)
    batch = Batch(rows, np.zeros(rows, np.int64), {"x": Numbers(values.astype(np.float64), unparsable)})
    return profile.of(batch, NUMBER)


def _labels(values: list[str | None]) -> Profile:
    names = sorted({value for value in values if value is not None})
    codes = np.array([-1 if value is None else names.index(value) for value in values], dtype=np.int64)
    batch = Batch(
        len(values), np.zeros(len(values), np.int64), {"x": Labels(codes, np.array(names, np.str_))}
    )
    return profile.of(batch, LABEL)


def _fixed(reference: Profile, schema: Schema = NUMBER) -> Bins:
    (found,) = bins.of_reference(reference, schema)
    return found


def _edges(fixed: Bins) -> list[float]:
    return [edge for edge in fixed.low if edge is not None]


@pytest.mark.parametrize("name", NUMERIC)
def test_counts_equal_numpys_histogram(name: str) -> None:
    """Each bin holds the rows that NumPy finds between its ends, and every row is in one bin."""
    before, now = NUMERIC[name]
    fixed = _fixed(_numbers(before))
    edges = [-np.inf, *_edges(fixed), np.inf]
    for values in (before, now):
        expected = [int(((values >= a) & (values < b)).sum()) for a, b in pairwise(edges)]
        (found,) = bins.counted([fixed], _numbers(values))
        assert found.counts == (*expected, 0)


@pytest.mark.parametrize("name", NUMERIC)
def test_bins_are_about_as_many_as_a_chart_can_show(name: str) -> None:
    """Closed bins are equally wide, rise, and are at most two dozen."""
    edges = np.array(_edges(_fixed(_numbers(NUMERIC[name][0]))))
    assert 1 <= len(edges) <= 26
    assert (np.diff(edges) > 0).all()
    assert np.ptp(np.diff(edges)) <= 1e-9 * max(np.ptp(edges), 1e-300)


def test_bins_of_many_values_are_between_twelve_and_two_dozen() -> None:
    """Where the reference has a bulk to cut, it is cut finely enough to see a shape."""
    draw = np.random.default_rng(7)
    for scale in (1e-7, 0.3, 1.0, 47.0, 1e9):
        values = draw.normal(scale=scale, size=3_000)
        inside = len(_edges(_fixed(_numbers(values)))) - 1
        assert 11 <= inside <= 24, scale


def test_whole_numbers_are_not_cut_between() -> None:
    """Hours, counts and codes get bins whose ends are whole numbers, all equally many of them."""
    edges = _edges(_fixed(_numbers(np.arange(24.0).repeat(50))))
    assert all(edge.is_integer() for edge in edges)
    assert len({b - a for a, b in pairwise(edges)}) == 1


def test_ends_are_numbers_that_people_write() -> None:
    """Edges are the decimal that is meant, so that a label reads 0.3 and not 0.30000000000000004."""
    edges = _edges(_fixed(_numbers(np.linspace(0.0, 1.6, 1_001))))
    assert all(len(repr(edge)) < 6 for edge in edges), edges


def test_infinities_lie_in_the_open_bins_and_what_is_no_number_in_the_last() -> None:
    """Nothing that came is left out of the picture."""
    fixed = _fixed(_numbers(np.linspace(0.0, 10.0, 500)))
    odd = np.array([-np.inf, np.inf, np.inf, np.nan, 0.0, 7.0])
    (found,) = bins.counted([fixed], _numbers(odd, np.array([False] * 5 + [True])))
    assert (found.counts[0], found.counts[-2], found.counts[-1]) == (1, 2, 2)
    assert sum(found.counts) == len(odd)


@pytest.mark.parametrize(
    "values",
    [
        np.array([]),
        np.array([np.nan, np.nan]),
        np.array([3.25]),
        np.array([5e-324, 1e-323]),
        np.array([-1.7e308, 1.7e308]),
        np.array([1.7e308, 1.7e308]),
        np.array([1e17, 1e17 + 16]),
        np.append(np.zeros(5_000), 1e12),
    ],
    ids=str,
)
def test_strange_references_have_bins_all_the_same(values: np.ndarray) -> None:
    """No reference stops the picture: ends stay finite, every row of any window has its bin."""
    fixed = _fixed(_numbers(values))
    assert np.isfinite(_edges(fixed)).all()
    assert sum(fixed.counts) == len(values)
    (found,) = bins.counted([fixed], _numbers(np.array([-1.0, 0.0, 3.25, np.inf, np.nan])))
    assert sum(found.counts) == 5


def test_frequent_labels_have_a_bin_and_the_others_share_one() -> None:
    """The reference's twenty most frequent labels are ordered by frequency, then the others, then missing."""
    reference = [f"N{n:02}" for n in range(25) for _ in range(100 - n)]
    fixed = _fixed(_labels([*reference, None]), LABEL)
    assert fixed.labels == (*(f"N{n:02}" for n in range(20)), bins.OTHER, bins.MISSING)
    assert fixed.counts[-2:] == (sum(100 - n for n in range(20, 25)), 1)
    (found,) = bins.counted([fixed], _labels(["N01", "N01", "N24", "new", None]))
    assert dict(zip(fixed.labels, found.counts, strict=True)) == {
        **dict.fromkeys(fixed.labels, 0), "N01": 2, bins.OTHER: 2, bins.MISSING: 1,
    }  # fmt: skip


def test_a_window_of_no_rows_is_drawn_as_zeros() -> None:
    """An empty window has every bin, with no rows in it."""
    fixed = _fixed(_labels(["a", "b"]), LABEL)
    (found,) = bins.counted([fixed], profile.empty(LABEL))
    assert found.counts == (0, 0, 0, 0)


def test_equal_references_have_equal_fingerprints() -> None:
    """The fingerprint changes with everything in the bins."""
    values = np.linspace(0.0, 1.0, 300)
    assert _fixed(_numbers(values)) == _fixed(_numbers(values[::-1].copy()))
    assert _fixed(_numbers(values)).fingerprint == _fixed(_numbers(values[::-1].copy())).fingerprint
    assert _fixed(_numbers(values)).fingerprint != _fixed(_numbers(values[1:])).fingerprint
