"""Kuiper's test: the statistic by brute force, the p-value by published critical values and by drawing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile.distribution import of_numbers
from service.core.rows.schema import Kind
from service.methods.drift.families.kuiper import kuiper, statistic, tail
from service.methods.drift.registry import compute, find
from tests.unit.methods.build import numbers

ROWS = st.lists(st.sampled_from([-2.0, -0.5, 0.0, 1.0, 1.5, 7.0, 1e300]), min_size=1, max_size=12)


def by_definition(reference: list[float], current: list[float]) -> Fraction:
    """Return D+ + D-, each the largest of the differences at every value."""
    apart = [
        Fraction(sum(r <= at for r in reference), len(reference))
        - Fraction(sum(c <= at for c in current), len(current))
        for at in (*reference, *current)
    ]
    return max(*apart, Fraction(0)) + max(*(-gap for gap in apart), Fraction(0))


@given(ROWS, ROWS)
def test_the_statistic_is_the_sum_of_both_largest_gaps(reference: list[float], current: list[float]):
    """From counts it is, exactly, what the definition gives row by row, ties included."""
    found = statistic(numbers(*reference), numbers(*current))
    assert Fraction(found, len(reference) * len(current)) == by_definition(reference, current)


@pytest.mark.parametrize(("critical", "level"), [(1.620, 0.1), (1.747, 0.05), (1.862, 0.025), (2.001, 0.01)])
@pytest.mark.parametrize(("reference", "current"), [(40_000, 40_000), (90_000, 500), (60, 80)])
def test_the_p_value_meets_the_published_critical_values(
    critical: float, level: float, reference: int, current: int
):
    """Stephens' (1970) upper percentage points of V(sqrt N + 0.155 + 0.24 / sqrt N)."""
    root = np.sqrt(reference * current / (reference + current))
    gaps = round(critical / (root + 0.155 + 0.24 / root) * reference * current)
    assert tail(reference, current, gaps) == pytest.approx(level, rel=0.01)


def test_without_drift_few_windows_are_called_drift():
    """Of 2,000 pairs drawn from one law no more than the level are below it, and not far fewer."""
    draw = np.random.default_rng(5)
    found = np.array(
        [kuiper(of_numbers(draw.normal(size=300)), of_numbers(draw.normal(size=200))) for _ in range(2_000)]
    )
    for level in (0.1, 0.05):
        error = 3.0 * np.sqrt(level * (1.0 - level) / 2_000)
        assert level * 0.6 <= (found <= level).mean() <= level + error


def test_a_change_of_spread_is_seen_before_kolmogorov_and_smirnov_see_it():
    """Rows that scatter half as wide around the same middle: what the test is for."""
    draw = np.random.default_rng(5)
    before, now = of_numbers(draw.normal(size=150)), of_numbers(draw.normal(size=100) * 0.6)
    assert kuiper(before, now) < 0.01 < compute(find("ks", Kind.NUMERICAL), Kind.NUMERICAL, before, now)


@given(st.permutations(range(20)), st.integers(1, 19), st.integers(0, 19))
def test_where_a_circle_is_cut_does_not_matter(order: list[int], size: int, cut: int):
    """Hours or angles may start anywhere: values turned on a circle have the same statistic."""
    before, now = np.array(order[:size], dtype=np.float64), np.array(order[size:], dtype=np.float64)
    turned = (of_numbers((side + cut) % 20) for side in (before, now))
    assert statistic(of_numbers(before), of_numbers(now)) == statistic(*turned)


def test_the_largest_and_the_smallest_statistic_are_certain():
    """Sides that do not overlap have a p-value of nearly zero, equal sides one of one."""
    apart = kuiper(numbers(*range(50)), numbers(*range(100, 150)))
    assert 0.0 <= apart < 1e-15
    assert kuiper(numbers(1.0, 2.0), numbers(1.0, 2.0)) == 1.0
    assert tail(10**9, 10**9, 10**18) == 0.0


def test_it_is_found_by_its_bare_name():
    """It has one definition, its own."""
    assert find("kuiper", Kind.NUMERICAL).full_name == "kuiper:own"
