"""Tests on the ranks of both sides' rows, from the counts of ordered values.

A value that several rows hold gives each of them the middle of their ranks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats.alignment import Pair, numbers
from service.methods.stats.binning import value_cells
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution

    Doubles = NDArray[np.float64]
    Tally = NDArray[np.int64] | Doubles

FEW_RANKS = 8  # up to so many rows on a side, and without ties, SciPy counts the orders
# F. W. Scholz and M. A. Stephens, "K-sample Anderson-Darling tests" (1987), table 2, for two samples.
CRITICAL = np.array([0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085])
CRITICAL += np.array([-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615])
CRITICAL += np.array([-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154])
LEVELS = np.array([0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])


def mannw(reference: Distribution, current: Distribution) -> float:
    """Return the one-sided p-value of Mann and Whitney's U, small where the current rows are the larger.

    Rows that became smaller give a p-value near one, as Evidently has it. Equal to
    `scipy.stats.mannwhitneyu(reference, current, alternative="less")`.
    """
    both = ordered(reference, current)
    return _upper_tail(both, _twice_larger(both))


def mannw_two_sided(reference: Distribution, current: Distribution) -> float:
    """Return the two-sided p-value of Mann and Whitney's U, so that a downward shift is seen.

    Infinities are rows and rank at the ends. Without them it is that of `scipy.stats.mannwhitneyu`.
    """
    both = with_ends(reference, current)
    larger = _twice_larger(both)
    pairs = int(both.reference.sum()) * int(both.current.sum())
    return min(2.0 * _upper_tail(both, max(larger, 2 * pairs - larger)), 1.0)


def anderson(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the two-sample Anderson-Darling test, interpolated and kept in 0.001 to 0.25.

    Equal to `scipy.stats.anderson_ksamp` (midranks). Raises Unmeasurable below four rows, for which the
    statistic has no variance, and where all rows hold one value.
    """
    both = ordered(reference, current)
    return anderson_tail(anderson_statistic(both))


def anderson_tail(statistic: float) -> float:
    """Return the p-value of a standardised statistic, interpolated between the critical values."""
    if statistic < CRITICAL[0]:
        return float(LEVELS[0])
    if statistic > CRITICAL[-1]:
        return float(LEVELS[-1])
    return math.exp(float(np.polyval(np.polyfit(CRITICAL, np.log(LEVELS), 2), statistic)))


def anderson_statistic(both: Pair) -> float:
    """Return the standardised Anderson-Darling statistic of two samples with midranks (Scholz and Stephens).

    Raises Unmeasurable where it has none, as `anderson` says.
    """
    return standardised(both.reference, both.current, int(both.reference.sum()), int(both.current.sum()))


def standardised(reference: Tally, current: Tally, n: float, m: float) -> float:
    """Return the same statistic of `n` and `m` rows by ascending value, which need not be whole numbers."""
    rows = n + m
    if len(reference) == 1:
        raise Unmeasurable("all rows hold the same value; the Anderson-Darling test needs two or more")
    if rows < 4:  # noqa: PLR2004 - the variance divides by rows - 3
        raise Unmeasurable("the Anderson-Darling test needs four rows on both sides together")
    tied = (reference + current).astype(np.float64)
    below = tied.cumsum() - tied / 2.0
    of_reference = reference.cumsum() - reference / 2.0
    apart = rows * of_reference - below * n
    terms = tied / rows * apart**2 / (below * (rows - below) - rows * tied / 4.0)
    raw = float(terms.sum()) * (1.0 / n + 1.0 / m) * (rows - 1.0) / rows
    return (raw - 1.0) / math.sqrt(_anderson_variance(n, m))


def ordered(reference: Distribution, current: Distribution) -> Pair:
    """Count one cell per distinct number, in ascending order.

    Raises Unmeasurable for labels and for compressed numbers.
    """
    numbers(reference)
    numbers(current)
    return value_cells(reference, current)


