"""Bins of columns: Evidently's own, and bins that the reference alone fixes.

Counts of counted values equal `numpy.histogram` on the raw rows (float64), edge rounding included: the edges
are given as an array, so NumPy too places rows by comparing them with the edges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats.alignment import Pair, alike, numbers, paired
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.methods.stats.alignment import Counts

    Edges = NDArray[np.float64]

FEW_DISTINCT = 20  # up to so many distinct reference values Evidently gives each value its own bin
QUANTILE_CELLS = 10
CONSTANT_ROOM = 2.0**-20  # relative: sixteen times what float32 rounds a number by


def value_cells(reference: Distribution, current: Distribution) -> Pair:
    """Count one cell per distinct value of both sides together.

    Raises Unmeasurable on compressed numbers: values that were made equal cannot be distinguished.
    """
    if reference.dropped_bits or current.dropped_bits:
        raise Unmeasurable(
            "the column has too many distinct values to keep each one, and this method counts every value"
        )
    return paired(reference, current)


def sturges_cells(reference: Distribution, current: Distribution) -> Pair:
    """Count Evidently's bins of a numerical column (`get_binned_data`).

    Equal-width Sturges bins over both sides together, or one bin per distinct value where the reference has
    at most 20 of them. Raises Unmeasurable where NumPy cannot make the bins.
    """
    if reference.distinct <= FEW_DISTINCT:
        return value_cells(reference, current)
    edges = sturges_edges(reference, current)
    return Pair(counts_between(reference, edges), counts_between(current, edges))


def spread_cells(reference: Distribution, current: Distribution) -> tuple[Pair, NDArray[np.float64]]:
    """Count the bins of Evidently's Hellinger distance, and return their edges as well.

    Sturges bins, their number from how many *distinct* values both sides hold together.
    """
    distinct = len(paired(reference, current).reference)
    edges = _equal_width(*_range(reference, current), distinct)
    return Pair(counts_between(reference, edges), counts_between(current, edges)), edges


def sturges_edges(reference: Distribution, current: Distribution) -> NDArray[np.float64]:
    """Return `numpy.histogram_bin_edges(both sides' rows, "sturges")`, float64, shape (bins + 1,)."""
    return _equal_width(*_range(reference, current), reference.finite + current.finite)


def counts_between(distribution: Distribution, edges: NDArray[np.float64]) -> Counts:
    """Count the rows of each bin [edge, next edge), the last one closed; shape (len(edges) - 1,)."""
    places = numbers(distribution).searchsorted(edges)
    places[-1] = numbers(distribution).searchsorted(edges[-1], "right")
    return np.diff(_below(distribution)[places])


def quantile_cells(reference: Distribution, current: Distribution) -> Pair:
    """Count the cells between the reference's deciles; the first and the last reach to infinity.

    Infinities are counted in them.
    """
    reference, current = alike(reference, current)
    edges = quantile_edges(reference)
    return Pair(counts_up_to(reference, edges), counts_up_to(current, edges))


def quantile_edges(reference: Distribution) -> NDArray[np.float64]:
    """Return the cells' upper edges (inclusive, rising, shape (cells - 1,); the last cell has none).

    An edge lies halfway between a value and the next one, so that rounding, float32 or the last digit of a
    printed number moves no row into another cell. A heavy value has a cell of its own with that room on both
    sides: rows that leave it downwards are seen as well as those that leave it upwards.
    """
    deciles, heavy = quantile_values(reference)
    return halfway(*neighbours(numbers(reference), np.unique(np.concatenate((deciles, heavy, heavy - 1)))))


def quantile_values(reference: Distribution) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of the deciles among the reference's values, and those of its heavy values.

    A value is heavy that holds a tenth of the rows or more.
    """
    cumulative = reference.counts.cumsum()
    rows = int(cumulative[-1])
    deciles = cumulative.searchsorted(np.arange(1, QUANTILE_CELLS) * rows / QUANTILE_CELLS)
    return deciles, np.flatnonzero(reference.counts * QUANTILE_CELLS >= rows)


def neighbours(values: NDArray[np.float64], ends: NDArray[np.intp]) -> tuple[Edges, Edges]:
    """Return the values before and after each edge; `ends` are the places of those before it, from -1 on.

    Beyond its ends a reference has no neighbour: one is taken to be as far away as on the other side, and of
    a constant a millionth of it.
    """
    with np.errstate(over="ignore"):  # as far away as a number can be, or infinitely far
        steps = np.diff(values) if len(values) > 1 else 2.0 * CONSTANT_ROOM * np.abs(values)
        before = min(values[0] - steps[0], np.nextafter(values[0], -np.inf))
        after = max(values[-1] + steps[-1], np.nextafter(values[-1], np.inf))
    around = np.concatenate(([before], values, [after]))
    return around[ends + 1], around[ends + 2]


def halfway(left: Edges, right: Edges) -> Edges:
    """Return the middle of each pair: at or above `left`, and below `right`."""
    with np.errstate(over="ignore", invalid="ignore"):
        apart = right - left
        middle = np.where(np.isfinite(apart), left + apart / 2.0, left / 2.0 + right / 2.0)
    return np.where(middle < right, middle, left)


def counts_up_to(distribution: Distribution, edges: NDArray[np.float64]) -> Counts:
    """Count the rows of each cell (edge before, edge], the ends open; shape (len(edges) + 1,)."""
    below = _below(distribution)
    marks = np.empty(len(edges) + 2, dtype=np.int64)
    marks[0] = -distribution.negative_infinite
    marks[1:-1] = below[numbers(distribution).searchsorted(edges, "right")]
    marks[-1] = below[-1] + distribution.positive_infinite
    return np.diff(marks)


def known_cells(reference: Distribution, current: Distribution) -> Pair:
    """Count one cell per category of the reference, and one for all rows of any other category."""
    both = value_cells(reference, current)
    known = both.reference > 0
    unseen = both.current[~known].sum()
    return Pair(np.append(both.reference[known], 0), np.append(both.current[known], unseen))


def _below(distribution: Distribution) -> Counts:
    # How many rows lie below each value, and at the end all of them.
    below = np.zeros(distribution.distinct + 1, dtype=np.int64)
    np.cumsum(distribution.counts, out=below[1:])
    return below


def _range(reference: Distribution, current: Distribution) -> tuple[np.float64, np.float64]:
    left, right = numbers(reference), numbers(current)
    return min(left[0], right[0]), max(left[-1], right[-1])


def _equal_width(first: np.float64, last: np.float64, size: int) -> NDArray[np.float64]:
    # Step by step as numpy.histogram_bin_edges does it, so that the last bit agrees.
    width = (last - first) / (np.log2(size) + 1.0)
    if not np.isfinite(width):
        raise Unmeasurable(f"the range from {first:g} to {last:g} is wider than a number can hold")
    if first == last:
        first, last = first - 0.5, last + 0.5
    bins = math.ceil((last - first) / width) if width else 1
    edges = np.linspace(first, last, bins + 1)
    if (edges[:-1] >= edges[1:]).any():
        raise Unmeasurable(f"the range from {first!r} to {last!r} is too narrow for {bins} bins")
    return edges
