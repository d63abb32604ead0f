"""Robust definitions of distances and tests; each docstring says how it differs from Evidently's, and why.

All binned ones share four choices. Cells are fixed by the reference alone, so one outlier among the current
rows cannot stretch them until everything falls into one. Their edges lie halfway between neighbouring values,
so that rounding moves no row. Their ends are open and infinities count into them. Half a row is added to
every cell on both sides (the prior of Jeffreys) in place of a zero fill, so the first row of a new category
moves the value a little and not without bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from service.methods.stats import p_values
from service.methods.stats.alignment import area, ecdf_gap, numbers
from service.methods.stats.binning import quantile_cells, value_cells
from service.methods.stats.distance import finite_scale
from service.methods.stats.hypothesis_tests import two_proportions
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.methods.stats.alignment import Counts

    Tally = Counts | NDArray[np.float64]

_Rows = TypeVar("_Rows", np.int64, np.float64)

ADDED_ROWS = 0.5
MIN_EXPECTED = 5.0  # W. G. Cochran, "Some methods for strengthening the common chi-square tests" (1954)


def smoothed(counts: Tally) -> NDArray[np.float64]:
    """Return the shares with half a row added to every cell; they sum to one and none is zero."""
    shares: NDArray[np.float64] = (counts + ADDED_ROWS) / (counts.sum() + ADDED_ROWS * len(counts))
    return shares


def wasserstein(reference: Distribution, current: Distribution) -> float:
    """Return the Wasserstein distance within the reference's range, in its standard deviations.

    Both sides are winsorised to the reference's smallest and largest finite value: how far beyond it a row
    lies is a matter of data quality (out_of_range_share), and one row of 1e9 does not decide the number. The
    scale has no floor, so a column measured in thousandths is not taken for a constant. A constant reference
    has no scale: the distance is then the share of rows that differ from it, by a millionth of it or more, 0
    to 1 (the Wasserstein distance where any two different values are one apart).
    """
    if reference.distinct == 1:
        same = int(quantile_cells(reference, current).current[1])
        return 1.0 - same / (current.finite + current.infinite)
    scale = finite_scale(reference)
    if scale == 0.0:
        raise Unmeasurable("the reference's values differ by less than a number can hold")
    values, counts = _winsorised(reference, reference)
    others, other_counts = _winsorised(current, reference)
    both = ecdf_gap(values, counts, others, other_counts)
    return area(both, int(counts.sum()) * int(other_counts.sum())) / scale


def chisquare(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the two-sample chi-square test of homogeneity.

    The reference is a sample too and not a law, so a category that it happens not to hold is no impossible
    one: expectations come from both sides together. Categories expected fewer than five times on a side are
    pooled into one; if that one is still too small, it joins the next larger category. Both sides one and the
    same category: 1. Raises Unmeasurable where pooling leaves one of several categories.
    """
    both = value_cells(reference, current)
    if len(both.reference) == 1:
        return 1.0
    table = pooled(both)
    if table.shape[1] == 1:
        raise Unmeasurable("fewer than two categories can be expected five times; take a longer window")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return p_values.chi_square(float(((table - expected) ** 2 / expected).sum()), table.shape[1] - 1)


def z(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the pooled z-test on the share of the reference's most frequent category.

    It does not depend on how the categories are spelled. Of equally frequent ones the first; both sides
    constant and alike: 1.
    """
    both = value_cells(reference, current)
    if len(both.reference) == 1:
        return 1.0
    most = int(both.reference.argmax())
    return two_proportions(
        int(both.reference[most]), reference.finite, int(both.current[most]), current.finite
    )


def pooled(both: tuple[NDArray[_Rows], NDArray[_Rows]]) -> NDArray[_Rows]:
    """Return the table (shape (2, cells)) with the categories expected fewer than five times as one.

    A pool that is still too small joins the next larger category.
    """
    table = np.array(both)
    # A category is rare where its share of the smaller side is below five rows.
    least = MIN_EXPECTED * table.sum() / table.sum(axis=1).min()
    table = table[:, table.sum(axis=0).argsort(kind="stable")]
    totals = table.sum(axis=0).cumsum()
    rare = int(np.count_nonzero(np.diff(totals, prepend=0) < least))
    if rare == 0:
        return table
    if totals[rare - 1] < least:
        rare = min(rare + 1, len(totals))
    return np.column_stack((table[:, :rare].sum(axis=1), table[:, rare:]))


def _winsorised(part: Distribution, reference: Distribution) -> tuple[NDArray[np.float64], Counts]:
    low, high = numbers(reference)[[0, -1]]
    values = numbers(part).clip(low, high)
    if not part.infinite:
        return values, part.counts
    ends = (part.negative_infinite, part.positive_infinite)
    return np.concatenate(([low], values, [high])), np.concatenate((ends[:1], part.counts, ends[1:]))
