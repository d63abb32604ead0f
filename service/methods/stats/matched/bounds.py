"""How far a value of a compressed window lies from the exact one; the reference by cell is never compressed.

Compression moves a window's value towards zero by less than 2**(dropped_bits - 52) of its size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.distribution import MANTISSA_BITS
from service.methods.stats import error_bounds
from service.methods.stats.alignment import numbers
from service.methods.stats.matched.cells import quantile_edges, reference_cells
from service.methods.stats.matched.distances import scale_of
from service.methods.stats.matched.number_tests import ks_tail, largest_gap
from service.methods.stats.robust import ADDED_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.methods.stats.matched.sides import Doubles

    MatchedBound = Callable[[Weighted, Distribution, float], float]


def wasserstein(reference: Weighted, current: Distribution, value: float) -> float:
    """Bound the distance by the mean displacement of the window's values."""
    if len(reference.values) == 1:
        return max(value, 1.0 - value)
    return current.displacement / scale_of(reference)


def energy(reference: Weighted, current: Distribution, value: float) -> float:
    """Bound the distance, which is a metric, by that of the window from its compressed form."""
    del reference, value
    return math.sqrt(2.0 * current.displacement * current.rank_displacement)


def ks(reference: Weighted, current: Distribution, value: float) -> float:
    """Bound the p-value: the gap may be larger or smaller by the fullest bucket's share."""
    gap, moved = largest_gap(reference, current), current.rank_displacement
    ends = [
        ks_tail(reference.finite, current.finite, min(max(gap + sign * moved, 0.0), 1.0)) for sign in (-1, 1)
    ]
    return max(abs(end - value) for end in ends)


def quantiles(terms: Callable[[Doubles, Doubles], Doubles], *, root: bool = False) -> MatchedBound:
    """Return the bound of a distance over the reference's deciles: a window's row may lie beyond its edge."""

    def bound(reference: Weighted, current: Distribution, value: float) -> float:
        edges = quantile_edges(reference)
        exact = reference_cells(reference, edges)
        slack = 2.0 * np.abs(edges) * 2.0 ** (current.dropped_bits - MANTISSA_BITS)
        below = np.concatenate(([0], current.counts.cumsum()))
        least = below[numbers(current).searchsorted(edges - slack, "right")]
        most = below[numbers(current).searchsorted(edges + slack, "right")]
        ends = np.array([-current.negative_infinite, below[-1] + current.positive_infinite])
        least, most = np.insert(ends, 1, least), np.insert(ends, 1, most)
        low, high = np.maximum(least[1:] - most[:-1], 0), most[1:] - least[:-1]
        rows = current.finite + current.infinite + ADDED_ROWS * len(low)
        shares = (exact + ADDED_ROWS) / (exact.sum() + ADDED_ROWS * len(exact))
        return error_bounds.farthest(
            terms,
            error_bounds.Range(shares, shares),
            error_bounds.Range((low + ADDED_ROWS) / rows, (high + ADDED_ROWS) / rows),
            value,
            root=root,
        )

    return bound


PSI = quantiles(error_bounds.psi_terms)
JENSENSHANNON = quantiles(error_bounds.js_terms, root=True)
KL = quantiles(error_bounds.kl_terms)
HELLINGER = quantiles(error_bounds.hellinger_terms, root=True)
