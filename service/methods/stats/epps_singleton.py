"""The test of Epps and Singleton: two characteristic functions compared, which sees any change of shape.

T. W. Epps and K. J. Singleton, "An omnibus test for the two-sample problem using the empirical
characteristic function" (1986).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.methods.stats import p_values
from service.methods.stats.alignment import numbers
from service.methods.stats.rank_tests import ordered
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution

    Doubles = NDArray[np.float64]
    Tally = NDArray[np.int64] | Doubles

POINTS = (0.4, 0.8)
MIN_ROWS = 5
SMALLEST_SIGMA = float(np.finfo(np.float64).tiny)  # a smaller number has no reciprocal
SMALL_ROWS = 25  # below it on both sides the statistic is corrected
QUARTERS = (0.25, 0.75)
SINGULAR = 1e-10  # of the largest singular value; below it, what is left is rounding


class Waves(NamedTuple):
    """A side's mean cosines and sines (float64, shape (4,)) and their covariance (shape (4, 4), ddof 0)."""

    rows: float
    mean: Doubles
    covariance: Doubles


def epps_singleton(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of `scipy.stats.epps_singleton_2samp`.

    Raises Unmeasurable below five rows on a side, where the middle half of all rows is one value, and where
    the covariance is singular (up to four distinct values): its rank, and with it Evidently's number, is
    then decided by rounding and changes with the order of the rows.
    """
    left, right = _both_waves(reference, current)
    rows = left.rows + right.rows
    covariance = rows / left.rows * left.covariance + rows / right.rows * right.covariance
    spread = np.linalg.svd(covariance, compute_uv=False)
    if spread[-1] <= SINGULAR * spread[0]:
        raise Unmeasurable(
            "the values are too few for the Epps-Singleton test as Evidently has it: rounding decides its "
            "number; es:robust does not depend on it"
        )
    inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
    return _p_value(left, right, inverse, len(spread))


def epps_singleton_ranked(reference: Distribution, current: Distribution) -> float:
    """Return the p-value under the covariance of all rows together, which is that of no drift.

    Directions in which nothing but rounding scatters are left out, one degree of freedom each: it does not
    depend on the order of the rows where there are few distinct values, and sees two constants differ. All
    rows one value: 1. Raises Unmeasurable below five rows on a side, and where the middle half of all rows is
    one value.
    """
    both = ordered(reference, current)
    if len(both.reference) == 1:
        return 1.0
    return ranked_tail(*_both_waves(reference, current))


def ranked_tail(left: Waves, right: Waves) -> float:
    """Return the p-value of two sides whose covariance under no drift is that of all rows together."""
    n, m = left.rows, right.rows
    apart = left.mean - right.mean
    within = (n * left.covariance + m * right.covariance) / (n + m)
    covariance = (n + m) ** 2 / (n * m) * within + np.outer(apart, apart)
    spread = np.linalg.svd(covariance, compute_uv=False)
    rank = int((spread >= SINGULAR * spread[0]).sum())
    inverse = np.asarray(np.linalg.pinv(covariance, SINGULAR, hermitian=True), dtype=np.float64)
    return _p_value(left, right, inverse, rank)


def _both_waves(reference: Distribution, current: Distribution) -> tuple[Waves, Waves]:
    both = ordered(reference, current)
    if min(reference.finite, current.finite) < MIN_ROWS:
        raise Unmeasurable(f"the Epps-Singleton test needs {MIN_ROWS} rows or more on each side")
    values = np.union1d(numbers(reference), numbers(current))
    sigma = half_spread(values, both.reference + both.current)
    sides = [waves(numbers(part), part.counts, part.finite, sigma) for part in (reference, current)]
    return sides[0], sides[1]


def half_spread(values: Doubles, counts: Tally) -> float:
    """Return half of how far apart the quartiles of counted values are.

    Raises Unmeasurable where that is nothing, or too little to divide by.
    """
    low, high = (_quantile(values, counts, share) for share in QUARTERS)
    if low == high:
        raise Unmeasurable("the middle half of all rows is one value; the Epps-Singleton test divides by it")
    sigma = (high - low) / 2.0
    if sigma < SMALLEST_SIGMA:
        raise Unmeasurable("the middle half of all rows lies closer together than can be divided by")
    return sigma


def waves(values: Doubles, counts: Tally, rows: float, sigma: float) -> Waves:
    """Return the waves of `rows` rows by value.

    Raises Unmeasurable where a value is too large for `sigma`.
    """
    scaled = [point / sigma * values for point in POINTS]
    cosines = np.stack([*map(np.cos, scaled), *map(np.sin, scaled)])
    shares = counts / rows
    mean = cosines @ shares
    centred = cosines - mean[:, None]
    covariance = (centred * shares) @ centred.T
    if not np.isfinite(covariance).all():
        raise Unmeasurable("some values are too large compared with the middle half of all rows")
    return Waves(rows, mean, covariance)


def _p_value(left: Waves, right: Waves, inverse: Doubles, rank: int) -> float:
    n, m = left.rows, right.rows
    apart = left.mean - right.mean
    statistic = (n + m) * float(apart @ inverse @ apart)
    if max(n, m) < SMALL_ROWS:
        statistic *= 1.0 / (1.0 + (n + m) ** -0.45 + 10.1 * (n**-1.7 + m**-1.7))
    return p_values.chi_square(max(statistic, 0.0), rank)


def _quantile(values: Doubles, counts: Tally, share: float) -> float:
    # numpy.percentile of the rows, its interpolation step by step so that the last bit agrees.
    cumulative = counts.cumsum()
    place = share * (int(cumulative[-1]) - 1)
    below = int(place)
    ends = cumulative.searchsorted([below, min(below + 1, int(cumulative[-1]) - 1)], "right")
    left, right = (float(values[end]) for end in ends)
    part = place - below
    return right - (right - left) * (1.0 - part) if part >= 0.5 else left + (right - left) * part  # noqa: PLR2004 - NumPy's
