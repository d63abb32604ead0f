"""Kuiper's two-sample test of numerical columns.

The statistic V is the sum of how far one ECDF lies above the other and how far below, so that a change of
spread, or of either tail, counts as much as one of the median, which is where Kolmogorov and Smirnov's looks.
The p-value is that of M. A. Stephens, "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics
without extensive tables" (1970), as in W. H. Press et al., "Numerical Recipes" (3rd ed., section 14.3.4), for
n m / (n + m) rows against a law. Ties make it too large, never too small.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.drift.method import Compression, Definition, Method, numbers, p_value
from service.methods.stats import alignment

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution

CERTAIN = 0.4  # below this the p-value is one to ten digits; its series needs ever more terms
TERMS = 12  # from there on the next one is below 1e-20


def kuiper(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of Kuiper's two-sample statistic."""
    return tail(reference.finite, current.finite, statistic(reference, current))


def statistic(reference: Distribution, current: Distribution) -> int:
    """Return Kuiper's V, in units of 1 / (reference rows * current rows)."""
    reference, current = alignment.alike(reference, current)
    both = alignment.ecdf_gap(
        alignment.numbers(reference), reference.counts, alignment.numbers(current), current.counts
    )
    last = np.flatnonzero(both.values[1:] != both.values[:-1])  # of equal values the last has the whole step
    gap = both.gap[last]
    return int(gap.max(initial=0)) + int((-gap).max(initial=0))


def tail(reference_rows: float, current_rows: float, gaps: float) -> float:
    """Return P(V >= `gaps`) without drift, `gaps` in units of 1 / (reference rows * current rows)."""
    pairs = reference_rows * current_rows
    root = math.sqrt(pairs / (reference_rows + current_rows))
    scaled = (root + 0.155 + 0.24 / root) * (gaps / pairs)
    if scaled < CERTAIN:
        return 1.0
    squares = (np.arange(1.0, TERMS + 1.0) * scaled) ** 2
    return min(max(2.0 * float(((4.0 * squares - 1.0) * np.exp(-2.0 * squares)).sum()), 0.0), 1.0)


def bound(reference: Distribution, current: Distribution, value: float) -> float:
    """Bound the p-value on compressed values, as `error_bounds.ks` does; both gaps may be larger."""
    reference, current = alignment.alike(reference, current)
    pairs = reference.finite * current.finite
    more = math.ceil(max(reference.rank_displacement, current.rank_displacement) * pairs)
    gaps = min(statistic(reference, current) + 2 * more, pairs)
    return max(value - tail(reference.finite, current.finite, gaps), 0.0)


METHODS: tuple[Method, ...] = (
    p_value("kuiper", Definition.OWN, numbers(kuiper), Compression.BOUND, bound, inclusive=True),
)
