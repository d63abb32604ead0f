from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from service.core.measurement import Measurement
from service.core.profile.columns import ColumnProfile
from service.core.profile.distribution import Distribution, merge
from service.core.profile.profile import Profile
from service.core.rows.schema import Column, Kind
from service.methods.drift import columns
from service.methods.drift.columns import DriftPlan
from service.methods.drift.registry import find
from service.methods.stats.category_tests import (
    DRAWS,
    draws_error,
    fisher_exact,
    g_homogeneity,
    g_test,
    total_variation,
)
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import labels

if TYPE_CHECKING:
    from collections.abc import Callable

COLOUR = Column("colour", Kind.CATEGORICAL)


def measured(name: str, reference: Distribution, current: Distribution) -> Measurement:
    """Measure one column by one method, as a window's measurement."""
    (method,) = columns.methods_of(DriftPlan((name,)), COLOUR, reference, current)
    before, now = (
        Profile("", side.rows, {COLOUR.name: ColumnProfile(side)}) for side in (reference, current)
    )
    return columns._measured(method, COLOUR, (before, now), threshold=0.1, withheld=None)


def test_g_test_needs_equal_sizes():
    """With other sizes Evidently's G-test raises: the reason says so and names the form that does not."""
    with pytest.raises(Unmeasurable, match=r"\(3\).*\(4\).*g_test:robust"):
        g_test(labels("aabb"), labels("aab"))
    assert g_homogeneity(labels("ab" * 200), labels("ab" * 20)) == pytest.approx(1.0)


def test_g_homogeneity_equals_scipy():
    """Where no category is rare it is chi2_contingency's log-likelihood ratio, for sides of any sizes."""
    table = [[60, 50, 40], [20, 40, 35]]
    expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
    got = g_homogeneity(*(labels("a" * a + "b" * b + "c" * c) for a, b, c in table))
    assert got == pytest.approx(expected, rel=1e-12)


def test_one_new_category_does_not_explode():
    """One row of a new category makes Evidently's p-value zero; the robust one stays calm."""
    reference, current = labels("a" * 300 + "b" * 200), labels("a" * 300 + "b" * 199 + "z")
    assert g_test(reference, current) == 0.0
    assert g_homogeneity(reference, current) > 0.9
    assert total_variation(reference, current) > 0.9


@given(st.integers(0, 60), st.integers(0, 60))
def test_fisher_equals_scipy(first: int, second: int):
    """Of two categories it is SciPy's two-sided p-value of the two-by-two table."""
    sides = [labels("a" * count + "b" * (60 - count)) for count in (first, second)]
    expected = stats.fisher_exact([[first, 60 - first], [second, 60 - second]]).pvalue
    assert fisher_exact(*sides) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("reference", "current", "reason"),
    [("aab", "ab", "as many rows"), ("abc", "abb", "there are 3"), ("aab", "bbc", "there are 3")],
)
def test_fisher_refuses_what_is_not_two_by_two(reference: str, current: str, reason: str):
    """Sides of other sizes and more than two categories together are reasons."""
    with pytest.raises(Unmeasurable, match=reason):
        fisher_exact(labels(reference), labels(current))


@pytest.mark.parametrize(("first", "second"), [(40, 25), (30, 25), (12, 25), (55, 25)])
def test_total_variation_of_two_categories_is_the_exact_permutation_test(first: int, second: int):
    """The drawn p-value lies within its error of the one summed over the hypergeometric law."""
    n, m, drawn = 90, 60, np.arange(61)
    held = first + second
    apart = np.abs((n + m) * drawn - m * held)
    law = stats.hypergeom(n + m, held, m).pmf(drawn)
    exact = float(law[apart >= abs((n + m) * second - m * held)].sum())
    p = total_variation(labels("a" * first + "b" * (n - first)), labels("a" * second + "b" * (m - second)))
    assert abs(p - exact) <= max(draws_error(p), 2.0 / DRAWS)


def test_total_variation_keeps_its_false_alarm_rate():
    """Of 400 windows without drift about 5 in 100 fall below 0.05."""
    draw = np.random.default_rng(31)
    names, law = np.array(list("abcdef")), [0.4, 0.3, 0.15, 0.1, 0.04, 0.01]
    low = [
        total_variation(*(labels("".join(draw.choice(names, size, p=law))) for size in (900, 200))) <= 0.05
        for _ in range(400)
    ]
    assert 0.02 < np.mean(low) < 0.085


def test_total_variation_of_total_drift_is_small_and_not_zero():
    """The observed rows count as one draw: no number of draws can show a p-value of zero."""
    assert total_variation(labels("a" * 300), labels("b" * 300)) == 1.0 / (DRAWS + 1)


def test_total_variation_is_the_same_each_time():
    """The same counts give the same number, however the rows came."""
    draw = np.random.default_rng(37)
    rows = "".join(draw.choice(np.array(list("abcd")), 400))
    reference, current = labels(rows[:300]), labels(rows[300:])
    again = merge([labels(rows[150:300]), labels(rows[:150])])
    assert total_variation(reference, current) == total_variation(again, current)


def test_total_variation_says_how_far_its_draws_may_be_off():
    """The measurement's error bound is three standard errors of the draws, and its definition is robust."""
    got = measured("TVD:robust", labels("ab" * 200), labels("ab" * 40 + "a" * 20))
    assert got.value is not None
    assert got.error_bound == 3.0 * np.sqrt(got.value * (1.0 - got.value) / DRAWS)
    assert got.series.definition == "robust"


def test_a_bare_tvd_is_evidently_s_own_and_runs_in_the_worker():
    """Evidently's number rests on its random draws, which no counts can give; the robust form's does not."""
    assert find("TVD", Kind.CATEGORICAL).in_worker is not None
    assert find("TVD:robust", Kind.CATEGORICAL).in_worker is None


@pytest.mark.parametrize("method", [g_homogeneity, total_variation])
def test_too_few_rows_are_a_reason(method: Callable[[Distribution, Distribution], float]):
    """Where pooling leaves one category of several there is a reason; one category alone has not drifted."""
    with pytest.raises(Unmeasurable, match="longer window"):
        method(labels("abcd"), labels("abcd"))
    assert method(labels("aaa"), labels("a")) == 1.0
