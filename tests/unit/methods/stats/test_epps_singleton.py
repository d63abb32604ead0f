from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from service.core.profile.distribution import of_numbers
from service.methods.stats.epps_singleton import _quantile, epps_singleton, epps_singleton_ranked
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import numbers

DRAW = np.random.default_rng(17)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (24, 20), (25, 5), (400, 150), (5_000, 700)])
@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
def test_it_is_scipy_s_p_value(n: int, m: int, shift: float):
    """On continuous rows it is epps_singleton_2samp, its correction for small samples included."""
    reference, current = DRAW.normal(size=n), DRAW.normal(size=m) + shift
    expected = stats.epps_singleton_2samp(reference, current).pvalue
    assert epps_singleton(of_numbers(reference), of_numbers(current)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.sampled_from([0.25, 0.5, 0.75]))
def test_quartiles_are_numpy_s(values: list[float], share: float):
    """Quartiles of counted values are numpy's percentiles of the rows to the last bit."""
    counted = of_numbers(np.array(values))
    got = _quantile(np.asarray(counted.values, dtype=np.float64), counted.counts, share)
    assert got == np.percentile(np.array(values) + 0.0, 100.0 * share)


@pytest.mark.filterwarnings("ignore:Estimated covariance:UserWarning")
def test_where_rounding_decides_there_is_a_reason():
    """A two-valued column has no number in Evidently's form, which changes with the order of the rows."""
    reference, current = DRAW.integers(0, 2, 300) * 1.0, DRAW.integers(0, 2, 200) * 1.0
    theirs = [
        float(stats.epps_singleton_2samp(DRAW.permutation(reference), DRAW.permutation(current)).pvalue)
        for _ in range(6)
    ]
    assert max(theirs) - min(theirs) > 1e-6
    with pytest.raises(Unmeasurable, match="es:robust"):
        epps_singleton(of_numbers(reference), of_numbers(current))
    assert 0.0 < epps_singleton_ranked(of_numbers(reference), of_numbers(current)) <= 1.0


def test_two_values_make_it_the_chi_square_test():
    """Of a two-valued column the robust p-value is that of the chi-square test of homogeneity."""
    reference, current = numbers(*[0.0] * 200, *[1.0] * 100), numbers(*[0.0] * 110, *[1.0] * 80)
    expected = stats.chi2_contingency([[200, 100], [110, 80]], correction=False).pvalue
    assert epps_singleton_ranked(reference, current) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("values", [2, 3, 4, 6, 1_000_000])
def test_the_robust_form_keeps_its_false_alarm_rate(values: int):
    """However few values a column has, about 5 in 100 of 500 windows without drift fall below 0.05."""
    draw = np.random.default_rng(values)
    low = [
        epps_singleton_ranked(*(of_numbers(draw.integers(0, values, size) * 1.0) for size in (900, 250)))
        <= 0.05
        for _ in range(500)
    ]
    assert 0.025 < np.mean(low) < 0.08


def test_constants_are_compared():
    """A constant has not drifted from itself and has from another; Evidently's form has no number."""
    one, other = numbers(*[3.0] * 50), numbers(*[4.0] * 20)
    assert epps_singleton_ranked(one, one) == 1.0
    assert epps_singleton_ranked(one, other) < 1e-6
    with pytest.raises(Unmeasurable, match="middle half"):
        epps_singleton(one, one)


def test_too_few_rows_are_a_reason():
    """Below five rows on a side there is no number."""
    with pytest.raises(Unmeasurable, match="needs 5 rows"):
        epps_singleton(numbers(1.0, 2.0, 3.0, 4.0), numbers(*range(9)))


@pytest.mark.parametrize("apart", [5e-324, 1e-323, 1e-310])
@pytest.mark.parametrize("test", [epps_singleton, epps_singleton_ranked])
def test_a_middle_half_without_a_reciprocal_is_a_reason(test: Callable[..., float], apart: float):
    """Rows that differ by less than can be divided by give a reason, no error and no warning."""
    rows = [*[0.0] * 9, *[apart] * 9]
    with pytest.raises(Unmeasurable, match="closer together"):
        test(numbers(*rows, 1.0), numbers(*rows))
