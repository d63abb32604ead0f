"""Bounds, by method, of how far a value computed from compressed numbers lies from the exact one.

Compression moves a value towards zero by less than 2**(dropped_bits - 52) of its size. For the area between
ECDFs that bounds the change directly. For binned distances it says which rows may belong to the next cell, so
every cell's share lies in an interval; the distances are sums of jointly convex terms that are zero where
both shares are equal, so each term's extremes over two intervals lie at known corners. Where no such argument
holds, the bound is the whole range of the method: never too small, and never silent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.profile.distribution import MANTISSA_BITS
from service.methods.stats import distance, p_values
from service.methods.stats.alignment import alike, numbers
from service.methods.stats.binning import (
    QUANTILE_CELLS,
    halfway,
    neighbours,
    quantile_values,
    sturges_edges,
)
from service.methods.stats.hypothesis_tests import largest_gap
from service.methods.stats.robust import ADDED_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.methods.stats.alignment import Counts

    Shares = NDArray[np.float64]
    Bound = Callable[[Distribution, Distribution, float], float]

MAX_CELLS = 3 * QUANTILE_CELLS  # deciles, and two edges for each value that holds a tenth of the rows


class Range(NamedTuple):
    """The least and the most of each cell, shape (k,) each."""

    low: Shares
    high: Shares


def wasserstein(reference: Distribution, current: Distribution, value: float) -> float:
    """Bound the distance: the mean displacements, and what the reference's scale may be off by."""
    return _scaled(reference, current, value, distance.SMALLEST_SCALE)


def wasserstein_robust(reference: Distribution, current: Distribution, value: float) -> float:
    """Bound the winsorised distance: as above, and by how much the range's ends may have moved."""
    if reference.distinct == 1:
        return max(value, 1.0 - value)
    ends = float(np.abs(numbers(reference)[[0, -1]]).max()) * _relative(reference)
    return _scaled(reference, current, value, 0.0, ends)


def ks(reference: Distribution, current: Distribution, value: float) -> float:
    """Bound the p-value: at the edges of the kept values both ECDFs are exact.

    So the true gap is at least the measured one, and larger by no more than the fuller bucket's share.
    """
    reference, current = alike(reference, current)
    pairs = reference.finite * current.finite
    more = math.ceil(max(reference.rank_displacement, current.rank_displacement) * pairs)
    gap = min(largest_gap(reference, current) + more, pairs)
    return max(value - p_values.kolmogorov_smirnov(reference.finite, current.finite, gap), 0.0)


def whole_range(top: float) -> Bound:
    """Return the bound of a method whose value lies between 0 and `top`, and of which no more is known."""

    def bound(_reference: Distribution, _current: Distribution, value: float) -> float:
        return max(value, top - value)

    return bound


def sturges(
    terms: Callable[[Shares, Shares], Shares], *, fill: bool, normalised: bool = False, root: bool = False
) -> Bound:
    """Return the bound of a distance over Evidently's bins of numbers.

    `fill`: with its zero fill; `normalised`: shares are made to sum to one after it; `root`: the distance is
    the root of the terms' sum.
    """

    def bound(reference: Distribution, current: Distribution, value: float) -> float:
        edges = sturges_edges(reference, current)
        reach = float(np.abs(edges[[0, -1]]).max())
        slack = 2.0 * reach * max(_relative(reference), _relative(current))  # a value's and an edge's
        sides = [_shares_of(_between(part, edges, slack), part.finite) for part in (reference, current)]
        if fill:
            sides = [
                _filled(side, part.finite) for side, part in zip(sides, (reference, current), strict=True)
            ]
        if normalised:
            sides = [_normalised(side) for side in sides]
        return farthest(terms, sides[0], sides[1], value, root=root)

    return bound


def quantiles(
    terms: Callable[[Shares, Shares], Shares], top: Callable[[float], float], *, root: bool = False
) -> Bound:
    """Return the bound of a distance over the reference's quantile cells.

    Of the reference only the rows whose kept value is a decile can change cells, of the window those from
    there up to the edge that follows. Where a kept value other than zero holds a tenth of the rows, or a
    decile meets the edge below a heavy zero, there may be other cells: then the bound is the whole range, of
    which `top` gives the upper end for the smallest share that a cell can have.
    """

    def bound(reference: Distribution, current: Distribution, value: float) -> float:
        reference, current = alike(reference, current)
        deciles, heavy = quantile_values(reference)
        # A zero is never made of another value.
        if numbers(reference)[heavy].any() or np.isin(heavy - 1, deciles).any():
            smallest = ADDED_ROWS / (max(reference.rows, current.rows) + ADDED_ROWS * MAX_CELLS)
            return max(value, top(smallest) - value)
        cells = _quantile_rows(reference, current, deciles, heavy)
        sides = [_smoothed(*each) for each in zip(cells, (reference, current), strict=True)]
        return farthest(terms, sides[0], sides[1], value, root=root)

    return bound


def psi_terms(reference: Shares, current: Shares) -> Shares:
    """Return the population stability index by cell."""
    return (reference - current) * np.log(reference / current)


def kl_terms(reference: Shares, current: Shares) -> Shares:
    """Return the Kullback-Leibler divergence by cell, made convex by terms that sum to zero."""
    return reference * np.log(reference / current) - reference + current


def js_terms(reference: Shares, current: Shares) -> Shares:
    """Return the Jensen-Shannon divergence by cell, in nats."""
    middle = (reference + current) / 2.0
    terms: Shares = (
        distance.relative_entropy(reference, middle) + distance.relative_entropy(current, middle)
    ) / 2.0
    return terms


