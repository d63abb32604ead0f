"""Two-sample tests of numbers against a season-matched reference of so many effective rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats import cramer_von_mises as mises
from service.methods.stats import epps_singleton as epps
from service.methods.stats import p_values, rank_tests, t_test
from service.methods.stats.matched.distances import moments
from service.methods.stats.matched.sides import ROUNDING, numbers_together, with_ends
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.methods.stats.matched.sides import Doubles

MIN_EFFECTIVE_ROWS = 9.0  # below it the normal law of ranks is a guess, and whole rows can be counted no more


def ks(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of the two-sided two-sample Kolmogorov-Smirnov test."""
    return ks_tail(reference.finite, current.finite, largest_gap(reference, current))


def largest_gap(reference: Weighted, current: Distribution) -> float:
    """Return the largest distance of the two ECDFs, 0 to 1."""
    return float(np.abs(numbers_together(reference, current).gap).max(initial=0.0))


def ks_tail(reference_rows: float, current_rows: int, distance: float) -> float:
    """Return P(D >= distance) without drift, for whole effective rows, rounded down."""
    rows = math.floor(reference_rows * (1.0 + ROUNDING))
    if not rows:
        raise Unmeasurable("the matched reference has less than one effective row")
    gap = math.ceil(distance * rows * current_rows * (1.0 - ROUNDING))
    return p_values.kolmogorov_smirnov(rows, current_rows, gap)


def both_gaps(reference: Weighted, current: Distribution) -> float:
    """Return how far one ECDF lies above the other and how far below, added: Kuiper's V, 0 to 1."""
    gap = numbers_together(reference, current).gap
    return float(gap.max(initial=0.0) + (-gap).max(initial=0.0))


def mannw(reference: Weighted, current: Distribution) -> float:
    """Return the two-sided p-value of Mann and Whitney's U, from the normal law with ties."""
    first, second = with_ends(reference, current)
    n, m = _enough(first, second)
    tied = first + second
    if len(tied) == 1:
        return 1.0
    larger = float((second * (2.0 * (first.cumsum() - first) + first)).sum())
    return min(2.0 * rank_tests.normal_tail(tied, n, m, max(larger, 2.0 * n * m - larger)), 1.0)


def anderson(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of the two-sample Anderson-Darling test, interpolated and kept in 0.001 to 0.25."""
    both = numbers_together(reference, current)
    n, m = _enough(both.reference, both.current)
    return rank_tests.anderson_tail(rank_tests.standardised(both.reference, both.current, n, m))


def cramer_von_mises(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of Cramér and von Mises' criterion with ties where they belong."""
    first, second = with_ends(reference, current)
    n, m = _enough(first, second)
    gap = (m * first.cumsum() - n * second.cumsum())[:-1]
    gap[np.abs(gap) < ROUNDING * n * m] = 0.0
    return mises.tied_tail(gap, first + second, n, m)


def epps_singleton(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of Epps and Singleton's test under the covariance of all rows together."""
    both = numbers_together(reference, current)
    n, m = _enough(both.reference, both.current)
    if len(both.values) == 1:
        return 1.0
    values = np.asarray(both.values, dtype=np.float64)
    sigma = epps.half_spread(values, _whole(both.reference + both.current))
    sides = [epps.waves(values, counts, rows, sigma) for counts, rows in zip(both[1:], (n, m), strict=True)]
    return epps.ranked_tail(*sides)


def welch(reference: Weighted, current: Distribution) -> float:
    """Return the two-sided p-value of Welch's t-test."""
    both = numbers_together(reference, current)
    n, m = _enough(both.reference, both.current)
    sides = [
        t_test.Moments(rows, *moments(part.values, np.asarray(part.counts, dtype=np.float64)))
        for part, rows in ((reference, n), (current, m))
    ]
    if not all(math.isfinite(side.mean) and math.isfinite(side.variance) for side in sides):
        raise Unmeasurable("the mean or the variance is larger than a number can hold")
    return t_test.welch_of(*sides)


def _whole(counts: Doubles) -> Doubles:
    # Sums of weights that are whole numbers but for rounding, as such.
    whole = np.rint(counts)
    return np.where(np.abs(counts - whole) <= ROUNDING * whole, whole, counts)


def _enough(first: Doubles, second: Doubles) -> tuple[float, float]:
    n, m = float(first.sum()), float(second.sum())
    if min(n, m) < MIN_EFFECTIVE_ROWS * (1.0 - ROUNDING):
        raise Unmeasurable(
            f"the test needs {MIN_EFFECTIVE_ROWS:.0f} rows on each side; the season-matched reference has "
            f"{n:.3g} effective rows and the window {m:.0f}"
        )
    return n, m
