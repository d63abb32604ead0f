"""The test of Cramér and von Mises: the squared distance of two ECDFs, averaged over the rows.

After T. W. Anderson, "On the distribution of the two-sample Cramér-von Mises criterion" (1962).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats.rank_tests import ordered, with_ends
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.methods.stats.alignment import Counts, Pair

    Doubles = NDArray[np.float64]

FEW_ROWS = 20  # up to this many rows per side Evidently counts the orders
COUNTED_ROWS = 10  # up to so many we do: beyond, counting takes longer than the limit is wrong
MIN_STATISTIC = 0.003  # below it the p-value is one to 18 digits
MIN_TERM = 1e-7  # where Evidently stops the series of the limiting law
FIRST_TERMS = 32  # summed at once; more are needed only far out in the tail


def cramer_von_mises(reference: Distribution, current: Distribution) -> float:
    """Return Evidently's p-value, that of the limiting law.

    Midranks make equal rows differ: a constant has drifted from itself, as Evidently has it. Raises
    Unmeasurable for a side of one row, and where neither has more than 20: there Evidently counts, and its
    count fails on NumPy 2 or has the three digits of half precision.
    """
    both = ordered(reference, current)
    n, m = _sizes(both)
    if max(n, m) <= FEW_ROWS:
        raise Unmeasurable(
            f"Evidently's Cramér-von Mises test is broken up to {FEW_ROWS} rows per side; "
            "cramer_von_mises:robust is not"
        )
    criterion = _four_u(both)
    rows, pairs = n + m, n * m
    # A difference of two numbers that agree in many digits: whole numbers keep them.
    statistic = (6 * criterion - 4 * pairs * (4 * pairs - 1)) / (24 * pairs * rows)
    return _limit(statistic, (1.0 + 1.0 / rows) / 6.0, _variance(n, m))


def cramer_von_mises_tied(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the same criterion with ties where they belong: 1 for equal ECDFs.

    Rows of one value are one step of both ECDFs. The statistic's mean under permutation is exact for the ties
    there are and its variance is the limit's; without ties the p-value is Evidently's, and counted exactly up
    to 10 rows per side. Infinities are rows and lie at the ends. Raises Unmeasurable for a side of one row.
    """
    both = with_ends(reference, current)
    n, m = _sizes(both)
    tied = both.reference + both.current
    if max(n, m) <= COUNTED_ROWS and len(tied) == n + m:
        return _counted(n, m, _four_u(both))
    gap = (m * both.reference.cumsum() - n * both.current.cumsum())[:-1].astype(np.float64)
    return tied_tail(gap, tied, n, m)


def tied_tail(gap: Doubles, tied: Counts | Doubles, n: float, m: float) -> float:
    """Return the p-value of the limiting law for `n` and `m` rows, which need not be whole numbers.

    `tied` rows of both sides hold each value, and `gap` is m * (rows of the first side up to it) - n * (rows
    of the second), without the last value's (float64, shape (values - 1,)).
    """
    if not gap.any():
        return 1.0
    rows, pairs = n + m, n * m
    weight = (tied[:-1] + tied[1:]) / 2.0  # both ends of a step, so that the sign of the values is no matter
    below = tied.cumsum()[:-1].astype(np.float64)
    statistic = float(weight @ gap**2) / (float(pairs) * rows**2)
    mean = float(weight @ (below * (rows - below))) / (rows**2 * (rows - 1.0))
    # Twice the squared kernel's double integral is the limit's variance, without ties in closed form.
    later = weight * (rows - below) ** 2
    beyond = later[::-1].cumsum()[::-1] - later
    kernel = float(weight * below**2 @ (later + 2.0 * beyond))
    untied = (2.0 * rows**6 + 5.0 * rows**4 - 7.0 * rows**2) / 180.0
    return _limit(statistic, mean, _variance(n, m) * kernel / untied)


def _sizes(both: Pair) -> tuple[int, int]:
    n, m = int(both.reference.sum()), int(both.current.sum())
    if min(n, m) == 1:
        raise Unmeasurable("the Cramér-von Mises test needs two rows or more on each side")
    return n, m


def _four_u(both: Pair) -> int:
    # Anderson's U (equation 10) with midranks, times four: a whole number.
    n, m = int(both.reference.sum()), int(both.current.sum())
    return n * _displaced(both.reference, both.current) + m * _displaced(both.current, both.reference)


def _displaced(side: Counts, other: Counts) -> int:
    # Four times the sum of (midrank in both - rank in its own side)^2, value by value.
    if float(side.sum()) * float(other.sum()) ** 2 > 2.0**60 or float(side.sum()) ** 3 > 2.0**60:
        side, other = side.astype(object), other.astype(object)
    shift = 2 * (other.cumsum() - other) + other
    return int((side * shift**2).sum()) + int((side**3 - side).sum()) // 3


def _variance(n: float, m: float) -> float:
    # Anderson's equation 14.
    rows, pairs = n + m, n * m
    return (rows + 1.0) * (4 * pairs * rows - 3 * (n**2 + m**2) - 2 * pairs) / (45 * rows**2 * 4 * pairs)


def _counted(n: int, m: int, criterion: int) -> float:
    # Y. Xiao, A. Gordon and A. Yakovlev, "A C++ program for the Cramér-von Mises two-sample test" (2006): how
    # often each value of the criterion comes up among the orders of n and m rows, path by path.
    lcm, pairs = math.lcm(n, m), n * m
    least = lcm**2 * (n + m) * (6 * criterion - 4 * pairs * (4 * pairs - 1)) // (24 * pairs**2)
    step, other_step = lcm // n, lcm // m
    nothing = np.zeros((2, 0), dtype=np.int64)
    column = [np.array([[0], [1]], dtype=np.int64)] + [nothing] * n
    for u in range(m + 1):
        left = nothing
        for v in range(n + 1):
            left = _joined(left, column[v])
            left[0] += (step * v - other_step * u) ** 2
            column[v] = left
    value, frequency = column[n]
    return math.fsum(frequency[value >= least].tolist()) / float(math.comb(n + m, n))


def _joined(left: Counts, right: Counts) -> Counts:
    both = np.concatenate((left, right), axis=1)
    both = both[:, both[0].argsort(kind="stable")]
    starts = np.flatnonzero(np.diff(both[0], prepend=both[0, 0] - 1))
    return np.stack((both[0, starts], np.add.reduceat(both[1], starts)))


def _limit(statistic: float, mean: float, variance: float) -> float:
    normalised = 1.0 / 6.0 + (statistic - mean) / math.sqrt(45.0 * variance)
    if normalised < MIN_STATISTIC:
        return 1.0
    return max(0.0, 1.0 - _limiting_law(normalised))


def _limiting_law(x: float) -> float:
    # S. Csörgő and J. J. Faraway, "The exact and asymptotic distributions of Cramér-von Mises statistics"
    # (1996), equation 1.2.
    from scipy.special import gammaln, kv  # noqa: PLC0415 - a service starts without SciPy

    total, first, size = 0.0, 0, FIRST_TERMS
    while True:
        k = np.arange(first, first + size, dtype=np.float64)
        y = 4.0 * k + 1.0
        q = y**2 / (16.0 * x)
        scale = np.exp(gammaln(k + 0.5) - gammaln(k + 1.0)) / (math.pi**1.5 * math.sqrt(x))
        terms = scale * np.sqrt(y) * np.exp(-q) * kv(0.25, q)
        small = np.flatnonzero(np.abs(terms) < MIN_TERM)
        if len(small):
            return total + float(terms[: small[0] + 1].sum())
        total, first, size = total + float(terms.sum()), first + size, 4 * size