def hellinger_terms(reference: Shares, current: Shares) -> Shares:
    """Return the squared Hellinger distance by cell."""
    terms: Shares = (np.sqrt(reference) - np.sqrt(current)) ** 2 / 2.0
    return terms


def _relative(part: Distribution) -> float:
    return 2.0 ** (part.dropped_bits - MANTISSA_BITS) if part.dropped_bits else 0.0


def _scaled(
    reference: Distribution, current: Distribution, value: float, floor: float, ends: float = 0.0
) -> float:
    # With W' / s' measured, |W / s - W' / s'| <= (|W - W'| + W' / s' * |s - s'|) / s; the deviation s moves
    # by no more than the root mean square of the displacements.
    mean_square = float(numbers(reference) ** 2 @ reference.counts) / reference.finite
    scale_moved = math.sqrt(mean_square) * _relative(reference)
    least = max(distance.standard_deviation(reference) - scale_moved, floor)
    if least <= 0.0:
        return math.inf
    moved = reference.displacement + current.displacement + 2.0 * ends
    return (moved + value * scale_moved) / least


def _between(part: Distribution, edges: Shares, slack: float) -> tuple[Counts, Counts]:
    # Rows surely and possibly below each inner edge; the outer ones hold every row.
    return _cells(part, edges[1:-1] - slack, edges[1:-1] + slack)


def _quantile_rows(
    reference: Distribution, current: Distribution, deciles: NDArray[np.intp], heavy: NDArray[np.intp]
) -> tuple[tuple[Counts, Counts], tuple[Counts, Counts]]:
    # The exact edge lies halfway between the largest exact value up to the decile and the next one. Both may
    # have been made the kept value `left`, so it lies anywhere from there up to the kept edge. Beside a zero
    # that is `left`, or heavy, it is known up to what compression moved the other neighbour by. `slack` is
    # that, and as much for the window's rows.
    ends = np.unique(np.concatenate((deciles, heavy, heavy - 1)))
    left, right = neighbours(numbers(reference), ends)
    edges = halfway(left, right)
    slack = np.maximum(np.abs(left), np.abs(right)) * max(_relative(reference), _relative(current))
    known = (left == 0.0) | np.isin(ends + 1, heavy)
    return (
        _cells(reference, np.where(known, np.nextafter(edges, np.inf), left), np.where(known, edges, left)),
        _cells(current, np.where(known, np.nextafter(edges - slack, np.inf), left), edges + slack),
    )


def _cells(part: Distribution, surely: Shares, possibly: Shares) -> tuple[Counts, Counts]:
    below = np.concatenate(([0], part.counts.cumsum()))
    values, ends = numbers(part), below[[0, -1]]
    least = np.insert(ends, 1, below[values.searchsorted(surely, "left")])
    most = np.insert(ends, 1, below[values.searchsorted(possibly, "right")])
    return np.maximum(least[1:] - most[:-1], 0), most[1:] - least[:-1]


def _shares_of(cells: tuple[Counts, Counts], rows: int) -> Range:
    return Range(cells[0] / rows, np.minimum(cells[1] / rows, 1.0))


def _smoothed(cells: tuple[Counts, Counts], part: Distribution) -> Range:
    ends = np.zeros(len(cells[0]), dtype=np.int64)
    ends[0], ends[-1] = part.negative_infinite, part.positive_infinite
    whole = part.finite + part.infinite + ADDED_ROWS * len(ends)
    low, high = (np.asarray((cell + ends + ADDED_ROWS) / whole, dtype=np.float64) for cell in cells)
    return Range(low, high)


def _filled(side: Range, rows: int) -> Range:
    # The stand-in rises with the smallest share that is not zero, which lies in an interval too.
    smallest = float(np.maximum(side.low, 1.0 / rows)[side.high > 0.0].min())
    largest = float(side.high[side.low > 0.0].min(initial=1.0))
    least, most = distance.stand_in(smallest), distance.stand_in(largest)
    certain = side.low > 0.0
    return Range(
        np.where(certain, side.low, least), np.where(certain, side.high, np.maximum(side.high, most))
    )


def _normalised(side: Range) -> Range:
    # The shares summed to one before the fill, so their sum is one and the stand-ins of the empty cells.
    most = 1.0 + distance.ZERO_FILL * len(side.low)
    return Range(side.low / most, side.high)


def farthest(
    terms: Callable[[Shares, Shares], Shares], reference: Range, current: Range, value: float, *, root: bool
) -> float:
    """Return how far a distance over shares that lie in ranges may be from `value`."""
    corners = [terms(left, right) for left in reference for right in current]
    most = float(np.max(corners, axis=0).sum())
    left = np.minimum(np.maximum(reference.low, current.low), reference.high)
    right = np.minimum(np.maximum(left, current.low), current.high)
    least = float(terms(left, right).sum())
    if root:
        most, least = math.sqrt(max(most, 0.0)), math.sqrt(max(least, 0.0))
    return max(most - value, value - least, 0.0)


def _constant(top: float) -> Callable[[float], float]:
    return lambda _smallest: top


PSI = sturges(psi_terms, fill=True)
PSI_ROBUST = quantiles(psi_terms, lambda smallest: -2.0 * math.log(smallest))
JS = sturges(js_terms, fill=False, root=True)
JS_ROBUST = quantiles(js_terms, _constant(math.sqrt(math.log(2.0))), root=True)
KL = sturges(kl_terms, fill=True, normalised=True)
KL_ROBUST = quantiles(kl_terms, lambda smallest: -math.log(smallest))
HELLINGER = whole_range(1.0)  # how many distinct values there were decides the bins, and that is lost
HELLINGER_ROBUST = quantiles(hellinger_terms, _constant(1.0), root=True)
