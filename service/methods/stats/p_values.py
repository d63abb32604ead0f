"""P-values of test statistics, from SciPy, which is imported when the first is asked for.

`scipy.stats` takes most of a second to import, and the default methods on a large reference never need it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# The size up to which SciPy's and Evidently's two-sample test counts paths rather than taking the limit.
EXACT_ROWS = 10_000
# Below this a p-value is zero for every purpose, and its leading term a thousand times cheaper.
NEGLIGIBLE = 1e-12
# From here on SciPy takes the two-sided tail for twice the one-sided one, and sums that one term at a time.
FEW_ROWS, ONE_SIDED_SPREAD, ONE_SIDED_DISTANCE = 140, 2.2, 0.5
MANY_ROWS = 10**7  # as many terms; their logarithms' rounding stays below 1e-9


def chi_square(statistic: float, freedom: int) -> float:
    """Return P(X >= statistic) for a chi-square X with `freedom` degrees (one or more); 0 for infinity."""
    from scipy.special import chdtrc  # noqa: PLC0415 - a service starts without SciPy

    return float(chdtrc(freedom, statistic))


def normal_two_sided(statistic: float) -> float:
    """Return P(|X| >= |statistic|) for a standard normal X."""
    from scipy.special import ndtr  # noqa: PLC0415 - a service starts without SciPy

    return 2.0 * float(ndtr(-abs(statistic)))


def two_sided_t(statistic: Floats, freedom: Floats | float) -> Floats:
    """Return P(|T| >= |statistic|) for Student's T with `freedom` degrees, element by element."""
    from scipy.special import stdtr  # noqa: PLC0415 - a service starts without SciPy

    return np.asarray(2.0 * stdtr(freedom, -np.abs(statistic)))


def student_tail(freedom: float, statistic: float) -> float:
    """Return P(X >= statistic) for a Student's t X with `freedom` degrees (above 0)."""
    from scipy.special import stdtr  # noqa: PLC0415 - a service starts without SciPy

    return float(stdtr(freedom, -statistic))


def false_discovery_rates(chances: Sequence[float]) -> list[float]:
    """Return the smallest false-discovery rate at which each of some p-values is a discovery, in their order.

    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate" (1995); it holds for positively
    dependent p-values as well.
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place], reverse=True)
    rates, least = [1.0] * len(chances), 1.0
    for rank, place in zip(range(len(chances), 0, -1), order, strict=True):
        least = min(least, chances[place] * len(chances) / rank)
        rates[place] = least
    return rates


def kolmogorov_smirnov(reference_rows: int, current_rows: int, gap: int) -> float:
    """Return the two-sided p-value of the largest ECDF `gap`, in units of 1 / (reference * current rows).

    Equal to `scipy.stats.ks_2samp` (method "auto") to 1e-9: paths are counted where neither side has more
    than 10,000 rows (J. L. Hodges, 1958), else, and where counting fails in floating point, it is the limit
    for round(nm / (n + m)) rows against a law. Where the p-value is surely below 1e-12, for counted paths by
    p <= 4 exp(-2 D^2 nm / (sqrt n + sqrt m)^2) (the triangle inequality, and Massart's constant in the
    inequality of Dvoretzky, Kiefer and Wolfowitz), its leading term is enough.
    """
    n, m = reference_rows, current_rows
    distance, size = gap / (n * m), round(n * m / (n + m))
    if max(n, m) <= EXACT_ROWS:
        if 4.0 * math.exp(-2.0 * n * m * (distance / (math.sqrt(n) + math.sqrt(m))) ** 2) <= NEGLIGIBLE:
            return _leading(size, distance)
        counted = _counted(n, m, gap)
        if counted is not None:
            return counted
    return _limit(size, distance)


def _limit(size: int, distance: float) -> float:
    # What scipy.stats.kstwo.sf(distance, size) gives, its slow middle part vectorised.
    spread = size * distance**2
    if 2.0 * math.exp(-2.0 * spread) <= NEGLIGIBLE:
        return _leading(size, distance)
    if FEW_ROWS < size <= MANY_ROWS and spread >= ONE_SIDED_SPREAD and distance < ONE_SIDED_DISTANCE:
        return 2.0 * _smirnov(size, distance)
    from scipy.stats import kstwo  # noqa: PLC0415 - a service starts without SciPy

    return min(max(float(kstwo.sf(distance, size)), 0.0), 1.0)


def _leading(size: int, distance: float) -> float:
    # U. R. Maag and G. Dicaire, "On Kolmogorov-Smirnov type one-sample statistics" (1971), twice one side.
    return 2.0 * math.exp(-((6.0 * size * distance + 1.0) ** 2) / (18.0 * size))


def _smirnov(size: int, distance: float) -> float:
    # The exact one-sided tail, all its terms at once (Z. W. Birnbaum and F. H. Tingey, 1951):
    # d * sum over j <= n(1 - d) of C(n, j) (d + j / n)^(j - 1) (1 - d - j / n)^(n - j).
    from scipy.special import gammaln, xlogy  # noqa: PLC0415 - a service starts without SciPy

    j = np.arange(math.floor(size * (1.0 - distance)) + 1.0)
    below = distance + j / size
    terms = gammaln(size + 1.0) - gammaln(j + 1.0) - gammaln(size - j + 1.0)
    terms += xlogy(j - 1.0, below) + xlogy(size - j, np.maximum(1.0 - below, 0.0))
    return distance * float(np.exp(terms).sum())


def _counted(n: int, m: int, gap: int) -> float | None:
    # The count alone, without ks_2samp's sorting of samples that we do not have. Private to SciPy: a parity
    # test holds it to ks_2samp.
    from scipy.stats import _stats_py  # noqa: PLC0415 - a service starts without SciPy

    count: Any = vars(_stats_py)["_attempt_exact_2kssamp"]
    success, _, probability = count(n, m, math.gcd(n, m), gap / (n * m), "two-sided")
    return float(probability) if success else None
