"""95 % confidence bands for performance metrics: a small window reads as one.

Rows are taken as drawn independently of each other; where they follow on each other (hours of one storm),
the true error is larger. It is also larger where losses have a tail that the window happens not to show (a
score of 1 that is wrong costs 36 nats). A band is (low, high); None leaves a side open. Each is checked by
simulation.
"""

from __future__ import annotations

import math

from service.core.exact.sums import UNIT_BITS, to_float
from service.core.measurement import TWO_SIDED_95

Band = tuple[float | None, float | None]

NO_BAND: Band = (None, None)


def mean_band(rows: int, total: int, squares: int) -> Band:
    """Return the band of a mean of `rows` values, from their exact sum and that of their squares.

    Sums in units of 2**-1074 (`core/exact/sums.py`). By Student's t; none for a single row. Raises
    OverflowError where the variance is beyond a double.
    """
    if rows <= 1:
        return NO_BAND
    half = student(rows - 1) * math.sqrt(_variance_of_mean(rows, total, squares))
    mean = to_float(total, rows)
    return mean - half, mean + half


def loss_band(rows: int, total: int, squares: int) -> Band:
    """Return the band of a mean of values that are never negative, as of `mean_band`, on its logarithm.

    Losses have a long tail upwards, and so has the error of their mean.
    """
    if rows <= 1:
        return NO_BAND
    return positive_band(to_float(total, rows), math.sqrt(_variance_of_mean(rows, total, squares)), rows)


def _variance_of_mean(rows: int, total: int, squares: int) -> float:
    spread = (rows * squares << UNIT_BITS) - total**2
    return max(spread, 0) / (rows**2 * (rows - 1) << 2 * UNIT_BITS)


def positive_band(value: float, standard_error: float, rows: int) -> Band:
    """Return the band of a figure that is never negative, by the delta method on its logarithm.

    None for a single row; a figure of 0 has the band 0 to 0.
    """
    if rows <= 1 or not math.isfinite(standard_error):
        return NO_BAND
    if value <= 0.0:
        return value, value
    try:
        factor = math.exp(student(rows - 1) * standard_error / value)
    except OverflowError:
        return 0.0, None
    return value / factor, value * factor


def share_band(share: float, rows: float, point: float = TWO_SIDED_95) -> tuple[float, float]:
    """Return the band of a share of `rows` rows (more than 0; a fraction where they count for less).

    `point` is the 97.5 % point of the share's distance in standard errors.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927): it never
    leaves 0 to 1, and a share of 0 or 1 has a band of a width.
    """
    spread = point * point / rows
    middle = (share + spread / 2.0) / (1.0 + spread)
    half = point / (1.0 + spread) * math.sqrt(share * (1.0 - share) / rows + spread / (4.0 * rows))
    # At 0 and 1 rounding must not leave the share itself outside.
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def share_like_band(value: float, variance: float, least_rows: int) -> Band:
    """Return the band of a figure between 0 and 1 with that sampling `variance`.

    Wilson's, for as many rows as would give a share that variance (the effective sample size of E. L. Korn
    and B. I. Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", 1998), and by Student's t, since the variance itself rests on `least_rows`
    rows, those of the rarer class. Where there is no variance to go by, as for that many rows.
    """
    point = student(max(least_rows - 1, 1))
    if 0.0 < value < 1.0 and variance > 0.0:
        return share_band(value, value * (1.0 - value) / variance, point)
    return share_band(min(max(value, 0.0), 1.0), least_rows, point)


def ranks_of_quantile(rows: int, share: float) -> tuple[int, int]:
    """Return the ranks (from 1, below 1 or above `rows` where there is none) of a quantile's band.

    The order statistics between which it lies, whatever the distribution: W. J. Conover, "Practical
    nonparametric statistics" (1971), with the normal approximation of the binomial.
    """
    half = TWO_SIDED_95 * math.sqrt(rows * share * (1.0 - share))
    return math.floor(rows * share - half), math.ceil(rows * share + half) + 1


def student(freedom: float, normal: float = TWO_SIDED_95) -> float:
    """Return the point of Student's t with `freedom` degrees (one or more) that `normal` is of the normal.

    The 97.5 % point unless another is given; that to 1 % from two degrees on, the 99.95 % point from four on.

    M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions" (1964), 26.7.5: SciPy takes longer to
    import than a cycle may take.
    """
    z = normal
    terms = (
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
        (79.0 * z**9 + 776.0 * z**7 + 1482.0 * z**5 - 1920.0 * z**3 - 945.0 * z) / 92160.0,
    )
    return math.fsum((z, *(term / freedom**power for power, term in enumerate(terms, start=1))))
