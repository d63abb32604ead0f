"""The building blocks against NumPy, SciPy and scikit-learn on the raw rows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.core.profile.distribution import of_numbers
from service.methods.stats import p_values
from service.methods.stats.alignment import area, ecdf_gap, numbers
from service.methods.stats.binning import counts_between, sturges_edges
from service.methods.stats.distance import standard_deviation
from service.methods.stats.hypothesis_tests import ks, largest_gap
from service.methods.stats.unmeasurable import Unmeasurable
from tests.distributions import NUMERIC

FINITE = st.floats(-1e9, 1e9, allow_nan=False)
TENTHS = st.integers(-300, 300).map(lambda tenths: tenths * 0.1)
SAMPLE = st.lists(TENTHS, min_size=1, max_size=60) | st.lists(FINITE, min_size=1, max_size=60)


@settings(max_examples=300, deadline=None)
@given(SAMPLE, SAMPLE)
def test_bins_equal_numpy_s_histogram(reference: list[float], current: list[float]) -> None:
    """Edges and counts are those of numpy's Sturges histogram of the raw rows, values on edges included."""
    both = np.array(reference + current)
    try:
        edges = sturges_edges(of_numbers(np.array(reference)), of_numbers(np.array(current)))
    except Unmeasurable:
        with pytest.raises(ValueError, match="Too many bins"):
            np.histogram_bin_edges(both, bins="sturges")
        return
    assert edges.tolist() == np.histogram_bin_edges(both, bins="sturges").tolist()
    for side in (reference, current):
        expected = np.histogram(np.array(side), edges)[0]
        assert counts_between(of_numbers(np.array(side)), edges).tolist() == expected.tolist()


@pytest.mark.parametrize("name", NUMERIC)
def test_named_bins_equal_numpy_s_histogram(name: str) -> None:
    """On every named sample the bins hold what numpy puts into them."""
    reference, current = NUMERIC[name]
    edges = sturges_edges(of_numbers(reference), of_numbers(current))
    assert edges.tolist() == np.histogram_bin_edges(np.concatenate((reference, current)), "sturges").tolist()
    assert counts_between(of_numbers(current), edges).tolist() == np.histogram(current, edges)[0].tolist()


@settings(max_examples=200, deadline=None)
@given(SAMPLE, SAMPLE)
def test_area_and_gap_equal_scipy(reference: list[float], current: list[float]) -> None:
    """The area between the ECDFs is SciPy's Wasserstein distance, the largest gap its KS statistic."""
    left, right = of_numbers(np.array(reference)), of_numbers(np.array(current))
    pairs = len(reference) * len(current)
    between = ecdf_gap(numbers(left), left.counts, numbers(right), right.counts)
    expected = stats.wasserstein_distance(reference, current)
    assert area(between, pairs) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    with np.errstate(all="ignore"):  # the limit of one row against one divides by zero
        statistic = stats.ks_2samp(reference, current, method="asymp").statistic
    assert largest_gap(left, right) / pairs == pytest.approx(statistic, abs=1e-12)


@pytest.mark.parametrize(
    ("n", "m"),
    [
        (1, 1),
        (1, 9),
        (5, 7),
        (60, 60),
        (60, 90),
        (500, 500),
        (997, 1_000),
        (1_000, 5_000),
        (10_000, 37),
        (10_000, 10_000),
    ],
)
@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3, 5.0])
def test_counted_ks_p_equals_scipy(n: int, m: int, shift: float) -> None:
    """Up to 10,000 rows a side the p-value is that of ks_2samp's counted paths."""
    draw = np.random.default_rng(n * 7 + m)
    reference, current = draw.normal(size=n).round(2), (draw.normal(size=m) + shift).round(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # SciPy says so when counting fails
        expected = stats.ks_2samp(reference, current).pvalue
    assert ks(of_numbers(reference), of_numbers(current)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "m"), [(10_001, 1), (10_001, 150), (10_001, 10_001), (26_398, 5_000), (12_345, 200_000)]
)
def test_limiting_ks_p_equals_scipy(n: int, m: int) -> None:
    """Above 10,000 rows it is SciPy's limit, from a gap of nothing to all rows apart."""
    size, pairs = round(n * m / (n + m)), n * m
    for gap in np.unique(np.geomspace(1, pairs, 60).astype(np.int64)).tolist():
        expected = stats.kstwo.sf(gap / pairs, size)
        assert p_values.kolmogorov_smirnov(n, m, gap) == pytest.approx(expected, abs=1e-9)


@given(st.lists(FINITE, min_size=1, max_size=50), st.integers(1, 20))
def test_standard_deviation_equals_numpy(values: list[float], times: int) -> None:
    """The deviation of counted values is that of the raw rows."""
    raw = np.repeat(np.array(values), times)
    assert standard_deviation(of_numbers(raw)) == pytest.approx(raw.std(), rel=1e-9, abs=1e-6)
