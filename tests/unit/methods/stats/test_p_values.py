"""P-values and false-discovery rates against SciPy's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, t

from service.methods.stats.p_values import false_discovery_rates, student_tail


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_false_discovery_rates_are_scipys(chances: list[float]) -> None:
    """Benjamini and Hochberg's adjusted p-values, in the order of the p-values."""
    assert false_discovery_rates(chances) == pytest.approx(false_discovery_control(chances).tolist())


def test_no_p_value_is_no_discovery() -> None:
    """Nothing gives nothing."""
    assert false_discovery_rates([]) == []


@pytest.mark.parametrize("freedom", [1, 2, 30, 10_000])
def test_the_tail_is_scipys(freedom: int) -> None:
    """One-sided, on both sides of 0."""
    for statistic in (-2.0, 0.0, 1.5, 8.0):
        assert student_tail(freedom, statistic) == pytest.approx(t.sf(statistic, freedom))
