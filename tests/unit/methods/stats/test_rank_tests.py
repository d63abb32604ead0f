from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.core.profile.distribution import of_numbers
from service.methods.stats.rank_tests import (
    CRITICAL,
    LEVELS,
    anderson,
    anderson_statistic,
    mannw,
    mannw_two_sided,
    ordered,
)
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import labels, numbers

GRID = st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=40)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 2), (2, 2), (3, 4), (5, 4), (2, 9), (6, 5)])
def test_counted_orders_equal_every_order_tried(n: int, m: int):
    """Without ties and with few rows the p-value is the share of all orders whose U is at least as large."""
    ranks = np.arange(n + m, dtype=np.float64)
    us = [sum(ranks[list(side)]) for side in itertools.combinations(range(n + m), m)]
    for side in itertools.islice(itertools.combinations(range(n + m), m), 40):
        current = ranks[list(side)]
        reference = np.setdiff1d(ranks, current)
        expected = np.mean(np.array(us) >= current.sum())
        assert mannw(of_numbers(reference), of_numbers(current)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(8, 500), (300, 8), (7, 40), (1, 2_000)])
def test_counted_orders_equal_scipy(n: int, m: int):
    """A side of up to eight rows against many gives SciPy's exact p-value, in both tails."""
    draw = np.random.default_rng(n + m)
    for shift in (-0.5, 0.0, 0.5):
        reference, current = draw.normal(size=n), draw.normal(size=m) + shift
        sides = of_numbers(reference), of_numbers(current)
        expected = stats.mannwhitneyu(reference, current, alternative="less").pvalue
        assert mannw(*sides) == pytest.approx(expected, abs=1e-9)
        assert mannw_two_sided(*sides) == pytest.approx(
            stats.mannwhitneyu(reference, current).pvalue, abs=1e-9
        )


@settings(max_examples=200, deadline=None)
@given(GRID, GRID)
def test_two_sided_equals_scipy(reference: list[float], current: list[float]):
    """The robust form is SciPy's two-sided p-value, ties and few rows included."""
    expected = stats.mannwhitneyu(reference, current).pvalue
    assert mannw_two_sided(numbers(*reference), numbers(*current)) == pytest.approx(expected, abs=1e-9)


def test_a_downward_shift_is_seen_by_the_two_sided_test_alone():
    """Rows that became smaller leave Evidently's p-value at one; the two-sided one is near zero."""
    rows = np.arange(400.0)
    reference, current = of_numbers(rows), of_numbers(rows - 100.0)
    assert mannw(reference, current) > 0.999
    assert mannw_two_sided(reference, current) < 1e-6


def test_infinities_rank_at_the_ends():
    """A window whose largest rows overflowed to infinity ranks as if they were merely the largest."""
    reference = numbers(*np.arange(30.0))
    overflowed = numbers(*np.arange(20.0, 30.0), *[np.inf] * 5)
    large = numbers(*np.arange(20.0, 30.0), *[1e300] * 5)
    assert mannw_two_sided(reference, overflowed) == mannw_two_sided(reference, large)
    underflowed = numbers(*np.arange(20.0, 30.0), *[-np.inf] * 5)
    small = numbers(*np.arange(20.0, 30.0), *[-1e300] * 5)
    assert mannw_two_sided(reference, underflowed) == mannw_two_sided(reference, small)
    assert mannw_two_sided(reference, overflowed) != mannw_two_sided(
        reference, numbers(*np.arange(20.0, 30.0))
    )


@pytest.mark.filterwarnings("ignore:p-value|Parameter `variant`:UserWarning")
@settings(max_examples=200, deadline=None)
@given(GRID, GRID)
def test_anderson_equals_scipy(reference: list[float], current: list[float]):
    """Statistic and p-value are those of anderson_ksamp, or both have none."""
    sides = numbers(*reference), numbers(*current)
    if len(reference) + len(current) < 4 or len({*reference, *current}) == 1:
        with pytest.raises(Unmeasurable):
            anderson(*sides)
        return
    expected = stats.anderson_ksamp([np.array(reference), np.array(current)])
    assert anderson_statistic(ordered(*sides)) == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert anderson(*sides) == pytest.approx(expected.pvalue, abs=1e-9)


def test_anderson_s_p_value_ends_where_the_table_ends():
    """However near or far the sides are, the p-value is kept between 0.001 and 0.25."""
    rows = np.arange(500.0)
    assert anderson(of_numbers(rows), of_numbers(rows)) == LEVELS[0] == 0.25
    assert anderson(of_numbers(rows), of_numbers(rows + 400.0)) == LEVELS[-1] == 0.001
    assert (np.diff(CRITICAL) > 0).all()


def test_ranks_of_labels_are_refused():
    """A column that came as text has no ranks, and the reason says so."""
    with pytest.raises(Unmeasurable, match="needs numbers"):
        mannw(numbers(1.0, 2.0), labels("ab"))