def with_ends(reference: Distribution, current: Distribution) -> Pair:
    """Count as `ordered` does, infinities in cells of their own at the ends where there are any."""
    both = ordered(reference, current)
    if not (reference.infinite or current.infinite):
        return both
    sides = [
        np.concatenate(([part.negative_infinite], counts, [part.positive_infinite]))
        for part, counts in zip((reference, current), both, strict=True)
    ]
    held = (sides[0] + sides[1]) > 0
    return Pair(sides[0][held], sides[1][held])


def _twice_larger(both: Pair) -> int:
    # Pairs in which the current row is the larger one, equal ones for half, times two: a whole number.
    below = both.reference.cumsum() - both.reference
    return int((both.current * (2 * below + both.reference)).sum())


def _upper_tail(both: Pair, twice: int) -> float:
    # P(U >= twice / 2) under no drift.
    n, m = int(both.reference.sum()), int(both.current.sum())
    rows = n + m
    tied = (both.reference + both.current).astype(np.float64)
    if len(tied) == 1:
        return 1.0
    if min(n, m) <= FEW_RANKS and len(tied) == rows:
        return _counted_tail(min(n, m), max(n, m), twice // 2)
    return normal_tail(tied, n, m, twice)


def normal_tail(tied: Doubles, n: float, m: float, twice: float) -> float:
    """Return P(U >= twice / 2) by the normal law; `tied` rows of both sides hold each of several values."""
    from scipy.special import ndtr  # noqa: PLC0415 - a service starts without SciPy

    rows = n + m
    ties = float((tied**3 - tied).sum())
    spread = math.sqrt(n * m / 12.0 * ((rows + 1) - ties / (rows * (rows - 1.0))))
    return float(ndtr((n * m / 2.0 + 0.5 - twice / 2.0) / spread))


def _counted_tail(few: int, many: int, larger: int) -> float:
    # The law of U is the Gaussian binomial coefficient, a product of (1 - q^(many + i)) / (1 - q^i): H. B.
    # Mann and D. R. Whitney (1947). It is symmetric, so that the lower half is enough.
    most = few * many
    stop = min(larger, most - larger)
    ways = np.zeros(stop + 1)
    ways[0] = 1.0
    for i in range(1, few + 1):
        ways[many + i :] -= ways[: max(stop + 1 - many - i, 0)].copy()
        for start in range(i):
            ways[start::i] = ways[start::i].cumsum()
    ways /= math.comb(few + many, few)
    up_to = float(ways.sum())
    tail = up_to if larger > most - larger else 1.0 - up_to + float(ways[-1])
    return min(max(tail, 0.0), 1.0)


def _anderson_variance(n: float, m: float) -> float:
    # Scholz and Stephens, equation 4, for two samples. Their double sum g is closed here:
    # g = H2(N) - (H(N - 1) + H(N)) / N with harmonic numbers of the first and the second order.
    from scipy.special import digamma, zeta  # noqa: PLC0415 - a service starts without SciPy

    rows = n + m
    h = float(digamma(rows)) + np.euler_gamma
    g = math.pi**2 / 6.0 - float(zeta(2.0, rows + 1.0)) - (2.0 * h + 1.0 / rows) / rows
    inverse = 1.0 / n + 1.0 / m
    a = (4.0 * g - 6.0) + (10.0 - 6.0 * g) * inverse
    b = (2.0 * g - 4.0) * 4.0 + 16.0 * h + (2.0 * g - 14.0 * h - 4.0) * inverse - 8.0 * h + 4.0 * g - 6.0
    c = (
        (6.0 * h + 2.0 * g - 2.0) * 4.0
        + (4.0 * h - 4.0 * g + 6.0) * 2.0
        + (2.0 * h - 6.0) * inverse
        + 4.0 * h
    )
    d = (2.0 * h + 6.0) * 4.0 - 8.0 * h
    return (a * rows**3 + b * rows**2 + c * rows + d) / ((rows - 1.0) * (rows - 2.0) * (rows - 3.0))
