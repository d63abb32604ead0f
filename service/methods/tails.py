"""How likely is a statistic at least this large? P-values from SciPy, which is imported when first asked.

`scipy.stats` takes most of a second to import and the default methods on a large reference never need it.
"""

from __future__ import annotations

import math
from typing import Any

# The size up to which SciPy's and Evidently's two-sample test counts paths rather than taking the limit.
EXACT_ROWS = 10_000
# Below this both forms of the p-value are zero for every purpose, and the limit is a thousand times cheaper.
NEGLIGIBLE = 1e-12


def chi_square(statistic: float, freedom: int) -> float:
    """Return P(X >= statistic) for a chi-square X with `freedom` degrees (one or more); 0 for infinity."""
    from scipy.special import chdtrc  # noqa: PLC0415 - a service starts without SciPy

    return float(chdtrc(freedom, statistic))


def normal_two_sided(statistic: float) -> float:
    """Return P(|X| >= |statistic|) for a standard normal X."""
    from scipy.special import ndtr  # noqa: PLC0415 - a service starts without SciPy

    return 2.0 * float(ndtr(-abs(statistic)))


def kolmogorov_smirnov(reference_rows: int, current_rows: int, gap: int) -> float:
    """Return the two-sided p-value of the largest ECDF `gap`, in units of 1 / (reference * current rows).

    Equal to `scipy.stats.ks_2samp` (method "auto") to 1e-12: paths are counted where neither side has more
    than 10,000 rows (J. L. Hodges, 1958), else, and where counting fails in floating point, the limit
    `kstwo.sf(D, round(nm / (n + m)))` is taken. It is also taken where the p-value is surely below 1e-12: by
    the triangle inequality and Massart's constant in the inequality of Dvoretzky, Kiefer and Wolfowitz,
    p <= 4 exp(-2 D^2 nm / (sqrt n + sqrt m)^2).
    """
    n, m = reference_rows, current_rows
    distance = gap / (n * m)
    if max(n, m) <= EXACT_ROWS and _at_most(distance, n, m) > NEGLIGIBLE:
        exact = _counted(n, m, gap)
        if exact is not None:
            return exact
    from scipy.stats import kstwo  # noqa: PLC0415 - a service starts without SciPy

    return min(max(float(kstwo.sf(distance, round(n * m / (n + m)))), 0.0), 1.0)


def _at_most(distance: float, n: int, m: int) -> float:
    return 4.0 * math.exp(-2.0 * distance**2 * n * m / (math.sqrt(n) + math.sqrt(m)) ** 2)


def _counted(n: int, m: int, gap: int) -> float | None:
    # The count alone, without ks_2samp's sorting of samples that we do not have. Private to SciPy: a parity
    # test holds it to ks_2samp.
    from scipy.stats import _stats_py  # noqa: PLC0415 - a service starts without SciPy

    count: Any = vars(_stats_py)["_attempt_exact_2kssamp"]
    success, _, probability = count(n, m, math.gcd(n, m), gap / (n * m), "two-sided")
    return float(probability) if success else None
