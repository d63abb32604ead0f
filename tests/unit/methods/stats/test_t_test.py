from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from service.core.profile.distribution import of_numbers
from service.methods.stats.t_test import t_test, welch
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import labels, numbers

DRAW = np.random.default_rng(23)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (30, 7), (1_000, 40)])
@pytest.mark.parametrize("shift", [0.0, 0.4, -3.0])
def test_both_equal_scipy(n: int, m: int, shift: float):
    """Student's and Welch's p-values are SciPy's, also where the mean is far from zero."""
    reference, current = DRAW.normal(1e3, 1.0, n), DRAW.normal(1e3 + shift, 3.0, m)
    sides = of_numbers(reference), of_numbers(current)
    assert t_test(*sides) == pytest.approx(stats.ttest_ind(reference, current).pvalue, abs=1e-9)
    expected = stats.ttest_ind(reference, current, equal_var=False).pvalue
    assert welch(*sides) == pytest.approx(expected, abs=1e-9)


def test_a_window_that_scatters_more_is_no_false_alarm_to_welch():
    """Of 600 short windows of the same mean but thrice the spread, Student's test calls far too many."""
    draw = np.random.default_rng(29)
    p = []
    for _ in range(600):
        sides = of_numbers(draw.normal(size=2_000)), of_numbers(draw.normal(0.0, 3.0, 60))
        p.append((t_test(*sides), welch(*sides)))
    students, welchs = np.mean(np.array(p) < 0.05, axis=0)
    assert students > 0.3
    assert 0.025 < welchs < 0.08


def test_constants_are_compared():
    """Two equal constants have no p-value in Student's form and one in Welch's; two others are apart."""
    one = numbers(*[0.1] * 50)
    with pytest.raises(Unmeasurable, match="same single value"):
        t_test(one, numbers(*[0.1] * 20))
    assert welch(one, numbers(*[0.1] * 20)) == 1.0
    assert t_test(one, numbers(0.2, 0.2)) == 0.0
    assert welch(one, numbers(0.2, 0.2)) == 0.0


def test_what_has_no_number_has_a_reason():
    """Too few rows, labels, and values whose squares are beyond a double are reasons."""
    with pytest.raises(Unmeasurable, match="more than one row"):
        t_test(numbers(1.0), numbers(2.0))
    with pytest.raises(Unmeasurable, match="two rows or more"):
        welch(numbers(1.0, 2.0), numbers(2.0))
    with pytest.raises(Unmeasurable, match="needs numbers"):
        t_test(labels("ab"), labels("ab"))
    for size in (1e200, 1e-200):
        with pytest.raises(Unmeasurable, match="than a number can hold"), np.errstate(over="ignore"):
            t_test(numbers(size, -size), numbers(size, size / 2.0))
