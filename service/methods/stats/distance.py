"""Distances between two distributions by Evidently's definitions, equal to its own on the raw rows to 1e-9.

The four binned distances are functions of two rows of shares; which cells and which shares is said next to
them in the registry.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats.alignment import area, ecdf_gap, numbers
from service.methods.stats.binning import spread_cells
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.methods.stats.alignment import Counts, Pair

    Shares = NDArray[np.float64]

SMALLEST_SCALE = 0.001  # Evidently's floor under the reference's standard deviation
ZERO_FILL = 1e-4
FILL_DIVISOR = 10**6


def wasserstein(reference: Distribution, current: Distribution) -> float:
    """Return the first Wasserstein distance over max(std of the reference, 0.001), std with ddof 0."""
    both = ecdf_gap(numbers(reference), reference.counts, numbers(current), current.counts)
    apart = area(both, reference.finite * current.finite)
    return apart / max(finite_scale(reference), SMALLEST_SCALE)


def finite_scale(reference: Distribution) -> float:
    """Return the reference's standard deviation.

    Raises Unmeasurable where it is beyond a number: dividing by infinity would make any distance zero.
    """
    scale = standard_deviation(reference)
    if not math.isfinite(scale):
        raise Unmeasurable("the reference's standard deviation is larger than a number can hold")
    return scale


def standard_deviation(distribution: Distribution) -> float:
    """Return the population standard deviation (ddof 0) of at least one number.

    Two passes, corrected for the rounding of the mean (T. F. Chan, G. H. Golub, R. J. LeVeque, 1983).
    """
    if distribution.distinct == 1:
        return 0.0
    values, rows = numbers(distribution), distribution.finite
    centred = values - (values @ distribution.counts) / rows
    left = float(centred @ distribution.counts) / rows
    return math.sqrt(max(float((centred * centred) @ distribution.counts) / rows - left * left, 0.0))


def psi(reference: Shares, current: Shares) -> float:
    """Return the population stability index, sum of (r - c) ln(r / c); no share may be zero."""
    return float(((reference - current) * np.log(reference / current)).sum())


def jensenshannon(reference: Shares, current: Shares) -> float:
    """Return the Jensen-Shannon distance, the root of the divergence in nats: 0 to sqrt(ln 2) = 0.8326."""
    reference, current = reference / reference.sum(), current / current.sum()
    middle = (reference + current) / 2.0
    terms = relative_entropy(reference, middle) + relative_entropy(current, middle)
    divergence = float(terms.sum()) / 2.0
    return math.sqrt(max(divergence, 0.0))  # rounding alone can take it below zero


def kl_div(reference: Shares, current: Shares) -> float:
    """Return the Kullback-Leibler divergence of the reference from the current rows, in nats."""
    return float(relative_entropy(reference / reference.sum(), current / current.sum()).sum())


def relative_entropy(shares: Shares, others: Shares) -> Shares:
    """Return p ln(p / q) by cell, 0 where p is 0; no q may be zero where p is not.

    `scipy.special.rel_entr` gives the same and costs a service 25 MB and its first second.
    """
    ratio = np.divide(shares, others, out=np.ones_like(shares), where=shares > 0)
    terms: Shares = shares * np.log(ratio)
    return terms


def hellinger(reference: Shares, current: Shares) -> float:
    """Return the Hellinger distance sqrt(1 - sum of sqrt(r c)), 0 to 1."""
    affinity = float(np.sqrt(reference * current).sum())
    return math.sqrt(1.0 - min(affinity, 1.0))


def hellinger_of_numbers(reference: Distribution, current: Distribution) -> float:
    """Return the Hellinger distance of two density histograms, as Evidently defines it for numbers."""
    both, edges = spread_cells(reference, current)
    widths = np.diff(edges)
    densities = (counts / widths / counts.sum() for counts in both)
    width = (edges[-1] - edges[0]) / len(widths)
    affinity = 0.0
    for left, right in zip(*(density.tolist() for density in densities), strict=True):
        affinity += math.sqrt(left * right) * width  # in its order: the root below magnifies the last bit
    return math.sqrt(1.0 - min(max(affinity, 0.0), 1.0))


def plain(counts: Counts) -> Shares:
    """Return each cell's share of the rows."""
    shares: Shares = counts / counts.sum()
    return shares


def filled(counts: Counts) -> Shares:
    """Return the shares with Evidently's stand-in for zero; they are not made to sum to one again."""
    shares: Shares = counts / counts.sum()
    empty = counts == 0
    if empty.any():
        shares[empty] = stand_in(float(shares[~empty].min()))
    return shares


def stand_in(smallest: float) -> float:
    """Return what Evidently writes for zero: 1e-4, or a millionth of a `smallest` share that is <= 1e-4."""
    return smallest / FILL_DIVISOR if smallest <= ZERO_FILL else ZERO_FILL


def over(
    cells: Callable[[Distribution, Distribution], Pair],
    shares: Callable[[Counts], Shares],
    divergence: Callable[[Shares, Shares], float],
) -> Callable[[Distribution, Distribution], float]:
    """Return the method that measures `divergence` between the `shares` of rows in `cells`."""

    def measured(reference: Distribution, current: Distribution) -> float:
        both = cells(reference, current)
        return divergence(shares(both.reference), shares(both.current))

    return measured
