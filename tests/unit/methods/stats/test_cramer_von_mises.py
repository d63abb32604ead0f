from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from service.core.profile.distribution import of_numbers
from service.methods.stats.cramer_von_mises import _four_u, cramer_von_mises, cramer_von_mises_tied
from service.methods.stats.rank_tests import ordered
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import numbers

DRAW = np.random.default_rng(3)


@pytest.mark.parametrize(("n", "m"), [(21, 2), (30, 25), (400, 150), (5_000, 700)])
@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_without_ties_both_equal_scipy_s_limit(n: int, m: int, shift: float):
    """Where no value comes twice, both definitions are SciPy's asymptotic p-value."""
    reference, current = DRAW.normal(size=n), DRAW.normal(size=m) + shift
    expected = stats.cramervonmises_2samp(reference, current, method="asymptotic").pvalue
    assert cramer_von_mises(of_numbers(reference), of_numbers(current)) == pytest.approx(expected, abs=1e-9)
    assert cramer_von_mises_tied(of_numbers(reference), of_numbers(current)) == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize(("n", "m"), [(2, 2), (2, 3), (3, 4), (5, 5), (4, 6)])
def test_few_rows_are_counted(n: int, m: int):
    """Up to ten rows a side the p-value is the share of all orders at least as far apart."""
    rows = np.arange(n + m, dtype=np.float64)

    def statistic(side: tuple[int, ...]) -> float:
        rest = np.setdiff1d(rows, rows[list(side)])
        return float(stats.cramervonmises_2samp(rows[list(side)], rest, method="asymptotic").statistic)

    orders = list(itertools.combinations(range(n + m), n))
    criteria = np.array([statistic(side) for side in orders])
    for side, observed in list(zip(orders, criteria, strict=True))[::7]:
        expected = np.mean(criteria >= observed - 1e-12)
        rest = np.setdiff1d(rows, rows[list(side)])
        got = cramer_von_mises_tied(of_numbers(rows[list(side)]), of_numbers(rest))
        assert got == pytest.approx(expected, abs=1e-12)


def test_a_constant_has_not_drifted_from_itself():
    """Evidently's p-value of a constant against itself is nearly zero, the robust one is one."""
    reference, current = numbers(*[3.25] * 50), numbers(*[3.25] * 20)
    assert cramer_von_mises(reference, current) < 1e-6
    assert cramer_von_mises_tied(reference, current) == 1.0
    assert cramer_von_mises_tied(reference, numbers(*[4.0] * 20)) < 1e-6


@pytest.mark.parametrize("share", [0.3, 0.03])
def test_ties_keep_the_false_alarm_rate(share: float):
    """Of 600 windows of a two-valued column about 5 in 100 fall below 0.05; Evidently's form calls all."""
    draw = np.random.default_rng(5)
    robust, theirs = [], []
    for _ in range(600):
        sides = [of_numbers((draw.random(size) < share) * 1.0) for size in (1_500, 400)]
        robust.append(cramer_von_mises_tied(*sides))
        theirs.append(cramer_von_mises(*sides))
    assert 0.025 < np.mean(np.array(robust) <= 0.05) < 0.08
    assert np.mean(np.array(theirs) <= 0.05) > 0.99


def test_the_sign_of_the_values_is_no_matter():
    """A column and its negative have the same robust p-value, ties or none."""
    reference, current = DRAW.integers(0, 6, 300) * 1.0, DRAW.integers(1, 7, 90) * 1.0
    p = cramer_von_mises_tied(of_numbers(reference), of_numbers(current))
    assert p == pytest.approx(cramer_von_mises_tied(of_numbers(-reference), of_numbers(-current)), rel=1e-9)


def test_counts_beyond_64_bits_are_still_exact():
    """Each row ten million times over: nothing runs over, and drift is seen."""
    reference, current = of_numbers(np.arange(40.0)), of_numbers(np.arange(40.0) + 0.5)
    times = 10_000_000
    many = [type(side)(side.values, side.counts * times) for side in (reference, current)]
    assert cramer_von_mises_tied(*many) < 1e-5
    assert cramer_von_mises(*many) < 1e-5
    assert cramer_von_mises_tied(many[0], many[0]) == 1.0
    assert _four_u(ordered(*many)) > 2**63


def test_too_few_rows_are_a_reason():
    """One row on a side has no number; up to twenty, Evidently's form says that it is broken there."""
    with pytest.raises(Unmeasurable, match="two rows or more"):
        cramer_von_mises_tied(numbers(1.0), numbers(*range(30)))
    with pytest.raises(Unmeasurable, match="cramer_von_mises:robust"):
        cramer_von_mises(numbers(*range(20)), numbers(*range(15)))
